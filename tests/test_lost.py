"""Moments without the driver's face."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from enliven.lost import losses_told, without_losses
from enliven.types import Motion


def moments(seen: str) -> list[Motion]:
    """One a second: `x` seen, `.` held."""
    points = np.zeros((478, 3), np.float32)
    return [Motion(points, Fraction(n), held=each == ".") for n, each in enumerate(seen)]


@pytest.mark.parametrize(
    ("seen", "on_lost", "times"),
    [
        ("x..x", "hold", [0, 1, 2, 3]),
        ("x..xx", "skip", [0, 1, 2]),
        ("..x", "skip", [0]),
        ("x..x", "stop", [0]),
        ("..xx.x", "stop", [0, 1, 2, 3]),
    ],
)
def test_lost_moments_are_held_skipped_or_the_end(seen: str, on_lost: str, times: list[int]) -> None:
    assert [motion.time for motion in without_losses(iter(moments(seen)), on_lost)] == times


def test_what_is_lacking_is_told() -> None:
    assert losses_told(0, 50, 0, "hold") == []
    lost, cuts = losses_told(3, 50, 2, "skip")
    assert "3 of 50" in lost
    assert "skipped" in lost
    assert "2 scene cuts" in cuts
