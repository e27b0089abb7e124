"""The flow around the face: hair and ears go with the head, the far background stays.

Landmarks end at the face's outline. Beyond it the head's own affine motion is carried on and fades to
nothing over about the size of a head, so that no border swims and no seam is seen.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from enliven.geometry import smoothstep
from enliven.topology import CHIN, FACE_OVAL, FOREHEAD, STABLE, mean_shape
from enliven.types import Floats

_OUTLINE = np.array(FACE_OVAL)
_BODY = np.array(sorted({*FACE_OVAL, *STABLE}))
_UNFOLDED = 3.0
"""Length of the fade over the way that the head has come: pixels are read twice below 1.5, necks drawn out below 2."""
_HELD = 0.05
"""Width, in face heights, of what is held still beside the outline."""
_INSIDE = (0.0, 0.025)
"""Between these depths inside of the outline, in face heights, a point of the oval begins to count as hidden."""


@dataclass(frozen=True)
class HeadExtent:
    """How far the head reaches around the face, in face heights (forehead to chin)."""

    beside: float = 0.62
    above: float = 0.88
    below: float = 0.60
    """To where the neck begins to stay with the shoulders."""
    fade: float = 2.1
    """Motion ends at this multiple of the extents."""


CUT_OUT = HeadExtent(beside=0.7, above=1.4, below=0.45, fade=2.0)
"""Of a person cut out from the background: what is above the face is hair and goes along, and no background

bends with it; the shoulders stay. Chosen on 70 clips of the databank's train split (docs/training-log.md).
"""


def head_weight(source: Floats, target: Floats, size: int, extent: HeadExtent) -> Floats:
    """(size, size) how much of the head's motion each grid pixel takes part in, 0 to 1.

    ``source``, ``target``: (478, 2) landmarks in grid pixels. Where the head comes from, motion fades over as
    long a way as it takes not to read the same pixels twice: a neck that is drawn out would show the mouth once more.
    """
    forehead, chin = target[FOREHEAD], target[CHIN]
    down = chin - forehead
    height = max(float(np.linalg.norm(down)), 1e-3)
    down = down / height
    centre = (forehead + chin) / 2
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    dx, dy = (x - centre[0]) / height, (y - centre[1]) / height
    along = dx * down[0] + dy * down[1]
    across = dx * down[1] - dy * down[0]
    reach = np.where(along < 0, extent.above, extent.below)
    distance = np.sqrt((across / extent.beside) ** 2 + (along / reach) ** 2)
    moved = (source - target)[_BODY].mean(axis=0) / height
    # What lies in the direction that the head came from: its share of the way, over how far the extents reach there.
    came = (dx * moved[0] + dy * moved[1]) * distance / np.maximum(across**2 + along**2, 1e-9)
    fade = np.maximum(extent.fade - 1.0, _UNFOLDED * came)
    return 1.0 - smoothstep((distance - 1.0) / fade)


def border_weight(size: int, inside_xyxy: tuple[float, float, float, float], fade: float) -> Floats:
    """(size, size) 1 inside the photo, 0 at its border and beyond: pixels that do not exist are not moved in.

    ``inside_xyxy``: the photo's edges in grid pixels; ``fade``: width of the ramp in grid pixels.
    """
    axis = np.arange(size, dtype=np.float32)
    x0, y0, x1, y1 = inside_xyxy
    across = np.minimum(axis - x0, x1 - axis) / fade
    along = np.minimum(axis - y0, y1 - axis) / fade
    weight: Floats = smoothstep(np.minimum(across[None, :], along[:, None]))
    return weight


Outlines = tuple[Floats, Floats]
"""See :func:`silhouettes`."""


def outer_flow(source: Floats, target: Floats, outlines: Outlines, weight: Floats, face_px: float) -> Floats:
    """(size, size, 2) flow in grid pixels that agrees with the face's outline and fades with ``weight``.

    ``source``, ``target``: (478, 2) landmarks in grid pixels, ``outlines`` their silhouettes; ``weight``: (size, size);
    ``face_px``: height of the face in grid pixels.
    """
    size = weight.shape[0]
    matrix = _affine(target[_BODY], source[_BODY])
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    flow = np.empty((size, size, 2), np.float32)
    flow[..., 0] = (matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2] - x) * weight
    flow[..., 1] = (matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2] - y) * weight
    origins, places = outlines
    wanted = _smoothed_around(origins - places)
    for sigma in (0.22, 0.10, 0.05):
        flow += spread(places, wanted - _sample(flow, places), size, sigma * face_px)
    return flow


def held_at_outline(added: Floats, outlines: Outlines, face_px: float) -> Floats:
    """What is added to :func:`outer_flow`, (size, size, 2), brought to nothing at the outline, where that is exact."""
    _, places = outlines
    held = spread(places, _sample(added, places), added.shape[0], _HELD * face_px)
    return np.asarray(added - held, np.float32)


def _smoothed_around(values: Floats) -> Floats:
    """(N, 2) mean over neighbours on a closed contour: hidden points moved to an outline may jump there."""
    kernel = np.array([1.0, 2.0, 3.0, 2.0, 1.0], np.float32) / np.float32(9)
    smoothed: Floats = sum(np.roll(values, shift, axis=0) * kernel[shift + 2] for shift in range(-2, 3))
    return smoothed


def silhouettes(source: Floats, target: Floats) -> Outlines:
    """(36, 2) twice: the oval's points where each face's outline is seen, those of one belonging to those of the other.

    ``source``, ``target``: (478, 2). A point that a turned face hides, in either of them, stands for no place on the
    outline; it is put where the outline is met in that point's direction on a face seen from the front. Without
    this a far cheek would lead the background into the face, or the photo's outline would be seen twice.
    """
    hulls = (_hull(source), _hull(target))
    hidden = np.maximum(_hidden(source, hulls[0]), _hidden(target, hulls[1]))[:, None]
    return _met(source, hulls[0], hidden), _met(target, hulls[1], hidden)


def _hull(points: Floats) -> Floats:
    """(H, 2) corners of the face's convex outline."""
    hull: Floats = cv2.convexHull(np.ascontiguousarray(points[:468], np.float32))[:, 0]
    return hull


def _hidden(points: Floats, hull: Floats) -> Floats:
    """(36,) 1 for a point of the oval that lies well inside of the outline, 0 for one that makes it."""
    depth = np.array([cv2.pointPolygonTest(hull, (float(x), float(y)), True) for x, y in points[_OUTLINE]])
    height = max(float(np.linalg.norm(points[CHIN] - points[FOREHEAD])), 1e-3)
    low, high = _INSIDE
    return smoothstep((depth / height - low) / (high - low))


def _met(points: Floats, hull: Floats, hidden: Floats) -> Floats:
    """(36, 2) where rays from the outline's middle leave the outline.

    They go through the oval's points, or, as far as those are ``hidden`` (36, 1), as a frontal face's would.
    """
    moments = cv2.moments(hull)
    area = max(moments["m00"], 1e-6)
    middle = np.array([moments["m10"] / area, moments["m01"] / area])
    down = points[CHIN] - points[FOREHEAD]
    down = down / max(float(np.linalg.norm(down)), 1e-3)
    frontal = _directions() @ np.array([[down[1], -down[0]], [down[0], down[1]]])
    own = _units(points[_OUTLINE] - middle)
    rays = own + (frontal - own) * hidden
    corners = hull - middle
    edges = np.roll(corners, -1, axis=0) - corners
    across = rays[:, None, 0] * edges[None, :, 1] - rays[:, None, 1] * edges[None, :, 0]  # (36, H)
    across = np.where(np.abs(across) < 1e-9, np.inf, across)
    along = (corners[:, 0] * edges[:, 1] - corners[:, 1] * edges[:, 0])[None] / across
    place = (corners[None, :, 0] * rays[:, None, 1] - corners[None, :, 1] * rays[:, None, 0]) / across
    crossed = (along > 0) & (place >= -1e-4) & (place <= 1 + 1e-4)
    met = middle + rays * np.where(crossed, along, 0.0).max(axis=1, initial=0.0)[:, None]
    return np.asarray(met, np.float32)


@functools.cache
def _directions() -> Floats:
    """(36, 2) of the oval's points as seen from the middle of a frontal face: to the right, and down."""
    oval = mean_shape()[_OUTLINE, :2]
    return _units(oval - oval.mean(axis=0))


def _units(vectors: Floats) -> Floats:
    """(N, 2) of length 1."""
    units: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
    return units


def spread(places: Floats, values: Floats, size: int, sigma: float) -> Floats:
    """(size, size, 2) values (N, 2) at places (N, 2) spread by normalised Gaussians; they fade far away."""
    splat = np.zeros((size, size, 3), np.float32)
    cell = np.clip(np.round(places).astype(int), 0, size - 1)
    np.add.at(splat, (cell[:, 1], cell[:, 0]), np.column_stack([values, np.ones(len(values))]))
    splat = cv2.GaussianBlur(splat, (0, 0), max(sigma, 0.6), borderType=cv2.BORDER_CONSTANT)
    # The floor on the weight is what makes the correction fade instead of reaching to infinity.
    floor = 0.25 / (2 * np.pi * max(sigma, 0.6) ** 2)
    spread_values: Floats = splat[..., :2] / np.maximum(splat[..., 2:], floor)
    return spread_values


def _affine(source: Floats, target: Floats) -> npt.NDArray[np.float64]:
    """(2, 3) least-squares affine map of (N, 2) points."""
    homogeneous = np.column_stack([source, np.ones(len(source))]).astype(np.float64)
    solution: npt.NDArray[np.float64] = np.linalg.lstsq(homogeneous, target.astype(np.float64), rcond=None)[0]
    return solution.T


def _sample(flow: Floats, places: Floats) -> Floats:
    """(N, 2) bilinear samples at (N, 2) places."""
    x, y = places[:, 0].astype(np.float32), places[:, 1].astype(np.float32)
    sampled: Floats = cv2.remap(flow, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return sampled.reshape(-1, 2)
