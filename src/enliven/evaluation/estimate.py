"""Means over clips, with how far they may be off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 2000


@dataclass(frozen=True)
class Estimate:
    """A mean over clips and its bootstrap interval."""

    mean: float
    low: float
    """2.5th percentile of the means of resampled clips (Efron 1979)."""
    high: float
    """97.5th percentile."""
    clips: int
    """That have this figure."""


def estimate(values: Sequence[float], seed: int) -> Estimate | None:
    """The mean of one figure per clip; nan is left out, None when nothing is left.

    The same number of clips is resampled in the same way, whoever the figures belong to.
    """
    known = np.array([value for value in values if np.isfinite(value)], np.float64)
    if known.size == 0:
        return None
    picks = np.random.default_rng(seed).integers(known.size, size=(RESAMPLES, known.size))
    low, high = np.percentile(known[picks].mean(axis=1), [2.5, 97.5])
    return Estimate(float(known.mean()), float(low), float(high), int(known.size))
