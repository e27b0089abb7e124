"""The light on a face, and its colours: what a lender must share with the animated photo."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from enliven.geometry import facing
from enliven.model.strokes import outlined
from enliven.topology import FACE_OVAL, INNER_LIPS, LEFT_EYE, OUTER_LIPS, RIGHT_EYE, triangles
from enliven.types import Floats, Picture

_LEAST_GAIN, _MOST_GAIN = 0.7, 1.4
"""Of the contrast of a lender's colours when they are brought to the animated photo's."""
_SAME_LIGHT, _OTHER_LIGHT = 12.0, 24.0
"""Grey levels between two faces' shades up to which their light is the same, and from which it is not."""
_BLUR = 0.03
"""Width of the blur that leaves shades alone, in face heights."""
_WELL_SEEN = 0.35
"""Cosine to the viewer from which on skin is seen well enough to tell its light."""


def alike_in_light(one: tuple[Picture, Floats], other: tuple[Picture, Floats]) -> float:
    """1 for two pictures of a face in the same light, 0 for lights from other sides; what both show counts.

    Of frames of one clip 90 % differ by 4 to 21 grey levels, of two clips of one person by 8 to 45.
    """
    seen = _well_seen(one[1]) & _well_seen(other[1])
    if not seen.any():
        return 0.0
    apart = _shades(*one)[seen] - _shades(*other)[seen]
    levels = float(np.sqrt(np.mean(apart**2)))
    return float(np.clip((_OTHER_LIGHT - levels) / (_OTHER_LIGHT - _SAME_LIGHT), 0.0, 1.0))


def _shades(picture: Picture, points: Floats) -> Floats:
    """(468, 3) the face's colours at its landmarks, without its details."""
    width = _BLUR * float(np.ptp(points[:, 1]))
    soft = cv2.GaussianBlur(picture, (0, 0), max(width, 0.5)).astype(np.float32)
    x, y = (np.clip(np.rint(points[:468, axis]), 0, picture.shape[1] - 1).astype(int) for axis in (0, 1))
    return np.asarray(soft[y, x], np.float32)


def _well_seen(points: Floats) -> npt.NDArray[np.bool_]:
    """(468,) landmarks whose skin turns to the viewer; lips and eyes move and tell nothing of light."""
    seen = np.zeros(len(points), np.bool_)
    seen[triangles()[facing(points, triangles()) > _WELL_SEEN]] = True
    seen[list({*LEFT_EYE, *RIGHT_EYE, *OUTER_LIPS, *INNER_LIPS})] = False
    return np.asarray(seen[:468], np.bool_)


def recoloured(picture: Picture, points: Floats, like: Picture, like_points: Floats) -> Picture:
    """The picture with mean and spread of its face's colours brought to those of another picture of the person."""
    mean, spread = _colours(picture, points)
    wanted_mean, wanted_spread = _colours(like, like_points)
    gain = np.clip(wanted_spread / np.maximum(spread, 1.0), _LEAST_GAIN, _MOST_GAIN)
    changed = (picture.astype(np.float32) - mean) * gain + wanted_mean
    return np.asarray(np.clip(np.rint(changed), 0, 255), np.uint8)


def _colours(picture: Picture, points: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each channel inside the face's oval."""
    inside = outlined(points[:, :2], FACE_OVAL, picture.shape[0]) > 0.5
    pixels = picture[inside] if inside.any() else picture.reshape(-1, 3)
    return pixels.mean(axis=0, dtype=np.float32), pixels.astype(np.float32).std(axis=0)
