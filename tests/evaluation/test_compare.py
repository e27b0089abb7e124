"""Who is compared with whom, and that it goes clip by clip."""

from __future__ import annotations

import numpy as np
import pytest

from enliven.evaluation.compare import gain, unfitted, with_fewer_photos
from enliven.evaluation.metrics import SELF_METRICS
from enliven.evaluation.scores import Case, Score

L1 = next(metric for metric in SELF_METRICS if metric.key == "l1")


def case(shots: int, name: str, **l1: float) -> Case:
    nothing = np.zeros((0, 128))
    scores = [Score(clip, clip, "group", 1, {"l1": value}, nothing, nothing) for clip, value in l1.items()]
    return Case(shots, name, scores)


CASES = [
    case(8, "mine", a=0.3, b=0.5),
    case(8, "mine in animate", a=0.4, b=0.6),
    case(8, "mine fitted", a=0.2, b=0.5),
    case(8, "mine fitted in animate", a=0.4, b=0.4),
    case(32, "mine", b=0.4),
    case(32, "mine fitted", b=0.1),
]


@pytest.mark.parametrize(("number", "other"), [(0, None), (1, None), (2, 0), (3, 1), (4, None), (5, 4)])
def test_the_fitted_are_compared_with_the_same_unfitted(number: int, other: int | None) -> None:
    found = unfitted(CASES[number], CASES)
    assert found is (None if other is None else CASES[other])


def test_a_name_that_says_fitted_itself_is_no_fitted_one() -> None:
    alone = case(8, "hybrid fitted", a=0.1)
    assert unfitted(alone, [alone]) is None


def test_gains_are_mean_differences_of_the_clips_that_both_have() -> None:
    found = gain(CASES[3], CASES[1], L1, 0)
    assert found is not None
    assert found.mean == pytest.approx(-0.1)
    fewer = with_fewer_photos(CASES[4], CASES)
    assert fewer is CASES[0]
    on_b = gain(CASES[4], fewer, L1, 0)
    assert on_b is not None
    assert on_b.mean == pytest.approx(-0.1)
