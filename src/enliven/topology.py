"""Names for the point indices of MediaPipe's face mesh; nowhere else is 33 an eye corner.

Left and right are the person's own. Contours run in drawing order. The triangles are those of
MediaPipe's tessellation (Apache-2.0); the mirror table and the mean shape were computed here.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from enliven.types import Floats

Indices = tuple[int, ...]
Real = TypeVar("Real", np.float32, np.float64)

FACE_OVAL: Indices = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
"""Closed; from the top of the forehead towards the person's left."""

RIGHT_EYE: Indices = (
    33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7,
)  # fmt: skip
"""Closed; outer corner, upper lid, inner corner (index 8), lower lid."""

LEFT_EYE: Indices = (
    263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249,
)  # fmt: skip
"""Closed; outer corner, upper lid, inner corner (index 8), lower lid."""

RIGHT_UPPER_LID: Indices = (246, 161, 160, 159, 158, 157, 173)
"""Outer to inner, without the corners."""
RIGHT_LOWER_LID: Indices = (7, 163, 144, 145, 153, 154, 155)
"""Point for point below RIGHT_UPPER_LID."""
LEFT_UPPER_LID: Indices = (466, 388, 387, 386, 385, 384, 398)
LEFT_LOWER_LID: Indices = (249, 390, 373, 374, 380, 381, 382)

RIGHT_IRIS: Indices = (468, 469, 470, 471, 472)
"""Centre first, then four points of the rim."""
LEFT_IRIS: Indices = (473, 474, 475, 476, 477)

RIGHT_BROW: Indices = (70, 63, 105, 66, 107, 55, 65, 52, 53, 46)
"""Closed; upper edge outer to inner, lower edge back."""
LEFT_BROW: Indices = (300, 293, 334, 296, 336, 285, 295, 282, 283, 276)

OUTER_LIPS: Indices = (
    61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146,
)  # fmt: skip
"""Closed; right corner, upper edge, left corner (index 10), lower edge."""
INNER_LIPS: Indices = (
    78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95,
)  # fmt: skip
"""Closed; right corner, upper edge, left corner (index 10), lower edge."""

NOSE_BRIDGE: Indices = (168, 6, 197, 195, 5, 4)
NOSE_BASE: Indices = (64, 98, 97, 2, 326, 327, 294)
"""Right wing to left wing below the tip."""
NOSE_TIP = 1
FOREHEAD, CHIN = 10, 152
"""Upper and lower end of the face."""

STABLE: Indices = (
    10, 67, 297, 109, 338, 103, 332, 151, 9, 8, 168, 6, 197, 195, 5, 4, 1,
    33, 133, 362, 263, 127, 356, 234, 454, 162, 389, 21, 251, 54, 284,
    98, 327, 2, 115, 344, 48, 278, 64, 294,
)  # fmt: skip
"""Points that speech and expression hardly move: forehead, eye corners, nose, temples. The rigid head."""

INNER_UPPER_LIP: Indices = (191, 80, 81, 82, 13, 312, 311, 310, 415)
INNER_LOWER_LIP: Indices = (95, 88, 178, 87, 14, 317, 402, 318, 324)
"""Point for point below INNER_UPPER_LIP."""

_CONTOUR_GROUPS: tuple[Indices, ...] = (
    FACE_OVAL, RIGHT_EYE, LEFT_EYE, RIGHT_IRIS, LEFT_IRIS, RIGHT_BROW, LEFT_BROW,
    OUTER_LIPS, INNER_LIPS, NOSE_BRIDGE, NOSE_BASE,
)  # fmt: skip

CONTOURS: Indices = tuple(sorted({i for group in _CONTOUR_GROUPS for i in group}))
"""Every point that lies on a named contour, ascending."""


@cache
def _table(name: str) -> npt.NDArray[np.float32] | npt.NDArray[np.uint16]:
    with resources.files("enliven").joinpath("assets/face_topology.npz").open("rb") as file:
        table: npt.NDArray[np.float32] = np.load(file, allow_pickle=False)[name]
    table.setflags(write=False)
    return table


def triangles() -> npt.NDArray[np.int64]:
    """(852, 3) point indices of the skin; eyes and mouth are holes.

    Seen from the front, with y down, every triangle runs counter-clockwise (negative area).
    """
    return _table("triangles").astype(np.int64)


def mirror_permutation() -> npt.NDArray[np.int64]:
    """(478,) ``points[mirror_permutation()]`` with x negated is the face in a mirror."""
    return _table("mirror").astype(np.int64)


def in_mirror(shape: npt.NDArray[Real]) -> npt.NDArray[Real]:
    """(..., 478, 2 or 3) a face put upright about x = 0, or changes of one, left and right exchanged."""
    mirrored: npt.NDArray[Real] = shape[..., mirror_permutation(), :].copy()
    mirrored[..., 0] *= -1
    return mirrored


def mean_shape() -> Floats:
    """(478, 3) a neutral mean face: x to the person's left, y down, z away, RMS radius 1, frontal."""
    return _table("mean_shape").astype(np.float32)


@cache
def smile() -> Floats:
    """(478, 2) how points of the mean face move when its mouth widens by the distance of the eyes' outer corners.

    Corners go out and up, cheeks along, the rest hardly (``tools/make_smile.py``).
    """
    return _table("smile").astype(np.float32)


@cache
def views() -> Floats:
    """(5, 478, 3) how the shape measured of a face changes with the view; see :mod:`enliven.motion.view_shape`.

    In units of the mean face, for each of the five causes there (``tools/make_views.py``).
    """
    return _table("views").astype(np.float32)
