"""What a face looks like, free of its pose: to tell one person from another within one shot."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from enliven.face.mesh import Measured, points_in_patch
from enliven.topology import mean_shape, triangles
from enliven.types import Floats

Appearance = Floats
"""(852, 3) RGB at the middle of every skin triangle over the face's mean; NaN where it faces away."""

_LEAST_FACING = 0.35
"""Of a triangle's usual share of the face; thinner ones are seen too slantwise for their colour to count."""


def look(measured: Measured) -> Appearance:
    """The colours of the face's skin, triangle by triangle."""
    points = points_in_patch(measured)
    patch = cv2.GaussianBlur(measured.patch, (0, 0), 2.5)
    corners = points[triangles()]
    x, y = np.clip(np.rint(corners.mean(axis=1)), 0, patch.shape[0] - 1).astype(np.intp).T
    colours = patch[y, x].astype(np.float32)
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = -(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
    facing = area > _LEAST_FACING * area.sum() * _usual_share()
    colours[~facing] = np.nan
    return np.asarray(colours / max(float(np.nanmean(colours)), 1.0), np.float32)


def difference(one: Appearance, other: Appearance) -> float:
    """Mean absolute difference of colours where both are seen; infinite when hardly anything is."""
    gap = np.abs(one - other).mean(axis=1)
    seen = np.isfinite(gap)
    return float(gap[seen].mean()) if seen.sum() >= 100 else float("inf")


@cache
def _usual_share() -> npt.NDArray[np.float64]:
    """(852,) every triangle's share of the frontal mean face."""
    corners = mean_shape()[triangles()][..., :2].astype(np.float64)
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
    return np.asarray(area / area.sum(), np.float64)


class Memory:
    """A few looks of one person, as they turned and as the light changed."""

    _NEW = 0.07
    """A look this different from every known one is worth remembering."""
    _FOREIGN = 0.16
    """A look further than this from every known one is not learned: it may be somebody else."""
    _MOST = 8

    def __init__(self, first: Appearance) -> None:
        self._looks = [first]

    def distance(self, seen: Appearance) -> float:
        """To the most similar look in memory."""
        return min(difference(known, seen) for known in self._looks)

    def learn(self, seen: Appearance) -> None:
        """Keep the look when it is new; the first is never forgotten."""
        if self._NEW < self.distance(seen) < self._FOREIGN:
            self._looks.append(seen)
            if len(self._looks) > self._MOST:
                del self._looks[1]
