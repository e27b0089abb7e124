"""Which of three pictures is made? A small classifier in place of the paper's user study.

The paper showed people three pictures of a person, two true and one made, and asked for the made one: chance is
0.33, and with T = 32 photos its results were found out no more often than that (Zakharov et al. 2019, section 4.1).
Here a classifier learns true from made on people of the split `train` and is asked about people of `val`; a new one
for every contender and every T. It sees traces that people do not, so its rates are higher than theirs would be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from enliven.databank.bank import Bank
from enliven.databank.clip import to_rgb
from enliven.databank.shards import ShotEntry
from enliven.errors import DatabankError
from enliven.evaluation.contenders import Contender
from enliven.evaluation.plan import frames_needed, source_frames
from enliven.model.detection_net import DetectionConfig, DetectionNet, pooled
from enliven.types import JsonObject, Picture

CHANCE = 1.0 / 3.0
_RESAMPLES = 1000
Tick = Callable[[], None]
"""Called after every rendered frame."""


@dataclass(frozen=True)
class TrialSettings:
    """The protocol's numbers."""

    train_clips: int = 40
    """Clips of the split `train`, evenly spread, of which the classifier learns."""
    test_clips: int | None = None
    """Clips of the split `val`, evenly spread; None: all."""
    frames: int = 6
    """Frames of a clip, made and true, from its second half."""
    side: int = 128
    """Side of what the classifier sees: a square of the picture's middle; people do not look at single pixels."""
    steps: int = 200
    batch: int = 16
    rate: float = 1e-3
    seed: int = 0


@dataclass(frozen=True)
class Trial:
    """How often the made one was picked."""

    contender: str
    shots: int
    rate: float
    """1 when always found out, 0.33 when never told apart."""
    low: float
    high: float
    """95 % interval over clips drawn anew."""
    triplets: int
    clips: int
    learned: float
    """The rate on the clips that the classifier learned from, for how well it could learn at all."""

    def to_json(self) -> JsonObject:
        return asdict(self)

    def sentence(self) -> str:
        return (
            f"{self.contender}, T = {self.shots}: the made one of three is picked in {self.rate:.2f} "
            f"({self.low:.2f} to {self.high:.2f}) of {self.triplets} triplets of {self.clips} unseen clips; "
            f"chance is 0.33, on learned clips {self.learned:.2f}"
        )


@dataclass(frozen=True, eq=False)
class Pair:
    """One clip's frames, true and made, (N, side, side, 3) each."""

    true: Picture
    made: Picture


def real_or_made(
    bank: Bank, contender: Contender, shots: int, settings: TrialSettings, tick: Tick = lambda: None
) -> Trial:
    """Trains a classifier against a contender that has ``shots`` photos, and asks it about unseen people.

    Raises DatabankError when a split has no clip that is long enough.
    """
    learned = _pairs(bank, "train", settings.train_clips, contender, shots, settings, tick)
    unseen = _pairs(bank, "val", settings.test_clips, contender, shots, settings, tick)
    network = train_classifier(learned, settings)
    rates = [picked(network, pair) for pair in unseen]
    random = np.random.default_rng(settings.seed)
    drawn = random.integers(len(rates), size=(_RESAMPLES, len(rates)))
    low, high = np.percentile(np.asarray(rates)[drawn].mean(axis=1), [2.5, 97.5])
    triplets = sum(_triplets(len(pair.true)) for pair in unseen)
    on_learned = float(np.mean([picked(network, pair) for pair in learned]))
    return Trial(
        contender.name,
        shots,
        float(np.mean(rates)),
        float(low),
        float(high),
        triplets,
        len(unseen),
        on_learned,
    )


def train_classifier(pairs: Sequence[Pair], settings: TrialSettings) -> DetectionNet:
    """Learns true from made, half and half, mirrored at random; in evaluation mode."""
    torch.manual_seed(settings.seed)
    random = np.random.default_rng(settings.seed)
    network = DetectionNet(DetectionConfig()).train()
    optimiser = torch.optim.Adam(network.parameters(), settings.rate)
    for _ in range(settings.steps):
        chosen = [pairs[int(i)] for i in random.integers(len(pairs), size=settings.batch // 2)]
        frames = [int(random.integers(len(pair.true))) for pair in chosen]
        pictures = [pair.true[f] for pair, f in zip(chosen, frames, strict=True)]
        pictures += [pair.made[f] for pair, f in zip(chosen, frames, strict=True)]
        flips = random.random(len(pictures)) < 0.5
        turned = np.stack([p[:, ::-1] if flip else p for p, flip in zip(pictures, flips, strict=True)])
        truth = torch.arange(len(pictures)).ge(len(chosen)).float()
        loss = F.binary_cross_entropy_with_logits(pooled(network(_tensor(turned))), truth)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return network.eval()


@torch.no_grad()
def picked(network: DetectionNet, pair: Pair) -> float:
    """The share of a clip's triplets in which the made one looks most made.

    Triplets: every made frame with every two other true frames of the clip; a tie counts as a guess.
    """
    true, made = (pooled(network(_tensor(pictures))).numpy() for pictures in (pair.true, pair.made))
    count, found = len(true), 0.0
    for m in range(count):
        for a in range(count):
            for b in range(a + 1, count):
                if m not in {a, b}:
                    scores = np.array([made[m], true[a], true[b]])
                    best = scores == scores.max()
                    found += float(best[0]) / float(best.sum())
    return found / _triplets(count)


def _triplets(frames: int) -> int:
    return frames * (frames - 1) * (frames - 2) // 2


def _pairs(
    bank: Bank,
    split: str,
    most: int | None,
    contender: Contender,
    shots: int,
    settings: TrialSettings,
    tick: Tick,
) -> list[Pair]:
    least = max(frames_needed(shots), 2 * settings.frames)
    entries = [entry for entry in bank.of_split(split) if entry.facts.frames >= least]
    if not entries:
        raise DatabankError(
            f"The databank {bank.path} has no clip of {least} frames in the split '{split}', which {shots} photos need."
        )
    if most is not None and most < len(entries):
        entries = [entries[int(place)] for place in np.linspace(0, len(entries) - 1, most).round()]
    return [_pair(entry, contender, shots, settings, tick) for entry in entries]


def _pair(entry: ShotEntry, contender: Contender, shots: int, settings: TrialSettings, tick: Tick) -> Pair:
    count = entry.facts.frames
    photos = source_frames(count, shots)
    driving = [int(f) for f in np.linspace(count // 2, count - 1, settings.frames).round()]
    wanted = sorted({*photos, *driving})
    images = dict(zip(wanted, (to_rgb(plane) for plane in entry.planes(wanted)), strict=True))
    points = entry.points()
    contender.prepare([images[f] for f in photos], [points[f] for f in photos])
    made = []
    for frame in driving:
        made.append(_seen(contender.render(points[frame]), settings.side))
        tick()
    return Pair(np.stack([_seen(images[f], settings.side) for f in driving]), np.stack(made))


def _seen(picture: Picture, side: int) -> Picture:
    """The middle of a picture, where the face is, averaged to ``side``."""
    edge = picture.shape[0] // 8
    middle = picture[edge : picture.shape[0] - edge, edge : picture.shape[1] - edge]
    return np.asarray(cv2.resize(middle, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def _tensor(pictures: Picture) -> Tensor:
    """(N, S, S, 3) uint8 to (N, 3, S, S) float32 in 0..255."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float()
