"""The squares that are cut from pictures, and the way back."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from enliven.geometry import Box, FloatArray, Similarity
from enliven.types import FaceCrop, Landmarks, Picture

CROP_FACTOR = 1.9
"""Side of the crop over the face's longer side: hair, chin and some neck are inside."""
_HEADROOM = 0.06
"""The square's centre lies above the face's by this share of its side, since hair is part of the head."""


def square(center_xy: tuple[float, float], side_px: float, size: int, angle_deg: float = 0.0) -> FaceCrop:
    """The square of ``side_px`` picture pixels around ``center_xy``, read as ``size`` x ``size`` pixels."""
    scale = side_px / size
    middle = (size - 1) / 2
    turn = Similarity(scale, angle_deg)
    dx, dy = turn.apply(np.array([middle, middle]))
    return FaceCrop(Similarity(scale, angle_deg, (center_xy[0] - dx, center_xy[1] - dy)), size)


def crop_for(landmarks: Landmarks, size: int = 256, factor: float = CROP_FACTOR) -> FaceCrop:
    """The upright square around one face; ``factor`` is its side over the face's longer side.

    It may reach over the picture's edges; :func:`take` repeats the border there.
    """
    face = Box.around(landmarks.xy)
    side = factor * max(face.width, face.height)
    x, y = face.center
    return square((x, y - _HEADROOM * side), side, size)


def fixed_square(boxes: Sequence[Box], image_size_wh: tuple[int, int], factor: float = CROP_FACTOR) -> Box:
    """One square for a whole shot: it covers every face box, with the usual margin about the typical one.

    Sides and corners are whole pixels. The square is moved, and only then shrunk, to lie inside the picture.
    Raises ValueError without boxes.
    """
    if not boxes:
        raise ValueError("a shot without face boxes has no square")
    face_side = float(np.median([max(box.width, box.height) for box in boxes]))
    cover = Box(
        min(b.x0 for b in boxes), min(b.y0 for b in boxes), max(b.x1 for b in boxes), max(b.y1 for b in boxes)
    )
    # Where the face wanders, half the usual margin on the outermost places is enough.
    side = max(factor * face_side, max(cover.width, cover.height) + (factor - 1) / 2 * face_side)
    side = float(min(math.ceil(side), *image_size_wh))
    x, y = cover.center
    x0 = _inside(x - side / 2, side, image_size_wh[0])
    y0 = _inside(y - _HEADROOM * side - side / 2, side, image_size_wh[1])
    return Box(x0, y0, x0 + side, y0 + side)


def _inside(start: float, length: float, limit: int) -> float:
    return float(round(min(max(start, 0.0), limit - length)))


def crop_of_square(box: Box, size: int) -> FaceCrop:
    """The crop that reads a square box; the box's edges lie half a pixel outside of the outermost centres."""
    (x, y), side = box.center, box.width
    return square((x - 0.5, y - 0.5), side, size)


def take(image: Picture, crop: FaceCrop, border: int = cv2.BORDER_REPLICATE) -> Picture:
    """The crop's pixels, RGB (size, size, 3): averaged when it shrinks, the border repeated outside."""
    part, to_part = _shrunk_part(image, crop)
    fine = max(1, math.ceil(to_part.scale - 0.25))
    # Sampled about once a pixel of the part and averaged by a whole number: exact places, no aliasing.
    patch = cv2.warpAffine(
        part,
        (to_part @ _whole_shrink(fine)).matrix,
        (fine * crop.size, fine * crop.size),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=border,
    )
    if fine > 1:
        patch = cv2.resize(patch, (crop.size, crop.size), interpolation=cv2.INTER_AREA)
    return np.asarray(patch, np.uint8)


def _whole_shrink(factor: int) -> Similarity:
    """From pixels to the coarser pixels that average ``factor`` x ``factor`` of them."""
    return Similarity(1 / factor, 0.0, (0.5 / factor - 0.5, 0.5 / factor - 0.5))


def _shrunk_part(image: Picture, crop: FaceCrop) -> tuple[Picture, Similarity]:
    """The part of the picture under the crop, averaged by the whole number in its scale; the way to it."""
    factor = min(math.floor(crop.to_picture.scale), *image.shape[:2])
    if factor < 2:
        return image, crop.to_picture
    corners = crop.to_picture.apply(
        np.array([[0, 0], [0, crop.size], [crop.size, 0], [crop.size, crop.size]])
    )
    (left, top), (width, height) = _span(corners, factor, (image.shape[1], image.shape[0]))
    part = image[top : top + height, left : left + width]
    small = cv2.resize(part, (width // factor, height // factor), interpolation=cv2.INTER_AREA)
    to_small = _whole_shrink(factor) @ Similarity(1.0, 0.0, (-left, -top))
    return np.asarray(small, np.uint8), to_small @ crop.to_picture


def _span(
    corners: FloatArray, factor: int, size_wh: tuple[int, int]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """(left, top), (width, height) inside the picture around the corners; whole numbers of ``factor`` pixels."""
    starts, lengths = [], []
    for low, high, limit in zip(corners.min(axis=0), corners.max(axis=0), size_wh, strict=True):
        start = min(max(math.floor(low) - 2 * factor, 0), limit - factor)
        end = max(min(math.ceil(high) + 2 * factor, limit), start + factor)
        starts.append(start)
        lengths.append((end - start) // factor * factor)
    return (starts[0], starts[1]), (lengths[0], lengths[1])
