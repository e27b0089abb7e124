"""Crops of true and made frames on disk, in parts, drawn from the clips of a databank.

Draw n is a pure function of (seed, n, databank): a clip, an engine, a way to the viewer. Both the clip's own frames
and the engine's frames of the same face go that way, so every person and every quality is on both sides.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from enliven.databank.bank import open_bank
from enliven.databank.frames import FrameStore, open_frames
from enliven.databank.shards import ShotEntry
from enliven.errors import DatabankError, TrainingError
from enliven.training.detection_chain import (
    Chain,
    Planes,
    Shares,
    changed_shares,
    draw_chain,
    draw_test_chain,
    resampled_again,
    stored_crop,
)
from enliven.training.detection_fakes import BLEND, TRUE, Maker, blend, difference, draw_blend, transferred
from enliven.types import Floats, Picture

CLIP_FRAMES, KEPT = 5, (0, 2, 4)
"""So many neighbouring frames are encoded together; of these, every second one is kept."""
PART_DRAWS = 50
_MOST_FRAMES = 100
_AGAIN_SHARE = 0.5
PLAIN, CRF32, HALF = "plain", "crf32", "half"
MEASURED_WAYS: Mapping[str, tuple[float, int | None]] = {
    PLAIN: (1.0, None),
    CRF32: (1.0, 32),
    HALF: (0.5, None),
}
"""How held-out clips reach the viewer: scale and H.264 quality."""


@dataclass(frozen=True, eq=False)
class Clip:
    """Neighbouring frames of one shot, and a photo from elsewhere in it."""

    identity: str
    photo: Picture
    photo_points: Floats
    frames: list[Picture]
    points: list[Floats]


class ClipSource:
    """Draws clips from one split of a databank: a person first, then one of their shots."""

    def __init__(self, bank: Path, split: str, progress: Callable[[int, int], None] | None = None) -> None:
        """Raises DatabankError when the split has fewer than two people with shots long enough."""
        opened = open_bank(bank)
        entries = opened.of_split(split)
        self.size, self.fingerprint = opened.size, opened.fingerprint
        self._frames: FrameStore = open_frames(opened, entries, split, _MOST_FRAMES, 30.0, None, progress)
        self._people = _people(entries)
        if len(self._people) < 2:
            raise DatabankError(
                f"The split '{split}' of {bank} has {len(self._people)} people with shots of {CLIP_FRAMES + 1} "
                "frames or more; two are needed to tell true from made."
            )

    def draw(self, random: np.random.Generator, but: str = "") -> Clip:
        """A clip of anybody but ``but``."""
        while True:
            name, shots = self._people[int(random.integers(len(self._people)))]
            if name != but:
                break
        shot = int(random.choice(shots))
        count = len(self._frames.measures(shot))
        start = int(random.integers(count - CLIP_FRAMES + 1))
        others = [n for n in range(count) if not start <= n < start + CLIP_FRAMES]
        wanted = [int(random.choice(others)), *range(start, start + CLIP_FRAMES)]
        images, points = self._frames.take(shot, wanted)
        return Clip(name, images[0], points[0], images[1:], list(points[1:]))


@dataclass(frozen=True)
class Recipe:
    """What is drawn, for one folder of parts."""

    split: str
    draws: int
    engines: tuple[str, ...]
    """Taken in turn; `blend` and the names of the makers."""
    seed: int = 0
    measured: bool = False
    """True: every draw goes all the measured ways; False: one way drawn for training."""


def prepare(
    bank: Path,
    out: Path,
    recipe: Recipe,
    makers: Mapping[str, Maker],
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Writes the parts of ``recipe`` that ``out`` does not have yet; stopped at any time, it goes on there.

    Raises TrainingError when ``out`` holds another recipe's parts or an engine has no maker.
    """
    unknown = set(recipe.engines) - set(makers) - {BLEND}
    if unknown:
        raise TrainingError(f"No engine is called {', '.join(sorted(unknown))}; name its checkpoints.")
    source = ClipSource(bank, recipe.split)
    _claim(out, recipe, source.fingerprint)
    for first in range(0, recipe.draws, PART_DRAWS):
        path = out / f"part-{first // PART_DRAWS:05d}.npz"
        if not path.exists():
            numbers = range(first, min(first + PART_DRAWS, recipe.draws))
            _write_part(path, [sample for n in numbers for sample in _samples(source, recipe, makers, n)])
        if progress:
            progress(min(first + PART_DRAWS, recipe.draws), recipe.draws)


@dataclass(frozen=True, eq=False)
class Sample:
    """One stored crop."""

    planes: Planes
    changed: Shares
    engine: str
    identity: str
    way: str
    draw: int


def _samples(source: ClipSource, recipe: Recipe, makers: Mapping[str, Maker], number: int) -> list[Sample]:
    random = np.random.default_rng([recipe.seed, number])
    engine = recipe.engines[number % len(recipe.engines)]
    clip = source.draw(random)
    made = _made(source, clip, engine, makers, random)
    true = clip.frames
    if random.random() < _AGAIN_SHARE:
        true = [resampled_again(frame, random) for frame in true]
    same = [np.zeros_like(frame) for frame in true]
    samples = []
    for way, chain in _ways(random, recipe.measured).items():
        for kind, side in ((TRUE, Side(true, same, clip.points)), (engine, made)):
            seen, places = chain.apply(side.frames, side.points)
            changed, _ = chain.unencoded().apply(side.changed, side.points)
            samples += [
                Sample(
                    stored_crop(seen[k], places[k]),
                    changed_shares(stored_crop(changed[k], places[k])),
                    *(kind, clip.identity, way, number),
                )
                for k in KEPT
            ]
    return samples


@dataclass(frozen=True, eq=False)
class Side:
    """The true or the made frames of a draw."""

    frames: list[Picture]
    changed: list[Picture]
    """White where an engine or a blend changed the picture it began with."""
    points: Sequence[Floats]


def _made(
    source: ClipSource, clip: Clip, engine: str, makers: Mapping[str, Maker], random: np.random.Generator
) -> Side:
    """Self-reenactment, cross-reenactment or a blend."""
    other = source.draw(random, but=clip.identity)
    if engine == BLEND:
        how, own = draw_blend(random), bool(random.random() < 0.3)
        donors = (
            [(clip.photo, clip.photo_points)] * CLIP_FRAMES
            if own
            else list(zip(other.frames, other.points, strict=True))
        )
        pairs = zip(clip.frames, clip.points, donors, strict=True)
        mixed = [blend(frame, points, *donor, how) for frame, points, donor in pairs]
        return Side(mixed, list(map(difference, mixed, clip.frames)), clip.points)
    motion = clip.points
    if random.random() < 0.5:
        motion = transferred(clip.photo_points, other.points, source.size)
    frames = makers[engine].make(clip.photo, clip.photo_points, motion)
    return Side(frames, [difference(frame, clip.photo) for frame in frames], motion)


def _ways(random: np.random.Generator, measured: bool) -> dict[str, Chain]:
    if not measured:
        return {"drawn": draw_chain(random)}
    return {name: draw_test_chain(random, *way) for name, way in MEASURED_WAYS.items()}


def _write_part(path: Path, samples: Sequence[Sample]) -> None:
    temporary = path.with_name(f".{path.name}.writing.npz")
    try:
        np.savez(
            temporary,
            planes=np.stack([s.planes for s in samples]),
            changed=np.stack([s.changed for s in samples]),
            engine=np.array([s.engine for s in samples]),
            identity=np.array([s.identity for s in samples]),
            way=np.array([s.way for s in samples]),
            draw=np.array([s.draw for s in samples]),
        )
        temporary.replace(path)
    except OSError as error:
        raise TrainingError(f"{path} cannot be written: {error.strerror or error}.") from None
    finally:
        temporary.unlink(missing_ok=True)


def _claim(out: Path, recipe: Recipe, fingerprint: str) -> None:
    """One folder, one recipe; more draws of the same may be added."""
    about = {
        "split": recipe.split,
        "engines": list(recipe.engines),
        "seed": recipe.seed,
        "measured": recipe.measured,
        "bank": fingerprint,
    }
    file = out / "recipe.json"
    if file.exists():
        if json.loads(file.read_text()) != about:
            raise TrainingError(
                f"{out} holds pictures of another recipe; choose another folder or remove it."
            )
        return
    out.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(about, indent=1) + "\n")


def _people(entries: Sequence[ShotEntry]) -> list[tuple[str, list[int]]]:
    """(identity, shots that are long enough), sorted by name."""
    people: dict[str, list[int]] = {}
    for number, entry in enumerate(entries):
        if min(entry.facts.frames, _MOST_FRAMES) > CLIP_FRAMES:
            people.setdefault(entry.facts.identity, []).append(number)
    return sorted(people.items())
