"""Eyeballs as a layer of their own: lids slide over them, and the gaze turns them.

A mesh alone squeezes the iris when the lids close. Here the eyeball is cut out of the photo once,
completed where lids and lashes hide it, and laid under the moving opening of the lids.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from enliven.geometry import Similarity
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
_IRIS_RADIUS = 0.195
"""Of the eye's width: an iris of 11.7 mm in an opening of 30 mm."""
_WHITE = np.array([228.0, 220.0, 214.0])
"""An eye's white in good light."""
_DARKEST_SCLERA = 0.35
"""Of full white: even in a dark photo an eye's white is not black."""


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
        self._texture, self._corner = _eyeball_texture(
            photo, source, names, self._centre, synthetic=self._shut_in_photo
        )

    def overlay(self, target: Floats, head_scale: float) -> Overlay | None:
        """The eyeball in its new place, or None where the lids cover it or nothing changed.

        ``target``: (478, 2) landmarks in photo pixels; ``head_scale``: size of the target's head
        relative to the photo's.
        """
        opening = target[list(self._names.contour)]
        moved, opened = self._change(target), _ramp(_openness(target, self._names), 0.02, 0.06)
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
        alpha = polygon_mask(opening - [x0, y0], size_wh) * np.float32(moved * opened)
        if opened < 1.0:
            # Where the lids meet, the mesh has squeezed what is left of the eye into a bright line.
            lashes = soft_line(
                self._seam(target) - [x0, y0], size_wh, 0.035 * abs(self._axis), 0.012 * abs(self._axis)
            )
            lashes *= np.float32(moved * (1.0 - opened))
            image = np.asarray(image + (self._lash_colour - image) * (1.0 - opened), np.uint8)
            alpha = np.maximum(alpha, lashes)
        return Overlay(image, alpha, Similarity(shift_px=(float(x0), float(y0))))

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
        return _ramp(float(moved), 0.02, 0.07)

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


def _ramp(value: float, low: float, high: float) -> float:
    t = min(max((value - low) / (high - low), 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


def _eyeball_texture(
    photo: Picture, source: Floats, names: EyeNames, centre: npt.NDArray[np.float64], *, synthetic: bool
) -> tuple[Picture, npt.NDArray[np.float64]]:
    """A patch of eyeball without lids, and the photo pixel of its corner."""
    width = abs(_axis(source, names))
    reach = np.array([0.85, 0.6]) * width
    x0, y0 = np.floor(centre - reach).astype(int)
    x1, y1 = np.ceil(centre + reach).astype(int) + 1
    patch = _cut(photo, int(x0), int(y0), int(x1), int(y1))
    corner = np.array([x0, y0], np.float64)
    local_centre = centre - corner
    if synthetic:
        return _painted_eyeball(patch, local_centre, width), corner
    opening = polygon_mask(source[list(names.contour)] - corner, (patch.shape[1], patch.shape[0])) > 0.5
    return _completed_eyeball(patch, opening, local_centre, width), corner


def _cut(photo: Picture, x0: int, y0: int, x1: int, y1: int) -> Picture:
    """The rectangle, border pixels repeated where it leaves the photo."""
    rows = np.clip(np.arange(y0, y1), 0, photo.shape[0] - 1)
    columns = np.clip(np.arange(x0, x1), 0, photo.shape[1] - 1)
    return np.ascontiguousarray(photo[rows[:, None], columns[None, :]])


def _completed_eyeball(
    patch: Picture, opening: npt.NDArray[np.bool_], centre: npt.NDArray[np.float64], width: float
) -> Picture:
    """The photo's eyeball with lids and lashes replaced by more iris and more white of the same colours."""
    lashes = max(1, round(0.035 * width))
    seen = cv2.erode(opening.astype(np.uint8), np.ones((2 * lashes + 1, 3), np.uint8)) > 0
    distance = _distance(patch, centre) / width
    iris, white = distance < _IRIS_RADIUS, distance > 1.1 * _IRIS_RADIUS
    if not (seen & iris).any():
        return _painted_eyeball(patch, centre, width)
    colours = patch.astype(np.float64)
    completed = _iris_by_radius(colours, seen & iris, distance)
    outside = _white_of_eye(colours, seen & white, float(np.median(patch)))
    rim = np.clip((distance - _IRIS_RADIUS) / max(2.0 / width, 0.03) + 0.5, 0.0, 1.0)[..., None]
    shade = np.clip(1.12 - 0.5 * distance, 0.7, 1.0)[..., None]
    completed = completed * (1 - rim) + outside * shade * rim
    trust = cv2.GaussianBlur(seen.astype(np.float32), (0, 0), max(0.02 * width, 0.5))[..., None]
    trust = np.where(seen[..., None], trust, 0.0)
    return np.asarray(np.clip(colours * trust + completed * (1 - trust), 0, 255), np.uint8)


def _distance(patch: Picture, centre: npt.NDArray[np.float64]) -> Floats:
    """(h, w) pixels from the middle of the iris."""
    y, x = np.mgrid[0 : patch.shape[0], 0 : patch.shape[1]].astype(np.float32)
    return np.asarray(np.hypot(x - centre[0], y - centre[1]), np.float32)


def _iris_by_radius(
    colours: npt.NDArray[np.float64], seen: npt.NDArray[np.bool_], distance: Floats
) -> npt.NDArray[np.float64]:
    """(h, w, 3) each pixel gets the mean colour that the iris shows at its radius."""
    rings = 8
    ring = np.minimum((distance / _IRIS_RADIUS * rings).astype(int), rings - 1)
    overall = colours[seen].mean(axis=0)
    profile = np.stack(
        [colours[mask].mean(axis=0) if (mask := seen & (ring == r)).any() else overall for r in range(rings)]
    )
    return np.asarray(profile[ring], np.float64)


def _white_of_eye(
    colours: npt.NDArray[np.float64], seen: npt.NDArray[np.bool_], surroundings: float
) -> npt.NDArray[np.float64]:
    """(3,) the bright half of what the photo shows beside the iris, or a plain white in its light."""
    plain = _WHITE * float(np.clip(surroundings / 150.0, _DARKEST_SCLERA, 1.0))
    if seen.sum() < 12:
        return plain
    shown = np.percentile(colours[seen], 80, axis=0)
    return np.asarray(np.maximum(shown, 0.88 * plain), np.float64)


def _painted_eyeball(patch: Picture, centre: npt.NDArray[np.float64], width: float) -> Picture:
    """A plain brown eye in the light of the photo, for eyes that the photo shows shut."""
    light = float(np.clip(np.median(patch) / 150.0, _DARKEST_SCLERA, 1.0))
    distance = _distance(patch, centre) / width
    shade = np.clip(1.1 - 0.9 * distance, 0.5, 1.0)[..., None]
    image = _WHITE * light * shade
    soft = max(1.5 / width, 0.02)
    for radius, colour in ((_IRIS_RADIUS, (74.0, 52.0, 40.0)), (0.4 * _IRIS_RADIUS, (14.0, 11.0, 10.0))):
        inside = np.clip((radius - distance) / soft + 0.5, 0.0, 1.0)[..., None]
        image = image * (1 - inside) + np.array(colour) * light * inside
    return np.asarray(np.clip(image, 0, 255), np.uint8)
