"""Episodes from one person's photos: one is the target, one or two others are the photos; never the target itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from enliven.fitting.pictures import Crop
from enliven.training.batches import Batch, make_batch
from enliven.types import Floats, Picture

_MOST_PHOTOS = 2
"""As many as a frame reads when the head is animated."""


@dataclass(frozen=True, eq=False)
class FitEpisode:
    """See :class:`enliven.training.batches.EpisodeLike`."""

    photos: Picture
    photo_points: Floats
    target: Picture
    target_points: Floats
    identity: npt.NDArray[np.int64]


def draw_batch(learned: Sequence[Crop], batch: int, random: np.random.Generator, original: bool) -> Batch:
    """``batch`` leave-one-out episodes with the same number of photos."""
    photos = int(random.integers(1, min(_MOST_PHOTOS, len(learned) - 1) + 1))
    drawn = [random.permutation(len(learned))[: photos + 1] for _ in range(batch)]
    return batch_of(
        [[learned[i] for i in each[1:]] for each in drawn], [learned[each[0]] for each in drawn], original
    )


def batch_of(photos: Sequence[Sequence[Crop]], targets: Sequence[Crop], original: bool) -> Batch:
    """Episodes with these photos (B, K) and targets (B)."""
    episode = FitEpisode(
        np.stack([np.stack([crop.picture for crop in row]) for row in photos]),
        np.stack([np.stack([crop.points for crop in row]) for row in photos]),
        np.stack([crop.picture for crop in targets]),
        np.stack([crop.points for crop in targets]),
        np.zeros(len(targets), np.int64),
    )
    return make_batch(episode, emphasis=5.0, original_drawing=original)
