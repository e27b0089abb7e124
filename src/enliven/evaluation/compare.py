"""Differences clip by clip: surer than differences of means, since hard clips are hard for everyone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from enliven.evaluation.contenders import FITTED, WARP
from enliven.evaluation.estimate import Estimate, estimate
from enliven.evaluation.metrics import Metric
from enliven.evaluation.scores import Case


def warp_beside(case: Case, cases: Sequence[Case]) -> Case:
    """The warp with as many photos."""
    return next(other for other in cases if other.shots == case.shots and other.contender == WARP)


def with_fewer_photos(case: Case, cases: Sequence[Case]) -> Case | None:
    """The same contender with the next smaller number of photos."""
    fewer = [other for other in cases if other.contender == case.contender and other.shots < case.shots]
    return max(fewer, key=lambda other: other.shots, default=None)


def unfitted(case: Case, cases: Sequence[Case]) -> Case | None:
    """The same contender with as many photos, feed-forward; None for those that are not fitted."""
    before, found, after = case.contender.rpartition(FITTED)
    others = (each for each in cases if each.shots == case.shots and each.contender == before + after)
    return next(others, None) if found else None


def gain(case: Case, other: Case, metric: Metric, seed: int) -> Estimate | None:
    """A figure minus that of another case, on the clips that both have; None when it was not measured."""
    others = {score.clip: score.figures[metric.key] for score in other.scores}
    apart = [
        float(np.subtract(score.figures[metric.key], others[score.clip]))
        for score in case.scores
        if score.clip in others
    ]
    return estimate(apart, seed)
