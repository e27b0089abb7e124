"""A picture of the person as the learned engine reads it: an upright square around the face."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from enliven.face.crop import crop_for, take
from enliven.geometry import Similarity
from enliven.measure import looks
from enliven.types import FaceCrop, Floats, Landmarks, Picture

LEAST_SIDE, MOST_SIDE = 256, 512
"""Of a shot's square, in its own pixels: the networks read 256, and no output shows more than 512 of a lender."""


@dataclass(frozen=True, eq=False)
class Shot:
    """One photo of the person, cut out."""

    name: str
    """What the user calls it: a file's name, or a video's name and a time."""
    file: Path
    """Where it was read from."""
    picture: Picture
    """RGB (L, L, 3), L from 256 to 512: the face's own resolution as far as that allows."""
    points: Floats
    """(478, 3) in pixels of ``picture``."""
    place: Similarity | None = None
    """From its pixels to those of the picture that is animated, when both show one scene, as a video's frames do."""

    @property
    def landmarks(self) -> Landmarks:
        side = self.picture.shape[0]
        return Landmarks(self.points, (side, side))

    def sized(self, side: int) -> tuple[Picture, Floats]:
        """Picture (side, side, 3) and points, at another size."""
        own = self.picture.shape[0]
        if own == side:
            return self.picture, self.points
        way = cv2.INTER_AREA if side < own else cv2.INTER_CUBIC
        picture = cv2.resize(self.picture, (side, side), interpolation=way)
        factor = side / own
        points = self.points * np.float32(factor)
        points[:, :2] += np.float32(0.5 * factor - 0.5)
        return np.asarray(picture, np.uint8), points


@dataclass(frozen=True, eq=False)
class Candidate:
    """A usable picture, kept small until it is chosen."""

    name: str
    file: Path
    time: Fraction | None
    source: int
    """Number of the user's source it comes from."""
    face: Landmarks
    """In pixels of the whole picture."""
    looks: Floats
    """(8,) see :func:`enliven.measure.looks`."""
    sharpness: float
    descriptor: Floats | None
    """(128,) who it is; None when nothing here can tell."""
    packed: bytes
    """The shot's square as PNG."""
    points: Floats
    """(478, 3) in pixels of that square."""

    def shot(self, *, same_scene: bool = False) -> Shot:
        """The picture unpacked; ``same_scene``: it lies where the animated one lies."""
        stored = cv2.imdecode(np.frombuffer(self.packed, np.uint8), cv2.IMREAD_COLOR)
        picture = np.ascontiguousarray(stored[..., ::-1])
        place = crop_for(self.face, size=picture.shape[0]).to_picture if same_scene else None
        return Shot(self.name, self.file, picture, self.points, place)


def square_of(face: Landmarks) -> FaceCrop:
    """The shot's square of a whole picture with this face."""
    native = crop_for(face, size=LEAST_SIDE).to_picture.scale * LEAST_SIDE
    return crop_for(face, size=int(np.clip(2 * round(native / 2), LEAST_SIDE, MOST_SIDE)))


def cut(picture: Picture, face: Landmarks) -> tuple[Picture, Floats]:
    """The shot's square of a whole picture, (L, L, 3), and the landmarks in it."""
    crop = square_of(face)
    points = face.moved(crop.to_picture.inverse(), (crop.size, crop.size)).points
    return take(picture, crop), points


def packed(picture: Picture) -> bytes:
    """As PNG, lossless and quick."""
    done, data = cv2.imencode(".png", picture[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])
    assert done
    return data.tobytes()


__all__ = ["LEAST_SIDE", "MOST_SIDE", "Candidate", "Shot", "cut", "looks", "packed"]
