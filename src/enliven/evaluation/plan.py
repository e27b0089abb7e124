"""Which clips are measured, and which of their frames are photos and which drive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from enliven.databank.bank import Bank
from enliven.databank.shards import ShotEntry
from enliven.errors import DatabankError
from enliven.evaluation.settings import EvaluationSettings

SPARE = 3
"""A first half has this many frames beyond the photos, so that T photos are a choice and not all there is."""
FLICKER_RUN = 8
"""Consecutive frames on which flicker is measured: a third of a second."""


def frames_needed(shots: int) -> int:
    """The fewest frames of a clip that gives ``shots`` photos."""
    return 2 * (shots + SPARE)


def source_frames(frame_count: int, shots: int) -> list[int]:
    """``shots`` frames evenly spread over the first half; one is the first frame."""
    last = frame_count // 2 - 1
    return [int(frame) for frame in np.linspace(0, last, shots).round()]


def driving_frames(frame_count: int, every: int) -> list[int]:
    """Every ``every``-th frame of the second half."""
    return list(range(frame_count // 2, frame_count, every))


def flicker_frames(frame_count: int) -> list[int]:
    """Consecutive frames in the middle of the second half."""
    half = frame_count // 2
    length = min(FLICKER_RUN, frame_count - half)
    start = half + (frame_count - half - length) // 2
    return list(range(start, start + length))


@dataclass(frozen=True, eq=False)
class Plan:
    """The clips of a split that can be measured."""

    entries: tuple[ShotEntry, ...]
    """Long enough for the smallest number of photos; sorted by key."""
    shots: tuple[int, ...]
    """Numbers of photos for which at least one clip is long enough."""
    left_out: dict[int, int]
    """Number of photos -> clips that are too short for it, of those that were asked for."""

    def of(self, shots: int) -> list[ShotEntry]:
        """The clips that are long enough for this number of photos."""
        return [entry for entry in self.entries if entry.facts.frames >= frames_needed(shots)]


def make_plan(bank: Bank, settings: EvaluationSettings) -> Plan:
    """Raises DatabankError for an empty split and when every clip is too short."""
    entries = bank.of_split(settings.split)
    if not entries:
        splits = sorted({entry.facts.split or "train" for entry in bank.shots})
        raise DatabankError(
            f"The databank {bank.path} has no clip in the split '{settings.split}'; it has {', '.join(splits)}."
        )
    longest = max(entry.facts.frames for entry in entries)
    least = frames_needed(settings.shots[0])
    if longest < least:
        raise DatabankError(
            f"No clip of the split '{settings.split}' is long enough: {settings.shots[0]} photos need {least} frames, "
            f"the longest of {len(entries)} clips has {longest}."
        )
    usable = [entry for entry in entries if entry.facts.frames >= least]
    chosen = _spread(usable, settings.clips)
    short = len(entries) - len(usable)
    left_out = {t: short + sum(e.facts.frames < frames_needed(t) for e in chosen) for t in settings.shots}
    shots = tuple(t for t in settings.shots if any(e.facts.frames >= frames_needed(t) for e in chosen))
    return Plan(tuple(chosen), shots, left_out)


def _spread(entries: Sequence[ShotEntry], most: int | None) -> list[ShotEntry]:
    if most is None or most >= len(entries):
        return list(entries)
    return [entries[int(place)] for place in np.linspace(0, len(entries) - 1, most).round()]


@dataclass(frozen=True, eq=False)
class Pair:
    """Whose photos, and whose motion."""

    source: ShotEntry
    driver: ShotEntry

    @property
    def key(self) -> str:
        return f"{self.source.facts.key}-by-{self.driver.facts.key}"


def make_pairs(entries: Sequence[ShotEntry], count: int, seed: int) -> list[Pair]:
    """Up to ``count`` pairs of different people; every clip is a source once before any is again."""
    random = np.random.default_rng(seed)
    order = [entries[int(place)] for place in random.permutation(len(entries))]
    pairs = []
    for source in order[:count]:
        others = [entry for entry in entries if entry.facts.identity != source.facts.identity]
        if others:
            pairs.append(Pair(source, others[int(random.integers(len(others)))]))
    return pairs


def group_of(entry: ShotEntry) -> str:
    """The collection that a clip comes from, as far as its source's name tells.

    That is what stands before ``__`` in the file's name, else the folder, else the name.
    """
    path = PurePosixPath(entry.facts.source)
    if "__" in path.name:
        return path.name.split("__")[0]
    return path.parts[0] if len(path.parts) > 1 and path.parts[0] != "/" else path.parent.name or path.name
