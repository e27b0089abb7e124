"""Soft shapes drawn at sub-pixel places."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from enliven.types import Floats, Picture

_SUBPIXEL_BITS = 4


def polygon_mask(polygon: Floats, size_wh: tuple[int, int]) -> Floats:
    """(h, w) float32 coverage, 0 to 1, of a polygon (N, 2) with a soft one-pixel edge."""
    mask = np.zeros((size_wh[1], size_wh[0]), np.uint8)
    cv2.fillPoly(mask, [_fixed(polygon)], 255, cv2.LINE_AA, shift=_SUBPIXEL_BITS)
    return mask.astype(np.float32) / np.float32(255)


def soft_line(points: Floats, size_wh: tuple[int, int], width_px: float, blur_px: float) -> Floats:
    """(h, w) float32, 0 to 1: an open line through (N, 2) points."""
    mask = np.zeros((size_wh[1], size_wh[0]), np.uint8)
    width = max(1, round(width_px))
    cv2.polylines(mask, [_fixed(points)], False, 255, width, cv2.LINE_AA, shift=_SUBPIXEL_BITS)
    soft: Floats = cv2.GaussianBlur(mask.astype(np.float32) / np.float32(255), (0, 0), max(blur_px, 0.45))
    return soft


def disc(radius: int) -> Picture:
    """(2 radius + 1, 2 radius + 1) uint8: 1 inside, to grow masks with."""
    found = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return np.asarray(found, np.uint8)


def outlined(points: Floats, part: tuple[int, ...], side: int, shrink: int = 1) -> Floats:
    """(side / shrink, side / shrink) 1 inside a closed contour; ``points`` (478, 2) in pixels of the side."""
    cells = (points[list(part)] + 0.5) / shrink - 0.5
    mask = np.zeros((side // shrink, side // shrink), np.float32)
    cv2.fillPoly(mask, [np.rint(cells * 16).astype(np.int32)], 1.0, cv2.LINE_8, 4)
    return mask


def _fixed(points: Floats) -> npt.NDArray[np.int32]:
    return np.asarray(np.round(points * (1 << _SUBPIXEL_BITS)), np.int32)
