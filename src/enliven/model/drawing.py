"""The landmark picture that the networks read. For pictures that people look at, see `face.draw`.

Lines, groups and colours follow the co-author's published code for 68 points (field.md 1.1), taken from
the same places of the 478. Inner lips and irises are added, since the original left closing lips and gaze
undetermined; `original` leaves them out.
"""

from __future__ import annotations

import cv2
import numpy as np

from enliven.geometry import FloatArray
from enliven.topology import (
    FACE_OVAL,
    INNER_LIPS,
    LEFT_BROW,
    LEFT_EYE,
    LEFT_IRIS,
    NOSE_BASE,
    NOSE_BRIDGE,
    OUTER_LIPS,
    RIGHT_BROW,
    RIGHT_EYE,
    RIGHT_IRIS,
)
from enliven.types import Picture

_THICKNESS = 2
_SUBPIXEL_BITS = 4
_Line = tuple[tuple[int, ...], tuple[int, int, int], bool]

_ORIGINAL: tuple[_Line, ...] = (
    (FACE_OVAL[8:29], (255, 255, 255), False),
    (RIGHT_BROW[:5], (255, 0, 0), False),
    (LEFT_BROW[4::-1], (0, 255, 0), False),
    (NOSE_BRIDGE, (0, 0, 255), False),
    (NOSE_BASE, (0, 0, 255), False),
    (RIGHT_EYE, (255, 0, 255), True),
    (LEFT_EYE, (0, 255, 255), True),
    (OUTER_LIPS, (255, 255, 0), True),
)
_ADDED: tuple[_Line, ...] = (
    (INNER_LIPS, (255, 128, 0), True),
    (RIGHT_IRIS[1:], (255, 255, 255), True),
    (LEFT_IRIS[1:], (255, 255, 255), True),
)


def draw_conditioning(points: FloatArray, size: int, *, original: bool = False) -> Picture:
    """RGB uint8 (size, size, 3), lines two pixels wide on black.

    ``points``: (478, 2 or 3) in pixels of a crop of side ``size``.
    """
    picture = np.zeros((size, size, 3), np.uint8)
    scaled = np.rint(np.asarray(points, np.float64)[:, :2] * (1 << _SUBPIXEL_BITS))
    fixed = np.clip(scaled, -(2**24), 2**24).astype(np.int32)
    for chosen, colour, closed in _ORIGINAL if original else _ORIGINAL + _ADDED:
        line = [fixed[list(chosen)]]
        cv2.polylines(picture, line, closed, colour, _THICKNESS, cv2.LINE_AA, _SUBPIXEL_BITS)
    return picture
