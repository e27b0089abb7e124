"""One person's photos made ready for learning: what stays the same at every step is computed once."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from enliven.face.matte import mattes_of
from enliven.fitting.pictures import Crop
from enliven.model.caution import paintable
from enliven.model.drawing import draw_conditioning
from enliven.model.guess import Guesser
from enliven.model.nearest import Nearest
from enliven.model.talking_head import to_tensor
from enliven.training.batches import Batch, importance

_EMPHASIS = 5.0
"""Weight of mouth and eyes in the picture losses."""
_MOST_GUESSES = 700
"""Kept at a time, 0.6 MB each: all that eight photos need, and most of what 32 do."""
_MOST_THREADS = 8
"""That make guesses at a time: half of one is NumPy's and holds Python's lock."""
_Made = tuple[Tensor, Tensor]
"""Flow, float32 since coordinates need it, and layers, float16."""


@dataclass(frozen=True, eq=False)
class Lesson:
    """Episodes whose photos are the nearest that there are, as a frame is made of them."""

    batch: Batch
    features: tuple[Tensor, ...]
    """(B, K, C, h, w) at three scales: what the source encoder, which is not fitted, sees in the photos."""
    prior: Tensor
    """(B, K, S/4, S/4) log weights of the photos, see :class:`enliven.model.nearest.Nearest`."""
    targets: tuple[int, ...]
    """Which photos are made."""

    def to(self, device: torch.device) -> Lesson:
        features = tuple(each.to(device) for each in self.features)
        return Lesson(self.batch.to(device), features, self.prior.to(device), self.targets)


class Album:
    """Photos by number, and lessons on them."""

    def __init__(self, crops: Sequence[Crop], talker: nn.Module, original: bool) -> None:
        """``crops``: (S, S, 3) each; ``talker``: the base's networks, on the CPU; ``original``: kind of drawing."""
        self.crops = tuple(crops)
        mattes = mattes_of([crop.picture for crop in crops], [crop.points for crop in crops])
        self._guessers = [
            Guesser(crop.picture, crop.points, matte) for crop, matte in zip(crops, mattes, strict=True)
        ]
        self._guesses: dict[tuple[int, int], _Made] = {}
        size = crops[0].picture.shape[0]
        drawn = [draw_conditioning(crop.points[:, :2], size, original=original) for crop in crops]
        self._photos = _tensors([crop.picture for crop in crops])
        self._drawings = _tensors(drawn)
        self._points = torch.from_numpy(np.stack([crop.points[:, :2] for crop in crops]).astype(np.float32))
        weights = np.stack([importance(crop.points, size, _EMPHASIS) for crop in crops])
        self._importance = torch.from_numpy(weights)[:, None]
        within = [
            paintable(crop.points, size, cut_out=matte is not None)
            for crop, matte in zip(crops, mattes, strict=True)
        ]
        self._paintable = torch.from_numpy(np.stack(within))[:, None]
        self._features = _encoded(talker, self._photos, self._drawings)
        self._nearest = Nearest([crop.points for crop in crops], size)

    def lesson(self, photos: Sequence[Sequence[int]], targets: Sequence[int]) -> Lesson:
        """Episodes of the targets (B); each from the nearest of its photos, of which all have equally many."""
        rows, priors = [], []
        for row, target in zip(photos, targets, strict=True):
            chosen, log_weights = self._nearest.among(row).shares(self.crops[target].points)
            rows.append([row[n] for n in chosen])
            priors.append(log_weights)
        pairs = [(photo, target) for row, target in zip(rows, targets, strict=True) for photo in row]
        made = self._guessed(pairs)
        those = torch.tensor(rows)  # (B, K)
        them = torch.tensor(list(targets))
        batch = Batch(
            self._photos[those],
            self._drawings[those],
            self._photos[them],
            self._drawings[them],
            self._points[them],
            self._importance[them],
            torch.zeros(len(targets), dtype=torch.int64),
            _stacked([flow for flow, _ in made], len(rows)),
            _stacked([layers for _, layers in made], len(rows)).float(),
            self._paintable[them],
        )
        prior = torch.from_numpy(np.stack(priors))
        return Lesson(batch, tuple(each[those] for each in self._features), prior, tuple(targets))

    def nearest(self, photos: Sequence[int], target: int) -> int:
        """The one of the photos that looks most like the target."""
        return photos[int(self._nearest.among(photos).choose(self.crops[target].points)[0][0])]

    def _guessed(self, pairs: Sequence[tuple[int, int]]) -> list[_Made]:
        """What each photo alone makes of its target: several photos at a time, each its targets one by one."""
        lacking: dict[int, list[int]] = {}
        for photo, target in dict.fromkeys(pairs):
            if (photo, target) not in self._guesses:
                lacking.setdefault(photo, []).append(target)
        with ThreadPoolExecutor(min(_MOST_THREADS, torch.get_num_threads())) as pool:
            for made in pool.map(self._guess, lacking, lacking.values()):
                self._guesses |= made
        found = [self._guesses[pair] for pair in pairs]
        for old in list(self._guesses)[:-_MOST_GUESSES]:
            del self._guesses[old]
        return found

    def _guess(self, photo: int, targets: Sequence[int]) -> dict[tuple[int, int], _Made]:
        found = {}
        for target in targets:
            guess = self._guessers[photo].guess(self.crops[target].points)
            found[photo, target] = (torch.from_numpy(guess.flow), torch.from_numpy(guess.layers).half())
        return found


def draw_lesson(album: Album, learned: int, batch: int, random: np.random.Generator) -> Lesson:
    """``batch`` leave-one-out episodes of the first ``learned`` photos.

    At most half of the photos are hidden, so that far ones are practised too.
    """
    targets = random.permutation(learned)[:batch].tolist()
    seen = int(random.integers(max(1, (learned - 1) // 2), learned))
    rows = [[int(n) for n in random.permutation(learned) if n != target][:seen] for target in targets]
    return album.lesson(rows, targets)


def draw_lesson_of_two(album: Album, learned: int, batch: int, random: np.random.Generator) -> Lesson:
    """The same as `enliven animate` makes frames: each of the first photo, which is animated, and of the one of the
    others that is nearest, of which many are hidden, so that far ones are practised too."""
    targets = random.permutation(learned)[:batch].tolist()
    return album.lesson([_two(album, learned, target, random) for target in targets], targets)


def _two(album: Album, learned: int, target: int, random: np.random.Generator) -> list[int]:
    """One photo where there are but two."""
    others = [int(n) for n in random.permutation(learned) if n != target]
    first = others[0] if target == 0 else 0
    rest = [n for n in others if n != first][: int(random.integers(1, max(2, learned - 1)))]
    return [first, album.nearest(rest, target)] if rest else [first]


def _stacked(values: Sequence[Tensor], rows: int) -> Tensor:
    """(B, K, ...) of B K values."""
    return torch.stack(list(values)).reshape(rows, -1, *values[0].shape)


def _tensors(pictures: Sequence[np.ndarray]) -> Tensor:  # type: ignore[type-arg]
    return to_tensor(torch.from_numpy(np.stack(pictures)))


@torch.no_grad()
def _encoded(talker: nn.Module, photos: Tensor, drawings: Tensor) -> tuple[Tensor, ...]:
    """(N, C, h, w) at three scales, photo by photo: 32 at once would take a gigabyte on the way."""
    found = [
        talker.source_encoder(photo[None], drawing[None])  # type: ignore[operator]
        for photo, drawing in zip(photos, drawings, strict=True)
    ]
    return tuple(torch.cat(scale) for scale in zip(*found, strict=True))
