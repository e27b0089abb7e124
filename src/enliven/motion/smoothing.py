"""Landmark noise is taken out, motion is not: a causal filter that follows at once what really moves.

Each group of points (the rigid head, eyes, mouth, brows, the rest) is pulled towards its measured place the
harder the farther it is off, in units of the noise: still faces are averaged over a fifth of a second,
while anything that moves more than about a pixel (at a face of 256) is taken as measured.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from enliven.geometry import Similarity, fit_similarity, smoothstep
from enliven.topology import (
    INNER_LIPS,
    LEFT_EYE,
    LEFT_IRIS,
    OUTER_LIPS,
    RIGHT_EYE,
    RIGHT_IRIS,
    STABLE,
    mean_shape,
)
from enliven.types import Floats, Landmarks, TrackedFace

_REST_SECONDS = 0.35
"""Time over which a still face is averaged."""
_NOISE = (0.22, 0.85)
"""RMS offsets, in pixels at a face 256 high, below which all is noise and above which all is motion."""
_USUAL_NOISE = 0.21
"""RMS noise, likewise, for which those are right; where a group trembles more, they grow with it."""
_MOST_NOISE = 4.0
_NOISE_FRAMES = 50
_STABLE = list(STABLE)


def _groups() -> list[list[int]]:
    """Disjoint lists of point indices that move together."""
    eyes = [sorted({*RIGHT_EYE}), sorted({*LEFT_EYE}), list(RIGHT_IRIS), list(LEFT_IRIS)]
    mouth = sorted({*OUTER_LIPS, *INNER_LIPS})
    y = mean_shape()[:, 1]
    taken = {i for group in (*eyes, mouth) for i in group}
    left = [i for i in range(478) if i not in taken]
    lower = [i for i in left if y[i] > 0.2]
    brows = [i for i in left if y[i] < -0.65]
    middle = [i for i in left if -0.65 <= y[i] <= 0.2]
    return [*eyes, mouth, lower, brows, middle]


class LandmarkSmoother:
    """Smooths one tracked face; begins anew after a cut or a loss."""

    def __init__(self, strength: float = 1.0) -> None:
        """``strength``: multiplies the time and the noise that are reckoned with; 0 switches off."""
        self._strength = strength
        self._groups = _groups()
        self._anchor: Floats | None = None  # the first frame: the head-fixed frame of the local motion
        self._pose = Similarity()
        self._local: Floats | None = None
        self._time = Fraction(0)
        self._order = np.concatenate(self._groups)  # all points, group by group
        self._counts = np.array([len(group) for group in self._groups])
        self._starts = np.cumsum(self._counts) - self._counts
        self._noise = _Noise(self._starts)
        self._pose_noise = _Noise(np.zeros(1, np.int64))

    def update(self, tracked: TrackedFace) -> TrackedFace:
        """The same moment with less noise; its own time, found and cut stay as they are."""
        if self._strength <= 0 or tracked.landmarks is None:
            return tracked
        if not tracked.found:
            self._anchor = None
            return tracked
        if self._anchor is None or tracked.scene_cut:
            return self._begin(tracked)
        elapsed = max(float(tracked.time - self._time), 1e-3)
        self._time = tracked.time
        points = self._filtered(tracked.landmarks.points, elapsed)
        return replace(tracked, landmarks=Landmarks(points, tracked.landmarks.image_size_wh))

    def _begin(self, tracked: TrackedFace) -> TrackedFace:
        assert tracked.landmarks is not None
        self._anchor = tracked.landmarks.points.copy()
        self._pose, self._local, self._time = Similarity(), self._anchor.copy(), tracked.time
        self._noise, self._pose_noise = _Noise(self._starts), _Noise(np.zeros(1, np.int64))
        return tracked

    def _filtered(self, points: Floats, elapsed: float) -> Floats:
        assert self._anchor is not None
        assert self._local is not None
        unit = float(np.linalg.norm(self._anchor[10, :2] - self._anchor[152, :2])) / 256.0 * self._strength
        measured = fit_similarity(self._anchor[_STABLE, :2], points[_STABLE, :2])
        self._pose = self._pulled_pose(measured, elapsed, unit)
        local = _with_depth(measured.inverse(), points)[self._order]
        offset = local - self._local[self._order]
        squares = np.add.reduceat((offset[:, :2] ** 2).sum(axis=1), self._starts) / self._counts
        tremble = self._noise.excess(local[:, :2] / unit)
        pulls = [
            self._pull(math.sqrt(square) / unit / most, elapsed)
            for square, most in zip(squares.tolist(), tremble, strict=True)
        ]
        self._local[self._order] += offset * np.repeat(np.array(pulls, np.float32), self._counts)[:, None]
        return _with_depth(self._pose, self._local)

    def _pulled_pose(self, measured: Similarity, elapsed: float, unit: float) -> Similarity:
        assert self._anchor is not None
        stable = self._anchor[_STABLE, :2]
        now, wanted = self._pose.apply(stable), measured.apply(stable)
        rms = float(np.sqrt(((wanted - now) ** 2).sum(axis=1).mean()))
        unit = unit * self._pose.scale
        pull = self._pull(rms / unit / self._pose_noise.excess(wanted / unit)[0], elapsed)
        return fit_similarity(stable, now + (wanted - now) * pull)

    def _pull(self, offset: float, elapsed: float) -> float:
        """0..1 how far towards the measured place, for an RMS offset in pixels at a face of 256."""
        least = 1.0 - math.exp(-elapsed / (_REST_SECONDS * self._strength))
        return least + (1.0 - least) * float(smoothstep(offset, *_NOISE))


class _Noise:
    """How much groups of points tremble, told apart from how much they move.

    The second differences of white noise change their sign from frame to frame (their successive product is
    -4 variances on average); those of motion do not. A low quantile over the last frames keeps fast speech
    from being taken for noise.
    """

    def __init__(self, starts: npt.NDArray[np.int64]) -> None:
        """``starts``: where each group of points begins; they are told one by one."""
        self._starts = starts
        self._last: deque[Floats] = deque(maxlen=3)
        self._variances: deque[list[float]] = deque(maxlen=_NOISE_FRAMES)

    def excess(self, points: Floats) -> list[float]:
        """By how much the noise of the points (N, 2) of each group exceeds the usual, at least 1."""
        if len(self._last) == 3:
            a, b, c = self._last
            product = ((a - 2 * b + c) * (b - 2 * c + points)).sum(axis=1)
            numbers = 2 * np.diff(np.append(self._starts, len(points)))
            self._variances.append((np.add.reduceat(product, self._starts) / (-4.0 * numbers)).tolist())
        self._last.append(points.copy())
        if len(self._variances) < 10:
            return [1.0] * len(self._starts)
        of_groups = zip(*self._variances, strict=True)
        noise = [math.sqrt(2.0 * max(_quantile(group, 0.3), 0.0)) for group in of_groups]
        return [min(max(rms / _USUAL_NOISE, 1.0), _MOST_NOISE) for rms in noise]


def _quantile(values: Iterable[float], share: float) -> float:
    """Like numpy's, which takes twenty times as long for a few dozen values."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def _with_depth(similarity: Similarity, points: Floats) -> Floats:
    """(478, 3) moved, depth scaled along."""
    moved = np.empty_like(points)
    moved[:, :2] = similarity.apply(points[:, :2])
    moved[:, 2] = points[:, 2] * similarity.scale
    return moved
