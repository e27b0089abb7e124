"""Differences clip by clip: surer than differences of means, since hard clips are hard for everyone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from enliven.evaluation.contenders import WARP
from enliven.evaluation.estimate import Estimate, estimate
from enliven.evaluation.metrics import Metric
from enliven.evaluation.scores import Case


def against_warp(case: Case, cases: Sequence[Case], metric: Metric, seed: int) -> Estimate | None:
    """A figure minus that of the warp with as many photos; None when it was not measured."""
    warp = next(other for other in cases if other.shots == case.shots and other.contender == WARP)
    return _difference(case, warp, metric, seed)


def with_fewer_photos(case: Case, cases: Sequence[Case]) -> Case | None:
    """The same contender with the next smaller number of photos."""
    fewer = [other for other in cases if other.contender == case.contender and other.shots < case.shots]
    return max(fewer, key=lambda other: other.shots, default=None)


def gain(case: Case, fewer: Case, metric: Metric, seed: int) -> Estimate | None:
    """A figure minus that of the same contender with fewer photos, on the clips that both have."""
    return _difference(case, fewer, metric, seed)


def _difference(case: Case, other: Case, metric: Metric, seed: int) -> Estimate | None:
    others = {score.clip: score.figures[metric.key] for score in other.scores}
    apart = [
        float(np.subtract(score.figures[metric.key], others[score.clip]))
        for score in case.scores
        if score.clip in others
    ]
    return estimate(apart, seed)
