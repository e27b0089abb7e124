"""Which points belong to which part of the face, as soft weights over the mean face."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import cv2
import numpy as np

from enliven.errors import UsageError
from enliven.geometry import smoothstep
from enliven.topology import (
    INNER_LIPS,
    LEFT_IRIS,
    OUTER_LIPS,
    RIGHT_IRIS,
    mean_shape,
)
from enliven.types import LANDMARK_COUNT, Floats

_MOUTH_CORNERS = (61, 76, 62, 78, 291, 306, 292, 308)
"""Of all rings of the lips, right and left; they stay where the driver's mouth width puts them."""
REGIONS = ("pose", "mouth", "eyes", "brows", "gaze")
MODES = ("relative", "absolute")


def _all_at_one() -> dict[str, float]:
    return dict.fromkeys(REGIONS, 1.0)


@dataclass(frozen=True)
class TransferSettings:
    """How the driver's motion is taken over."""

    mode: str = "relative"
    """relative: changes against a reference frame on the source's own face; absolute: the points as they are."""
    strength: dict[str, float] = field(default_factory=_all_at_one)
    """Factor by region, 0 still to 2 doubled; regions that are not named stand still."""

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise UsageError(f"motion is '{self.mode}'; it must be one of: {', '.join(MODES)}.")
        for region, factor in self.strength.items():
            if region not in REGIONS:
                raise UsageError(f"'{region}' is not a region; use {', '.join(REGIONS)}.")
            if not 0.0 <= factor <= 2.0:
                raise UsageError(f"The strength of {region} is {factor}; it must lie between 0 and 2.")

    def of(self, region: str) -> float:
        """The factor of one region."""
        return self.strength.get(region, 0.0)


@cache
def region_weights() -> dict[str, Floats]:
    """Region -> (478,) weights in 0..1; they add up to at most 1 at every point.

    The forehead's upper edge and the temples belong to none: what moves there is noise.
    """
    y = mean_shape()[:, 1]  # brows near -0.9, eyes -0.6, nose tip 0.1, mouth 0.7, chin 1.6
    mouth = smoothstep(y, -0.45, -0.05)
    brows = smoothstep(-y, 0.68, 0.80) * smoothstep(y, -1.30, -1.05)
    eyes = np.clip(1.0 - mouth - smoothstep(-y, 0.68, 0.80), 0.0, 1.0)
    gaze = np.zeros(LANDMARK_COUNT, np.float32)
    irises = list(RIGHT_IRIS + LEFT_IRIS)
    gaze[irises] = 1.0
    for weights in (mouth, brows, eyes):
        weights[irises] = 0.0
    return {"mouth": mouth, "brows": brows, "eyes": eyes, "gaze": gaze}


@cache
def lip_weights() -> tuple[Floats, Floats]:
    """(upper, lower): (478,) how far each point goes along when a lip is moved up or down.

    The chin goes with the lower lip, the cheeks hardly, everything above the nose's base not at all.
    """
    shape = mean_shape()
    xy = shape[:, :2]
    middle = shape[list(INNER_LIPS), 1].mean()
    upper_lip = xy[list(OUTER_LIPS[1:10])]
    lower_lip = xy[list(OUTER_LIPS[11:])]
    upper = np.exp(-0.5 * (_distance(xy, upper_lip) / 0.10) ** 2) * (xy[:, 1] < middle)
    near = np.exp(-0.5 * (_distance(xy, lower_lip) / 0.12) ** 2)
    chin = smoothstep(xy[:, 1], middle, middle + 0.25) * np.exp(-0.5 * (xy[:, 0] / 0.55) ** 2)
    lower = np.maximum(near, chin) * (xy[:, 1] > middle)
    # A lip moves as a whole: rings of it that lag behind its edges would fold it, dark seam over red.
    above, below = _lip_points(xy)
    upper[above], lower[above] = 1.0, 0.0
    upper[below], lower[below] = 0.0, 1.0
    corners = list(_MOUTH_CORNERS)
    upper[corners] = lower[corners] = 0.0
    return upper.astype(np.float32), lower.astype(np.float32)


def _lip_points(xy: Floats) -> tuple[list[int], list[int]]:
    """The points of upper and lower lip, their edges among them, without the corners. ``xy``: (478, 2) mean face."""
    outline = np.ascontiguousarray(xy[list(OUTER_LIPS)], np.float32)
    seam = (xy[list(INNER_LIPS[1:10])] + xy[list(INNER_LIPS[:10:-1])]) / 2
    above, below = [*OUTER_LIPS[1:10], *INNER_LIPS[1:10]], [*OUTER_LIPS[11:], *INNER_LIPS[11:]]
    known = {*OUTER_LIPS, *INNER_LIPS, *_MOUTH_CORNERS}
    for point in range(len(xy)):
        x, y = (float(value) for value in xy[point])
        if point not in known and cv2.pointPolygonTest(outline, (x, y), False) > 0:
            (below if y > np.interp(x, seam[:, 0], seam[:, 1]) else above).append(point)
    return above, below


def _distance(points: Floats, curve: Floats) -> Floats:
    """(478,) to the nearest of the curve's points."""
    nearest: Floats = np.linalg.norm(points[:, None] - curve[None], axis=2).min(axis=1)
    return nearest
