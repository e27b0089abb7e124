"""Which squares of a picture the detectors look at: all of it, then ever smaller overlapping parts."""

from __future__ import annotations

import math

from enliven.face.crop import square
from enliven.types import FaceCrop

_VIEW_SIZE = 192
_LEAST_SIDE = 400
"""Smallest view in picture pixels: a tenth of it is the smallest face that is found."""
_OVERLAP = 1 / 3
"""Of neighbouring views; a larger face was already found in the larger views."""
_LEAST_SEARCH_SIDE = 240
"""The same for videos, where every view costs time again and again."""
_MOST_PER_SIDE = 16
_SURROUNDED = 1.6
"""A view this much larger than the picture, for a face that fills the picture."""


def whole(image_size_wh: tuple[int, int], angle_deg: float = 0.0, factor: float = 1.0) -> FaceCrop:
    """The square view around the whole picture."""
    width, height = image_size_wh
    centre = ((width - 1) / 2, (height - 1) / 2)
    return square(centre, factor * max(width, height), _VIEW_SIZE, angle_deg)


def wholes(image_size_wh: tuple[int, int]) -> list[FaceCrop]:
    """The picture with a wide margin, and the picture."""
    return [whole(image_size_wh, factor=_SURROUNDED), whole(image_size_wh)]


def upright_views(image_size_wh: tuple[int, int]) -> list[FaceCrop]:
    """Views that show every face from 40 pixels up at a size that the detectors know."""
    views = wholes(image_size_wh)
    longest = max(image_size_wh)
    least = max(_LEAST_SIDE, longest / _MOST_PER_SIDE)
    side = longest / 2
    while side >= least:
        views += tiles(image_size_wh, side)
        side /= 2
    return views


def turned_views(image_size_wh: tuple[int, int]) -> list[FaceCrop]:
    """The whole picture turned, for people who lie, hang or stand on their heads."""
    angles = (90.0, -90.0, 180.0, 45.0, -45.0, 135.0, -135.0)
    return [whole(image_size_wh, angle, factor) for angle in angles for factor in (1.0, _SURROUNDED)]


def tiles(image_size_wh: tuple[int, int], side: float) -> list[FaceCrop]:
    """Overlapping squares of ``side`` pixels that cover the picture, row by row."""
    columns, rows = (_starts(length, side) for length in image_size_wh)
    half = (side - 1) / 2
    return [square((x + half, y + half), side, _VIEW_SIZE) for y in rows for x in columns]


def quick_views(image_size_wh: tuple[int, int]) -> list[FaceCrop]:
    """The picture with a wide margin, the picture, and its parts of half its longer side."""
    side = max(image_size_wh) / 2
    parts = tiles(image_size_wh, side) if side >= _LEAST_SEARCH_SIDE else []
    return [*wholes(image_size_wh), *parts]


def around(centre: tuple[float, float], side: float) -> FaceCrop:
    """One view of ``side`` pixels."""
    return square(centre, side, _VIEW_SIZE)


def _starts(length: int, side: float) -> list[float]:
    if length <= side:
        return [(length - side) / 2]
    count = math.ceil((length - side) / (side * (1 - _OVERLAP))) + 1
    return [i * (length - side) / (count - 1) for i in range(count)]
