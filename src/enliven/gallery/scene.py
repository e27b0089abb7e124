"""What further pictures of the same scene show at the animated picture's place."""

from __future__ import annotations

import cv2
import numpy as np

from enliven.face.crop import crop_for, take
from enliven.face.matte import mattes_of, share_of_person
from enliven.gallery.gather import Gallery
from enliven.gallery.shot import Shot, square_of
from enliven.geometry import Similarity
from enliven.types import FaceCrop, Floats, Matte, Picture, Scene, SceneView


def scene_of(gallery: Gallery, matte: Matte | None = None) -> Scene:
    """The square around the portrait's face, and the other shots that were taken where the portrait was.

    Shots are squares around their own faces, so parts of it may be unknown. ``matte``: the person in the portrait;
    with it everybody's outlines are known in the other shots too.
    """
    portrait = gallery.portrait
    crop = crop_for(portrait.landmarks)
    placed = [(shot, shot.place) for shot in gallery.shots[1:] if shot.place is not None]
    shots = [shot for shot, _ in placed]
    mattes = (
        mattes_of([s.picture for s in shots], [s.points for s in shots]) if matte else [None] * len(shots)
    )
    to_portrait = portrait.to_photo.inverse()
    views = [
        _view(gallery, shot, crop, to_portrait @ place, found)
        for (shot, place), found in zip(placed, mattes, strict=True)
    ]
    person = share_of_person(matte, crop.to_picture, crop.size) if matte else None
    return Scene(crop, take(portrait.picture, crop), tuple(views), person)


def at_square(gallery: Gallery, shot: Shot, place: Similarity) -> tuple[Picture, Floats]:
    """A shot of the portrait's scene cut out at the portrait's square: RGB (L, L, 3), and its points (478, 3) there.

    ``place``: from the shot's pixels to those of the photo.
    """
    portrait = gallery.portrait
    crop = square_of(portrait.landmarks)
    to_crop = crop.to_picture.inverse() @ portrait.to_photo.inverse() @ place
    picture = cv2.warpAffine(
        shot.picture,
        to_crop.matrix,
        (crop.size, crop.size),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(picture, np.uint8), shot.landmarks.moved(to_crop, (crop.size, crop.size)).points


def _view(gallery: Gallery, shot: Shot, crop: FaceCrop, placed: Similarity, matte: Matte | None) -> SceneView:
    """``placed``: from the shot's pixels to the portrait's."""
    to_crop, size = crop.to_picture.inverse() @ placed, (crop.size, crop.size)
    picture = np.asarray(cv2.warpAffine(shot.picture, to_crop.matrix, size, flags=cv2.INTER_LINEAR), np.uint8)
    whole = np.ones(shot.picture.shape[:2], np.float32)
    known = np.asarray(cv2.warpAffine(whole, to_crop.matrix, size), np.float32)
    points = shot.landmarks.moved(placed, gallery.portrait.landmarks.image_size_wh).points
    person = share_of_person(matte, to_crop.inverse(), crop.size) if matte else None
    return SceneView(picture, known, points, person)
