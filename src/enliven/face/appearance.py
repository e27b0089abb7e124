"""What a face looks like, free of its pose: to tell one person from another within one shot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from enliven.face.mesh import Measured, points_in_patch
from enliven.topology import mean_shape, triangles
from enliven.types import Floats

_EVERY_TRIANGLE = 2
_COARSE = 4
"""Patch pixels averaged per side: expression and noise move less than this."""
_LEAST_FACING = 0.35
"""Of a triangle's usual share of the face; thinner ones are seen too slantwise for their colour to count."""
_LEAST_SHARED = 300.0
"""Colour values that two looks must have in common to be compared."""


@dataclass(frozen=True, eq=False)
class Appearance:
    """The colours of the skin, triangle by triangle, over the face's mean brightness."""

    colours: Floats
    """(1278,) R, G, B at the middle of every other triangle; 0 where unseen."""
    seen: Floats
    """(1278,) 1 where the triangle faces the camera, else 0."""


def look(measured: Measured) -> Appearance:
    """What the measured face looks like; 0.2 ms."""
    points = points_in_patch(measured)
    side = measured.patch.shape[0] // _COARSE
    coarse = cv2.resize(measured.patch, (side, side), interpolation=cv2.INTER_AREA)
    corners = points[_sampled_triangles()]
    middles = (corners.mean(axis=1) + 0.5) / _COARSE - 0.5  # (426, 2)
    sampled = cv2.remap(
        coarse, middles[:, None].astype(np.float32), None, cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE
    )
    area = _areas(corners)
    seen = np.repeat(area > _LEAST_FACING * area.sum() * _usual_share(), 3).astype(np.float32)
    colours = sampled.reshape(-1).astype(np.float32) * seen
    mean = float(colours.sum()) / max(float(seen.sum()), 1.0)
    return Appearance(np.asarray(colours / max(mean, 1.0), np.float32), seen)


def difference(one: Appearance, other: Appearance) -> float:
    """Mean absolute difference of colours where both are seen; infinite when hardly anything is.

    On 70 clips of the databank: under 0.095 from frame to frame (99 %), under 0.19 within a clip (95 %),
    over 0.146 between persons (95 %).
    """
    return nearest([one], other)


def nearest(known: Sequence[Appearance], other: Appearance) -> float:
    """Difference of ``other`` to the most similar of the known looks."""
    if not known:
        return float("inf")
    both = np.stack([one.seen for one in known]) * other.seen  # (N, 1278)
    gaps = np.abs(np.stack([one.colours for one in known]) - other.colours) * both
    shared = both.sum(axis=1)
    distances = np.where(shared >= _LEAST_SHARED, gaps.sum(axis=1) / np.maximum(shared, 1.0), np.inf)
    return float(distances.min())


class Memory:
    """A few looks of one person, as they turned and as the light changed."""

    _NEW = 0.07
    """A look this different from every known one is worth remembering."""
    _FOREIGN = 0.16
    """A look further than this from every known one is not learned: it may be somebody else."""
    _MOST = 6

    def __init__(self, first: Appearance) -> None:
        self._looks = [first]

    def distance(self, seen: Appearance) -> float:
        """To the most similar look in memory."""
        return nearest(self._looks, seen)

    def learn(self, seen: Appearance) -> None:
        """Keep the look when it is new; the first is never forgotten."""
        if self._NEW < self.distance(seen) < self._FOREIGN:
            self._looks.append(seen)
            if len(self._looks) > self._MOST:
                del self._looks[1]


@cache
def _sampled_triangles() -> npt.NDArray[np.int64]:
    return triangles()[::_EVERY_TRIANGLE]


def _areas(corners: Floats) -> Floats:
    """(N,) areas of (N, 3, 2) triangles, positive when they face the camera."""
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return np.asarray(a[:, 1] * b[:, 0] - a[:, 0] * b[:, 1], np.float32)


@cache
def _usual_share() -> Floats:
    """Every sampled triangle's share of the frontal mean face."""
    area = np.abs(_areas(mean_shape()[_sampled_triangles()][..., :2]))
    return np.asarray(area / area.sum(), np.float32)
