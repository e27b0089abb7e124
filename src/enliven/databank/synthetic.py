"""An artificial databank: invented people who talk by known landmarks. For tests and first steps; no download."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from enliven.databank.bank import Bank, create_bank, open_bank
from enliven.databank.shards import ShardWriter
from enliven.databank.shot import HighQuality, Origin, Shot, make_shot
from enliven.databank.synthetic_person import Person, draw_motion, draw_person
from enliven.databank.synthetic_picture import draw_background, draw_face
from enliven.errors import DatabankError
from enliven.types import Floats, Picture

_RATE = Fraction(25)


@dataclass(frozen=True)
class SyntheticSettings:
    """How large the artificial databank is."""

    identities: int = 8
    """Invented people."""
    shots: int = 2
    """Clips of each."""
    frames: int = 24
    """Frames of a clip, 25 a second."""
    size: int = 256
    """Side of the frames in pixels."""
    seed: int = 0
    """The same seed draws the same databank."""
    val_share: float = 0.125
    """Part of the people that is marked ``val``, rounded down; the last ones."""

    def __post_init__(self) -> None:
        if min(self.identities, self.shots) < 1 or self.frames < 2 or self.size < 32 or self.size % 2:
            raise DatabankError(
                "An artificial databank needs at least 1 identity, 1 shot, 2 frames and an even size from 32 on; got "
                f"{self.identities} identities, {self.shots} shots, {self.frames} frames and size {self.size}."
            )
        if not 0.0 <= self.val_share < 1.0:
            raise DatabankError(f"The share of val must lie in 0..1 (1 excluded), got {self.val_share}.")


def synthesise(
    path: Path, settings: SyntheticSettings, progress: Callable[[int, int], None] | None = None
) -> Bank:
    """Draw the databank into the new folder ``path``. Raises DatabankError when there already is one."""
    if (path / "bank.json").exists():
        raise DatabankError(
            f"There already is a databank in {path}. Choose another folder, or remove it first."
        )
    shards = create_bank(path, settings.size)
    with ShardWriter(shards / "synthetic.tar") as writer:
        for number in range(settings.identities):
            for clip in range(settings.shots):
                writer.add(draw_shot(settings, number, clip))
            if progress:
                progress(number + 1, settings.identities)
    return open_bank(path)


def draw_shot(settings: SyntheticSettings, number: int, clip: int) -> Shot:
    """One clip of one invented person; a pure function of its arguments. Every third is soft, of low quality."""
    person = draw_person(np.random.default_rng([settings.seed, number]))
    random = np.random.default_rng([settings.seed, number, clip + 1])
    times = [i / _RATE for i in range(settings.frames)]
    drawn = _draw_frames(person, random, settings)
    train = settings.identities - int(settings.identities * settings.val_share)
    origin = Origin(
        key=f"p{number:05d}-{clip:03d}",
        identity=f"person{number:05d}",
        source=f"synthetic, seed {settings.seed}",
        split="train" if number < train else "val",
        source_scale=256 / settings.size,
    )
    images, points = (np.stack(part) for part in zip(*drawn, strict=True))
    soft = (number + clip) % 3 == 2
    if soft:
        images = np.stack([cv2.GaussianBlur(image, (0, 0), 1.5 * settings.size / 256) for image in images])
    high = HighQuality(math.inf if soft else 0.0, 0.0)
    return make_shot(origin, images, points, times, high)


def _draw_frames(
    person: Person, random: np.random.Generator, settings: SyntheticSettings
) -> list[tuple[Picture, Floats]]:
    size = settings.size
    background = draw_background(random, size)
    unit = size / 256 * random.uniform(37, 44)
    middle = np.array([0.5, 0.5]) * (size - 1) + random.uniform(-0.03, 0.03, 2) * size
    motion = draw_motion(random, settings.frames, float(_RATE))
    sway = size * 0.02 * np.sin(np.linspace(0, 3, settings.frames)[:, None] * random.uniform(1, 2, 2))
    return [
        draw_face(person, now, background, (float(x), float(y)), float(unit))
        for now, (x, y) in zip(motion, middle + sway, strict=True)
    ]
