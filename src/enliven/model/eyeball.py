"""The eyeball of a photo, completed where lids and lashes hide it."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from enliven.geometry import smoothstep
from enliven.model.strokes import polygon_mask
from enliven.types import Floats, Picture

IRIS_RADIUS = 0.195
"""Of the eye's width: an iris of 11.7 mm in an opening of 30 mm."""
_TEAR_DUCT = (0.07, 0.20)
"""Eye widths from the inner corner up to which nothing is eyeball, and from which on all is."""
_WHITE = np.array([228.0, 220.0, 214.0])
"""An eye's white in good light."""
_DARKEST_SCLERA = 0.35
"""Of full white: even in a dark photo an eye's white is not black."""


def eyeball_texture(
    photo: Picture, contour: Floats, centre: npt.NDArray[np.float64], *, synthetic: bool
) -> tuple[Picture, npt.NDArray[np.float64]]:
    """A patch of eyeball without lids, and the photo pixel of its corner.

    ``contour``: (16, 2) the opening of the lids in photo pixels, outer corner first, inner corner ninth; ``centre``:
    (2,) the middle of the iris; ``synthetic``: the photo shows none.
    """
    width = float(np.hypot(*(contour[8] - contour[0])))
    reach = np.array([0.85, 0.6]) * width
    x0, y0 = np.floor(centre - reach).astype(int)
    x1, y1 = np.ceil(centre + reach).astype(int) + 1
    patch = _cut(photo, int(x0), int(y0), int(x1), int(y1))
    corner = np.array([x0, y0], np.float64)
    local_centre = centre - corner
    if synthetic:
        return _painted_eyeball(patch, local_centre, width), corner
    opening = polygon_mask(contour - corner, (patch.shape[1], patch.shape[0])) > 0.5
    no_duct = beside_tear_duct(contour[8] - corner, width, (patch.shape[1], patch.shape[0]))
    return _completed_eyeball(patch, opening, no_duct, local_centre, width), corner


def _cut(photo: Picture, x0: int, y0: int, x1: int, y1: int) -> Picture:
    """The rectangle, border pixels repeated where it leaves the photo."""
    rows = np.clip(np.arange(y0, y1), 0, photo.shape[0] - 1)
    columns = np.clip(np.arange(x0, x1), 0, photo.shape[1] - 1)
    return np.ascontiguousarray(photo[rows[:, None], columns[None, :]])


def _completed_eyeball(
    patch: Picture,
    opening: npt.NDArray[np.bool_],
    no_duct: Floats,
    centre: npt.NDArray[np.float64],
    width: float,
) -> Picture:
    """The photo's eyeball with lids, lashes and tear duct replaced by more iris and more white of the same colours."""
    lashes = max(1, round(0.035 * width))
    seen = cv2.erode(opening.astype(np.uint8), np.ones((2 * lashes + 1, 3), np.uint8)) > 0
    distance = distance_from(centre, (patch.shape[1], patch.shape[0])) / width
    iris = distance < IRIS_RADIUS
    white = (distance > 1.1 * IRIS_RADIUS) & (no_duct > 0.9)
    if not (seen & iris).any():
        return _painted_eyeball(patch, centre, width)
    colours = patch.astype(np.float64)
    completed = _iris_by_radius(colours, seen & iris, distance)
    outside = _white_of_eye(colours, seen & white, float(np.median(patch)))
    rim = np.clip((distance - IRIS_RADIUS) / max(2.0 / width, 0.03) + 0.5, 0.0, 1.0)[..., None]
    shade = np.clip(1.12 - 0.5 * distance, 0.7, 1.0)[..., None]
    completed = completed * (1 - rim) + outside * shade * rim
    trust = cv2.GaussianBlur(seen.astype(np.float32), (0, 0), max(0.02 * width, 0.5))[..., None]
    trust = np.where(seen[..., None], trust, 0.0) * np.maximum(no_duct, iris)[..., None]
    return np.asarray(np.clip(colours * trust + completed * (1 - trust), 0, 255), np.uint8)


def beside_tear_duct(inner_corner: Floats, width: float, size_wh: tuple[int, int]) -> Floats:
    """(h, w) 1 where an eye shows its ball, falling to 0 at the ``inner_corner`` (2,); ``width``: of the eye, pixels.

    That corner goes with the lids; an eye that looks aside would drag it into the white.
    """
    away = distance_from(inner_corner, size_wh) / max(width, 1.0)
    return np.asarray(smoothstep(away, *_TEAR_DUCT), np.float32)


def distance_from(place: Floats | npt.NDArray[np.float64], size_wh: tuple[int, int]) -> Floats:
    """(h, w) pixels from a place (2,)."""
    y, x = np.mgrid[0 : size_wh[1], 0 : size_wh[0]].astype(np.float32)
    return np.asarray(np.hypot(x - place[0], y - place[1]), np.float32)


def _iris_by_radius(
    colours: npt.NDArray[np.float64], seen: npt.NDArray[np.bool_], distance: Floats
) -> npt.NDArray[np.float64]:
    """(h, w, 3) each pixel gets the mean colour that the iris shows at its radius."""
    rings = 8
    ring = np.minimum((distance / IRIS_RADIUS * rings).astype(int), rings - 1)
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
    distance = distance_from(centre, (patch.shape[1], patch.shape[0])) / width
    shade = np.clip(1.1 - 0.9 * distance, 0.5, 1.0)[..., None]
    image = _WHITE * light * shade
    soft = max(1.5 / width, 0.02)
    for radius, colour in ((IRIS_RADIUS, (74.0, 52.0, 40.0)), (0.4 * IRIS_RADIUS, (14.0, 11.0, 10.0))):
        inside = np.clip((radius - distance) / soft + 0.5, 0.0, 1.0)[..., None]
        image = image * (1 - inside) + np.array(colour) * light * inside
    return np.asarray(np.clip(image, 0, 255), np.uint8)
