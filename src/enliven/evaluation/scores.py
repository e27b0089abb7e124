"""What was measured, before it is a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from enliven.types import Floats

Figures = dict[str, float]
"""Key of a metric -> value; nan where it cannot be measured."""


@dataclass(frozen=True, eq=False)
class Score:
    """One contender on one clip (or pair)."""

    clip: str
    """Key of the clip, or of the pair."""
    identity: str
    group: str
    """See ``plan.group_of``."""
    frames: int
    """Measured."""
    figures: Figures
    """Means over the frames."""
    descriptors: Floats
    """(F, 128) of the made frames."""
    true_descriptors: Floats
    """(F, 128) of the true ones; of a pair, of the first photo."""


@dataclass(frozen=True, eq=False)
class Case:
    """One contender with one number of photos on all clips."""

    shots: int
    contender: str
    scores: list[Score] = field(default_factory=list)

    def values(self, metric: str) -> list[float]:
        """One per clip, in the order of the clips."""
        return [score.figures[metric] for score in self.scores]


def mean_figures(frames: Sequence[Figures]) -> Figures:
    """Mean of each figure over the frames that have it."""
    means = {}
    for key in frames[0]:
        known = [figures[key] for figures in frames if np.isfinite(figures[key])]
        means[key] = float(np.mean(known)) if known else float("nan")
    return means
