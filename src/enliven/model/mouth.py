"""The inside of a mouth that the photo does not show: dark and soft instead of smeared lips."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from enliven.geometry import Similarity
from enliven.model.eyes import polygon_mask
from enliven.topology import FACE_OVAL, INNER_LIPS, INNER_LOWER_LIP, INNER_UPPER_LIP, OUTER_LIPS, STABLE
from enliven.types import Floats, Overlay, Picture

_DARK = np.array([46.0, 20.0, 18.0])
"""Colour of a mouth's depth in good light."""
_TEETH = np.array([212.0, 201.0, 188.0])
_TEETH_OPACITY = 0.75
_LIP_RING = list(OUTER_LIPS)
_INNER_RING = list(INNER_LIPS)


class MouthLayer:
    """Fills what opens between the lips beyond what the photo itself shows there."""

    def __init__(self, photo: Picture, source: Floats) -> None:
        """``photo``: RGB (H, W, 3); ``source``: (478, 2) landmarks in photo pixels."""
        self._source_gap = _gap(source)
        self._colours = _interior_colours(
            _median_colour(photo, (source[_LIP_RING] + source[_INNER_RING]) / 2),
            _median_colour(photo, source[list(STABLE)]),
        )

    def overlay(self, target: Floats, head_scale: float) -> Overlay | None:
        """The dark interior for lips at ``target`` (478, 2) photo pixels, or None while it is not needed."""
        missing = _gap(target) - 1.3 * self._source_gap * head_scale
        face_px = float(np.linalg.norm(target[FACE_OVAL[0]] - target[FACE_OVAL[18]]))
        strength = float(np.clip(missing / (0.012 * face_px), 0.0, 1.0))
        if strength <= 0.0:
            return None
        polygon = target[list(INNER_LIPS)]
        sigma = max(0.10 * _gap(target), 0.5)
        margin = int(np.ceil(3 * sigma)) + 2
        x0, y0 = np.floor(polygon.min(axis=0)).astype(int) - margin
        x1, y1 = np.ceil(polygon.max(axis=0)).astype(int) + margin + 1
        size_wh = (int(x1 - x0), int(y1 - y0))
        alpha = cv2.GaussianBlur(polygon_mask(polygon - [x0, y0], size_wh), (0, 0), sigma)
        image = self._interior(polygon - [x0, y0], size_wh, face_px)
        return Overlay(image, alpha * np.float32(strength), Similarity(shift_px=(float(x0), float(y0))))

    def _interior(self, polygon: Floats, size_wh: tuple[int, int], face_px: float) -> Picture:
        """Dark throat, a trace of tongue above the lower lip, soft upper teeth under the upper lip."""
        columns = np.arange(size_wh[0], dtype=np.float64)
        top, bottom = _edge(polygon[:11], columns), _edge(polygon[10:], columns)
        height = np.arange(size_wh[1], dtype=np.float64)[:, None]
        gap = np.maximum(bottom - top, 1.0)
        depth = np.clip((height - top) / gap, 0.0, 1.0)[..., None]  # (h, w, 1)
        throat, tongue, teeth = self._colours
        picture = throat + (tongue - throat) * depth**2
        shown = _TEETH_OPACITY * np.clip(gap / (0.06 * face_px), 0.0, 1.0) * _arch(columns, polygon)
        length = np.minimum(0.42 * gap, 0.05 * face_px)
        edge = np.clip((length - (height - top)) / (0.35 * length) + 0.5, 0.0, 1.0)
        picture += (teeth - picture) * (edge * shown)[..., None]
        return np.asarray(np.clip(np.round(picture), 0, 255), np.uint8)


def _edge(contour: Floats, columns: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(w,) height of a lip's edge at each column."""
    order = np.argsort(contour[:, 0], kind="stable")
    return np.interp(columns, contour[order, 0], contour[order, 1])


def _arch(columns: npt.NDArray[np.float64], polygon: Floats) -> npt.NDArray[np.float64]:
    """(w,) 1 in the middle of the mouth, 0 at its corners, where the row of teeth recedes into the dark."""
    left, right = float(polygon[:, 0].min()), float(polygon[:, 0].max())
    across = np.abs(2.0 * (columns - left) / max(right - left, 1.0) - 1.0)
    return np.asarray(np.clip(1.25 - 1.5 * across**2, 0.0, 1.0), np.float64)


def _gap(points: Floats) -> float:
    gaps = np.linalg.norm(points[list(INNER_UPPER_LIP)] - points[list(INNER_LOWER_LIP)], axis=1)
    return float(gaps.mean())


def _median_colour(photo: Picture, places: Floats) -> npt.NDArray[np.float64]:
    """(3,) median of the photo's colours at (N, 2) places."""
    at = np.round(places).astype(int)
    columns = np.clip(at[:, 0], 0, photo.shape[1] - 1)
    rows = np.clip(at[:, 1], 0, photo.shape[0] - 1)
    return np.asarray(np.median(photo[rows, columns].astype(np.float64), axis=0), np.float64)


def _interior_colours(
    lips: npt.NDArray[np.float64], skin: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], ...]:
    """Throat, tongue and teeth, (3,) each, in the light that falls on lips and skin."""
    light = float(np.clip(skin.mean() / 150.0, 0.3, 1.05))
    throat = 0.85 * _DARK * light + 0.08 * lips
    return throat, 0.5 * throat + 0.36 * lips, _TEETH * light
