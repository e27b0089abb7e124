"""Who can be drawn: clips by quality and person, for every number of photos."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from enliven.databank.bank import Bank
from enliven.databank.shards import ShotEntry
from enliven.databank.shot import HIGH
from enliven.errors import DatabankError


@dataclass(frozen=True)
class _Class:
    """The clips of one kind, by person."""

    people: tuple[tuple[int, ...], ...]

    def draw(self, random: np.random.Generator) -> int:
        """A person, then a clip: nobody is seen more often for having more clips."""
        clips = self.people[int(random.integers(len(self.people)))]
        return clips[int(random.integers(len(clips)))]


class Roster:
    """Draws the clip of an episode. A clip serves K photos when it has at least K + 1 frames."""

    def __init__(self, bank: Bank, entries: list[ShotEntry], frames_per_shot: int, split: str) -> None:
        """Raises DatabankError when the split is empty or, for training, holds one identity only."""
        self._bank, self._entries, self._split = bank, entries, split
        self._frames = [min(entry.facts.frames, frames_per_shot) for entry in entries]
        number = {name: i for i, name in enumerate(bank.identities)}
        self._identities = [number[entry.facts.identity] for entry in entries]
        self._classes: dict[tuple[str, int], _Class] = {}
        self._check()

    def identity(self, shot: int) -> int:
        return self._identities[shot]

    def require(self, shots_min: int, shots_max: int) -> None:
        """Raises DatabankError when no clip has frames enough for the largest K."""
        most = max(self._frames)
        if most < shots_max + 1:
            raise DatabankError(
                f"Episodes of up to {shots_max} photos need clips of at least {shots_max + 1} frames, but the longest "
                f"in {self._bank.path} ({self._split}) has {most}. Choose at most {max(most - 1, 0)} photos."
            )
        for shots in range(shots_min, shots_max + 1):
            for kind in ("all", HIGH, "other"):
                self._classes[kind, shots] = self._class(kind, shots)

    def draw(self, random: np.random.Generator, shots: int, high_quality_share: float) -> int:
        """The number of a clip that has ``shots + 1`` frames or more."""
        high, other = self._classes[HIGH, shots], self._classes["other", shots]
        wants_high = bool(random.random() < high_quality_share)
        chosen = high if wants_high else other
        return (chosen if chosen.people else self._classes["all", shots]).draw(random)

    def _class(self, kind: str, shots: int) -> _Class:
        people: dict[int, list[int]] = {}
        for shot, entry in enumerate(self._entries):
            fits = kind == "all" or (entry.facts.quality == HIGH) == (kind == HIGH)
            if fits and self._frames[shot] > shots:
                people.setdefault(self._identities[shot], []).append(shot)
        return _Class(tuple(tuple(clips) for _, clips in sorted(people.items())))

    def _check(self) -> None:
        if not self._entries:
            raise DatabankError(
                f"The databank {self._bank.path} has no clip of the split '{self._split}'. "
                "Name splits in the csv of --identities when you build it."
            )
        if self._split == "train" and len(set(self._identities)) < 2:
            raise DatabankError(
                f"The databank {self._bank.path} shows one person only ({self._bank.identities[self._identities[0]]})."
                " Meta-learning needs at least two; add videos of others."
            )
