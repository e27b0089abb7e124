"""Eyeballs as a layer of their own: lids slide over them, and the gaze turns them.

A mesh alone squeezes the iris when the lids close. Here the eyeball is cut out of the photo once,
completed where lids and lashes hide it, and laid under the moving opening of the lids.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from enliven.geometry import Similarity, smoothstep
from enliven.model.eyeball import IRIS_RADIUS, beside_tear_duct, distance_from, eyeball_texture
from enliven.model.strokes import polygon_mask, soft_line
from enliven.topology import (
    LEFT_EYE,
    LEFT_IRIS,
    LEFT_LOWER_LID,
    LEFT_UPPER_LID,
    RIGHT_EYE,
    RIGHT_IRIS,
    RIGHT_LOWER_LID,
    RIGHT_UPPER_LID,
    Indices,
)
from enliven.types import Floats, Overlay, Picture

_SHUT = 0.09
"""Openness (mean lid gap over eye width) under which a photo shows no eyeball."""
_SHADOW = np.array([0.10, 0.15, 0.17], np.float32)
"""What lids take of the light next to them, by colour: an eyeball without lies flat in its opening."""
_SHADOW_REACH = 0.07
"""Of that shadow, in eye widths."""


@dataclass(frozen=True)
class EyeNames:
    """The point indices of one eye."""

    contour: Indices
    upper: Indices
    lower: Indices
    iris: Indices


RIGHT = EyeNames(RIGHT_EYE, RIGHT_UPPER_LID, RIGHT_LOWER_LID, RIGHT_IRIS)
LEFT = EyeNames(LEFT_EYE, LEFT_UPPER_LID, LEFT_LOWER_LID, LEFT_IRIS)


class EyeLayer:
    """One eyeball of the photo, shown through the moving opening of its lids."""

    def __init__(self, photo: Picture, source: Floats, names: EyeNames) -> None:
        """``photo``: RGB (H, W, 3); ``source``: (478, 2) landmarks in photo pixels."""
        self._names = names
        self._source = source
        self._axis = _axis(source, names)
        self._shape = _local_shape(source, names)
        self._shut_in_photo = _openness(source, names) < _SHUT
        self._centre = self._eyeball_centre(source)
        self._lash_colour = _lash_colour(photo, source[list(names.upper)], abs(self._axis))
        self._texture, self._corner = eyeball_texture(
            photo, source[list(names.contour)], self._centre, synthetic=self._shut_in_photo
        )

    def overlay(self, target: Floats, head_scale: float) -> Overlay | None:
        """The eyeball in its new place, or None where the lids cover it or nothing changed.

        ``target``: (478, 2) landmarks in photo pixels; ``head_scale``: size of the target's head
        relative to the photo's.
        """
        opening = target[list(self._names.contour)]
        moved, opened = self._change(target), float(smoothstep(_openness(target, self._names), 0.02, 0.06))
        if moved <= 0.0:
            return None
        x0, y0 = np.floor(opening.min(axis=0)).astype(int) - 2
        x1, y1 = np.ceil(opening.max(axis=0)).astype(int) + 3
        size_wh = (int(x1 - x0), int(y1 - y0))
        to_texture = self._to_texture(target, head_scale, (int(x0), int(y0)))
        image = cv2.warpAffine(
            self._texture,
            to_texture,
            size_wh,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        inside = polygon_mask(opening - [x0, y0], size_wh)
        image = _shaded(image, inside, abs(_axis(target, self._names)))
        alpha = inside * self._shown(target - [x0, y0], size_wh) * np.float32(moved * opened)
        if opened < 1.0:
            # Where the lids meet, the mesh has squeezed what is left of the eye into a bright line.
            lashes = soft_line(
                self._seam(target) - [x0, y0], size_wh, 0.035 * abs(self._axis), 0.012 * abs(self._axis)
            )
            lashes *= np.float32(moved * (1.0 - opened))
            image = np.asarray(image + (self._lash_colour - image) * (1.0 - opened), np.uint8)
            alpha = np.maximum(alpha, lashes)
        return Overlay(image, alpha, Similarity(shift_px=(float(x0), float(y0))))

    def _shown(self, target: Floats, size_wh: tuple[int, int]) -> Floats:
        """(h, w) 1 where the eyeball shows, 0 at the inner corner, which goes with the lids and not with the gaze."""
        width = abs(_axis(target, self._names))
        beside = beside_tear_duct(target[self._names.contour[8]], width, size_wh)
        from_iris = distance_from(target[self._names.iris[0]], size_wh) / max(width, 1.0)
        iris = np.clip((IRIS_RADIUS - from_iris) / 0.03 + 0.5, 0.0, 1.0)
        return np.asarray(np.maximum(beside, iris), np.float32)

    def _seam(self, target: Floats) -> Floats:
        """(9, 2) from corner to corner where the lids meet."""
        names = self._names
        middle = (target[list(names.upper)] + target[list(names.lower)]) / 2
        return np.vstack([target[[names.contour[0]]], middle, target[[names.contour[8]]]])

    def _eyeball_centre(self, points: Floats) -> npt.NDArray[np.float64]:
        if self._shut_in_photo:
            # MediaPipe's iris slides down with a closed lid; the middle of the corners does not.
            corners = points[[self._names.contour[0], self._names.contour[8]]]
            return np.asarray(corners.mean(axis=0), np.float64)
        return np.asarray(points[self._names.iris[0]], np.float64)

    def _change(self, target: Floats) -> float:
        """0 while lids and iris stand as in the photo, where the mesh alone is exact; 1 when they moved."""
        if self._shut_in_photo:
            return 1.0
        moved = np.abs(_local_shape(target, self._names) - self._shape).max()
        return float(smoothstep(float(moved), 0.02, 0.07))

    def _to_texture(
        self, target: Floats, head_scale: float, corner: tuple[int, int]
    ) -> npt.NDArray[np.float64]:
        """(2, 3) from overlay pixels to texture pixels: eye width along, head size across."""
        source_axis, target_axis = self._axis, _axis(target, self._names)
        stretch = np.diag([abs(source_axis) / max(abs(target_axis), 1e-3), 1.0 / max(head_scale, 1e-3)])
        linear = _rotation(source_axis) @ stretch @ _rotation(target_axis).T
        pivot = np.asarray(target[self._names.iris[0]], np.float64)
        shift = self._centre - self._corner - linear @ (pivot - np.asarray(corner, np.float64))
        return np.column_stack([linear, shift])


def _lash_colour(photo: Picture, lid: Floats, width: float) -> npt.NDArray[np.float64]:
    """(3,) darker than the skin of the upper lid, a little above its edge."""
    at = np.round(lid - [0.0, 0.12 * width]).astype(int)
    columns = np.clip(at[:, 0], 0, photo.shape[1] - 1)
    rows = np.clip(at[:, 1], 0, photo.shape[0] - 1)
    return 0.5 * np.asarray(np.median(photo[rows, columns].astype(np.float64), axis=0), np.float64)


def _shaded(image: Picture, inside: Floats, width: float) -> Picture:
    """The eyeball with the lids' shadow on it; ``inside``: (h, w) 1 between the lids, whose eye is ``width`` wide."""
    sigma = max(_SHADOW_REACH * width, 0.5)
    rim = int(3 * sigma) + 1
    wide = cv2.copyMakeBorder(inside, rim, rim, rim, rim, cv2.BORDER_CONSTANT)
    lit = cv2.GaussianBlur(wide, (0, 0), sigma)[rim:-rim, rim:-rim]
    shadow = np.clip(2.0 * (1.0 - lit), 0.0, 1.0)[..., None] * _SHADOW
    return np.asarray(image * (1.0 - shadow), np.uint8)


def _axis(points: Floats, names: EyeNames) -> complex:
    """From the outer to the inner corner, as a complex number of pixels."""
    dx, dy = points[names.contour[8]] - points[names.contour[0]]
    return complex(float(dx), float(dy))


def _rotation(axis: complex) -> npt.NDArray[np.float64]:
    c, s = axis.real / max(abs(axis), 1e-6), axis.imag / max(abs(axis), 1e-6)
    return np.array([[c, -s], [s, c]])


def _local_shape(points: Floats, names: EyeNames) -> npt.NDArray[np.complex128]:
    """Lids and iris in units of the eye's width, seen from its outer corner."""
    local = (points[list(names.contour + names.iris[:1])] - points[names.contour[0]]) @ [1.0, 1.0j]
    shape: npt.NDArray[np.complex128] = local / (_axis(points, names) or 1.0)
    return shape


def _openness(points: Floats, names: EyeNames) -> float:
    gaps = np.linalg.norm(points[list(names.upper)] - points[list(names.lower)], axis=1)
    return float(gaps.mean()) / max(abs(_axis(points, names)), 1e-6)
