"""The photo made ready: read, its face chosen and measured, cut and scaled to what goes out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from enliven.face.choose import choose_face, require_size
from enliven.face.crop import crop_for, take
from enliven.face.landmarker import open_landmarker
from enliven.geometry import Similarity
from enliven.measure import face_height_px
from enliven.media.image import read_photo
from enliven.settings import AnimateSettings
from enliven.types import FaceCrop, Floats, Landmarks, Picture

LEAST_FACE_PX = 64
_ALREADY_CROPPED = 0.38
"""A square photo whose face is at least this share of its height is itself the crop."""
_LARGEST_CROP = 512
"""Default side of a cropped output; --size asks for more."""


@dataclass(frozen=True, eq=False)
class Portrait:
    """A person's photo as it goes out, and where their landmarks lie in it."""

    picture: Picture
    """RGB (H, W, 3), at output size."""
    landmarks: Landmarks
    """In pixels of ``picture``."""
    photo_landmarks: Landmarks
    """In pixels of the photo as it was read."""
    to_photo: Similarity
    """Maps output pixels to photo pixels."""
    is_crop: bool
    notes: tuple[str, ...] = ()

    def from_photo(self, points: Floats) -> Floats:
        """(478, 3) photo pixels to output pixels, depth along."""
        return (
            Landmarks(points, self.photo_landmarks.image_size_wh)
            .moved(self.to_photo.inverse(), self.landmarks.image_size_wh)
            .points
        )

    def crop_xyxy(self) -> tuple[float, float, float, float] | None:
        """Edges of the written square in photo pixels, None when the whole photo is written."""
        if not self.is_crop:
            return None
        height, width = self.picture.shape[:2]
        (x0, y0), (x1, y1) = self.to_photo.apply(np.array([[-0.5, -0.5], [width - 0.5, height - 0.5]])) + 0.5
        return float(x0), float(y0), float(x1), float(y1)


def read_portrait(path: Path, settings: AnimateSettings) -> Portrait:
    """Raises MediaError for what is no usable photo, FaceError for no face, a small one, or the wrong choice."""
    photo = read_photo(path)
    with open_landmarker() as landmarker:
        faces = landmarker.detect(photo)
    size_wh = (photo.shape[1], photo.shape[0])
    face = choose_face(faces, settings.photo_face, size_wh, where=str(path))
    require_size(face, LEAST_FACE_PX, where=str(path))
    return portrait_of(photo, face, settings)


def portrait_of(photo: Picture, face: Landmarks, settings: AnimateSettings) -> Portrait:
    """A photo (H, W, 3) and its face's landmarks, cut and scaled as the settings ask."""
    if settings.output == "crop":
        return _cropped(photo, face, settings.size)
    return _scaled(photo, face, settings.size)


def _cropped(photo: Picture, face: Landmarks, size: int | None) -> Portrait:
    height, width = photo.shape[:2]
    if height == width and face_height_px(face) >= _ALREADY_CROPPED * height:
        crop = FaceCrop(Similarity(), height)
    else:
        crop = crop_for(face, size=_LARGEST_CROP)
    side = crop.size * crop.to_picture.scale
    wanted = size or min(_even(side), _LARGEST_CROP) if side != height else size or height
    resized = _resized(crop, wanted)
    if resized.to_picture == Similarity() and (height, width) == (wanted, wanted):
        return Portrait(photo, face, face, Similarity(), True)
    landmarks = face.moved(resized.to_picture.inverse(), (wanted, wanted))
    return Portrait(take(photo, resized), landmarks, face, resized.to_picture, True)


def _resized(crop: FaceCrop, size: int) -> FaceCrop:
    """The same square of the photo read with another number of pixels."""
    factor = crop.size / size
    inner = Similarity(factor, 0.0, (0.5 * factor - 0.5, 0.5 * factor - 0.5))
    return FaceCrop(crop.to_picture @ inner, size)


def _even(side: float) -> int:
    return max(2, 2 * round(side / 2))


def _scaled(photo: Picture, face: Landmarks, size: int | None) -> Portrait:
    height, width = photo.shape[:2]
    if size is None or size == max(height, width):
        return Portrait(photo, face, face, Similarity(), False)
    factor = max(height, width) / size
    wanted = (_even(width / factor), _even(height / factor))
    shrinks = factor > 1
    picture = cv2.resize(photo, wanted, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    # One factor for both axes: rounding to even sides moves points by less than half a pixel.
    to_photo = Similarity(factor, 0.0, (0.5 * factor - 0.5, 0.5 * factor - 0.5))
    note = f"The photo of {width} x {height} was scaled to {wanted[0]} x {wanted[1]} (--size {size})."
    return Portrait(
        np.asarray(picture, np.uint8), face.moved(to_photo.inverse(), wanted), face, to_photo, False, (note,)
    )
