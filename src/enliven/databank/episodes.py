"""Episodes for meta-learning: K shots of a person and one target frame apart from them.

Episode n is a pure function of (seed, n, settings, databank), so any rank can make its share, and a run can go on
exactly where it stopped. Zakharov et al. 2019, section 3.2, with the drawing of targets of our own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from enliven.databank.augment import Augmentation, draw_change
from enliven.databank.bank import open_bank
from enliven.databank.draw import FrameChoice, choose_frames
from enliven.databank.frames import FrameStore, Progress, open_frames
from enliven.databank.roster import Roster
from enliven.errors import DatabankError
from enliven.types import Floats, Picture

_CHOICE, _AUGMENTATION = FrameChoice(), Augmentation()


@dataclass(frozen=True)
class EpisodeSettings:
    """What an episode looks like."""

    shots_min: int = 1
    """Fewest photos of a person; K is drawn evenly from shots_min to shots_max, one K a step."""
    shots_max: int = 8
    """Most photos; clips with no more frames than K are not drawn for that K."""
    size: int = 256
    """Side of the pictures in pixels."""
    batch: int = 8
    """Episodes in a batch of one rank."""
    high_quality_share: float = 0.5
    """Part of the episodes that come from clips of high quality, when there are both kinds."""
    choice: FrameChoice = _CHOICE
    """Which frames become photos and target."""
    augmentation: Augmentation = _AUGMENTATION
    """What happens to all frames of an episode alike."""
    frames_per_shot: int = 100
    """At most so many frames of a shot are used, evenly spread; neighbours in time hardly differ."""
    cache_gb: float = 30.0
    """Decoded frames are kept on disk when they need no more than this; else every frame is decoded at need."""

    def __post_init__(self) -> None:
        if not 1 <= self.shots_min <= self.shots_max:
            raise DatabankError(
                f"Episodes need 1 <= shots_min <= shots_max, got {self.shots_min} and {self.shots_max}."
            )
        if self.batch < 1 or self.size < 16 or self.size % 2 or self.frames_per_shot < 2:
            raise DatabankError(
                "Episodes need a batch of at least 1, an even size of at least 16 and 2 or more frames per shot; "
                f"got batch {self.batch}, size {self.size}, frames_per_shot {self.frames_per_shot}."
            )
        if not 0.0 <= self.high_quality_share <= 1.0:
            raise DatabankError(f"high_quality_share must lie in 0..1, got {self.high_quality_share}.")


@dataclass(frozen=True, eq=False)
class Episode:
    """A batch of episodes."""

    photos: Picture
    """(B, K, H, W, 3) RGB uint8."""
    photo_points: Floats
    """(B, K, 478, 3) float32 in pixels of the photos."""
    target: Picture
    """(B, H, W, 3) RGB uint8: a frame of the same clip that is none of the photos."""
    target_points: Floats
    """(B, 478, 3) float32."""
    identity: npt.NDArray[np.int64]
    """(B,) the number of the person among ``Bank.identities``."""
    position: int
    """Of this batch; the stream goes on with ``position + 1``."""


class EpisodeStream(Iterator[Episode]):
    """Endless batches; every rank sees its own part of the step's ``world_size * batch`` episodes."""

    def __init__(
        self,
        bank: Path,
        settings: EpisodeSettings | None = None,
        *,
        seed: int,
        position: int = 0,
        rank: int = 0,
        world_size: int = 1,
        split: str = "train",
        cache: Path | None = None,
        progress: Progress | None = None,
    ) -> None:
        """``cache``: a folder for decoded frames instead of the databank's own; ``progress``: while it is built.

        Raises DatabankError for an empty or broken databank, a single identity to learn from, and a
        ``shots_max`` that no clip has frames enough for.
        """
        self.settings = settings or EpisodeSettings()
        if not 0 <= rank < world_size:
            raise DatabankError(f"rank must lie in 0..world_size-1, got {rank} of {world_size}.")
        self.bank = open_bank(bank)
        self.seed, self.position, self.split = seed, position, split
        self.rank, self.world_size = rank, world_size
        entries = self.bank.of_split(split)
        self._roster = Roster(self.bank, entries, self.settings.frames_per_shot, split)
        self._roster.require(self.settings.shots_min, self.settings.shots_max)
        self._frames: FrameStore = open_frames(
            self.bank, entries, split, self.settings.frames_per_shot, self.settings.cache_gb, cache, progress
        )

    @property
    def identity_count(self) -> int:
        """Over all splits: the size of an identity table."""
        return self.bank.identity_count

    def state(self) -> dict[str, Any]:
        """All that is needed to go on; plain JSON."""
        return {
            "seed": self.seed,
            "position": self.position,
            "split": self.split,
            "bank": self.bank.fingerprint,
        }

    def __next__(self) -> Episode:
        batch = self.at(self.position)
        self.position += 1
        return batch

    def at(self, position: int) -> Episode:
        """This rank's batch of a step, without moving the stream."""
        shots = self._shots(position)
        first = (position * self.world_size + self.rank) * self.settings.batch
        episodes = [self._episode(number, shots) for number in range(first, first + self.settings.batch)]
        images, points, identities = (list(part) for part in zip(*episodes, strict=True))
        pictures, landmarks = np.stack(images), np.stack(points)  # (B, K + 1, ...)
        return Episode(
            photos=pictures[:, :-1],
            photo_points=landmarks[:, :-1],
            target=pictures[:, -1],
            target_points=landmarks[:, -1],
            identity=np.array(identities, np.int64),
            position=position,
        )

    def _shots(self, position: int) -> int:
        """K of a step, the same on every rank."""
        draw = np.random.default_rng([self.seed, 1, position])
        return int(draw.integers(self.settings.shots_min, self.settings.shots_max + 1))

    def _episode(self, number: int, shots: int) -> tuple[Picture, Floats, int]:
        """(K + 1, H, W, 3), (K + 1, 478, 3) and the identity; the target is the last."""
        draw = np.random.default_rng([self.seed, 2, number])
        shot = self._roster.draw(draw, shots, self.settings.high_quality_share)
        wanted = choose_frames(draw, self._frames.measures(shot), shots, self.settings.choice)
        change = draw_change(draw, self.settings.augmentation, self.bank.size, self.settings.size)
        images, points = self._frames.take(shot, wanted)
        changed = np.stack([change.image(image) for image in images])
        return changed, change.points(points), self._roster.identity(shot)
