"""Episodes from one person's photos: one is the target, the nearest others are the photos; never the target itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from enliven.fitting.pictures import Crop
from enliven.model.nearest import Nearest
from enliven.training.batches import Batch, make_batch
from enliven.types import Floats, Picture


@dataclass(frozen=True, eq=False)
class FitEpisode:
    """See :class:`enliven.training.batches.EpisodeLike`."""

    photos: Picture
    photo_points: Floats
    target: Picture
    target_points: Floats
    identity: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Lesson:
    """Episodes whose photos are the nearest that there are, as a frame is made of them."""

    batch: Batch
    prior: Tensor
    """(B, K, 1, 1) log weights of the photos, see :class:`enliven.model.nearest.Nearest`."""

    def to(self, device: torch.device) -> Lesson:
        return Lesson(self.batch.to(device), self.prior.to(device))


def draw_lesson(learned: Sequence[Crop], batch: int, random: np.random.Generator, original: bool) -> Lesson:
    """``batch`` leave-one-out episodes; at most half of the photos are hidden, so that far ones are practised too."""
    targets = random.permutation(len(learned))[:batch]
    seen = int(random.integers(max(1, (len(learned) - 1) // 2), len(learned)))
    rows = []
    for target in targets:
        others = [n for n in random.permutation(len(learned)) if n != target][:seen]
        rows.append([learned[n] for n in others])
    return lesson_of(rows, [learned[n] for n in targets], original)


def lesson_of(photos: Sequence[Sequence[Crop]], targets: Sequence[Crop], original: bool) -> Lesson:
    """Episodes of the targets (B); each from the nearest of its photos, of which all have equally many."""
    rows, priors = [], []
    for row, target in zip(photos, targets, strict=True):
        nearest = Nearest([crop.points for crop in row], target.picture.shape[0])
        chosen, log_weights = nearest.choose(target.points)
        rows.append([row[n] for n in chosen])
        priors.append(log_weights)
    prior = torch.from_numpy(np.stack(priors))[:, :, None, None]
    return Lesson(_batch_of(rows, targets, original), prior)


def _batch_of(photos: Sequence[Sequence[Crop]], targets: Sequence[Crop], original: bool) -> Batch:
    """Episodes with these photos (B, K) and targets (B)."""
    episode = FitEpisode(
        np.stack([np.stack([crop.picture for crop in row]) for row in photos]),
        np.stack([np.stack([crop.points for crop in row]) for row in photos]),
        np.stack([crop.picture for crop in targets]),
        np.stack([crop.points for crop in targets]),
        np.zeros(len(targets), np.int64),
    )
    return make_batch(episode, emphasis=5.0, original_drawing=original)
