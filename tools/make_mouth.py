"""Learn how the inside of open mouths looks: the package's mouth.npz.

    python tools/make_mouth.py BANK

BANK as `enliven databank build` makes it; the train split is read. Of each clip a few frames with open lips are
sampled on the grid of `model/opening`, and it is found how far their teeth are seen. Photos may be grey, yellowed or
dark, so tones are changed at random, those of the face alike. Numbers only, of nobody in particular.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch.nn import Linear, Sequential, SiLU

from enliven.databank.bank import Bank, open_bank
from enliven.databank.clip import to_rgb
from enliven.databank.shards import ShotEntry
from enliven.model.mouth import tones_of
from enliven.model.mouth_inside import Shown, Tones, mouth_facts, place_facts, shown_facts
from enliven.model.opening import Grid, Opening
from enliven.types import Picture

TARGET = Path(__file__).parents[1] / "src/enliven/assets/mouth.npz"
FRAMES, ROWS, COLUMNS = 7, 18, 16
OPEN, LEAST_FACE_PX = 0.012, 90.0
"""Gap of the lips from which a mouth is open, in face heights; smaller faces show no teeth."""
WHITE, BRIGHT = 1.07, 0.6
"""Teeth are at least so much less yellow and red than skin, and not darker than this share of it."""
LIP_SHADOW = 0.03
"""Below the lip, in face heights: teeth that begin farther away do not belong to it."""
DARKEST = 10.0
"""Percentile of what is no teeth, which tells how dark it is behind them."""
HOLDS_WIDTH, LOOKS_WIDTH, STEPS, BATCH = 16, 32, 3000, 12
TOLD = (0.7, 0.4, 0.2)
"""Quantiles of the teeth's lengths and of the level between them that are told: rather upper teeth than none, rather no
lower ones, rather dark. A mouth of the middle of everything looks like none."""
GREY, GAIN, GAMMA = 0.25, 0.1, 0.15
"""Share of grey or greyish pictures; how much channels and brightness are changed."""


@dataclass(frozen=True)
class Mouth:
    """One picture's."""

    opening: Opening
    tones: Tones
    seen: Grid
    """(R, C, 3)"""
    shown: Shown


def main() -> None:
    """Reads the bank, learns both networks, says how far off they are on the val split, writes the numbers."""
    bank = open_bank(Path(sys.argv[1]))
    mouths, unknown = (_mouths(bank, split) for split in ("train", "val"))
    holds = _learned(mouths, unknown, HOLDS_WIDTH, _hold)
    looks = _learned(mouths, unknown, LOOKS_WIDTH, _look)
    np.savez_compressed(TARGET, **_arrays("holds", holds), **_arrays("looks", looks))
    print(f"{TARGET}: {len(mouths)} mouths, {TARGET.stat().st_size} bytes")


def _mouths(bank: Bank, split: str) -> list[Mouth]:
    return [mouth for entry in bank.of_split(split) for mouth in _of_clip(entry)]


def _of_clip(entry: ShotEntry) -> list[Mouth]:
    openings = [Opening(np.asarray(points, np.float32)) for points in entry.points()]
    gaps = np.array([each.gap_px / each.face_px for each in openings])
    wide = [n for n in np.flatnonzero(gaps > OPEN) if openings[n].face_px >= LEAST_FACE_PX]
    if not wide:
        return []
    spread = {wide[int(n)] for n in np.linspace(0, len(wide) - 1, FRAMES - 1).round()}
    chosen = sorted(int(n) for n in spread | {max(wide, key=lambda n: gaps[n])})
    pictures = (to_rgb(planes) for planes in entry.planes(chosen))
    return [_mouth(picture, openings[n]) for n, picture in zip(chosen, pictures, strict=True)]


def _mouth(picture: Picture, opening: Opening) -> Mouth:
    at, _, below, above = opening.places(ROWS, COLUMNS)
    seen = cv2.remap(picture, at.astype(np.float32), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    tones, colours = tones_of(picture, opening.points), seen.astype(np.float64)
    return Mouth(opening, tones, colours, _shown(colours, tones, below, above))


def _shown(seen: Grid, tones: Tones, below: Grid, above: Grid) -> Shown:
    """From the middle third of the mouth."""
    level = seen.mean(axis=-1) / tones.light
    beside = seen / np.maximum(tones.skin, 1.0)
    teeth = (beside[..., 2] > WHITE * np.maximum(beside[..., 0], 0.05)) & (level > BRIGHT)
    middle = range(COLUMNS // 3, COLUMNS - COLUMNS // 3)
    upper = [_length(teeth[:, n], below[:, n]) for n in middle]
    lower = [_length(teeth[::-1, n], above[::-1, n]) for n in middle]
    length, other = float(np.median(upper)), float(np.median(lower))
    if length + other > 1.5 * float((below + above)[0, list(middle)].mean()):
        other = 0.0  # one row all the way
    rest = level[:, list(middle)][~teeth[:, list(middle)]]
    return Shown(length, other, float(np.percentile(rest, DARKEST)) if rest.size else BRIGHT)


def _length(teeth: npt.NDArray[np.bool_], away: Grid) -> float:
    """How far from the lip they are seen, 0 when none begin at it."""
    at = np.flatnonzero(teeth)
    if not at.size or away[at[0]] > LIP_SHADOW:
        return 0.0
    gaps = np.flatnonzero(np.diff(at) > 2)
    return float(away[at[gaps[0]] if gaps.size else at[-1]])


def _changed(mouth: Mouth, random: np.random.Generator) -> Mouth:
    """In other light, another camera's colours, or hardly any."""
    gain = np.exp(random.normal(0.0, GAIN, 3) + random.normal(0.0, GAIN))
    gamma = np.exp(random.normal(0.0, GAMMA))
    grey = random.uniform(0.5, 1.0) if random.random() < GREY else 0.0

    def changed(colours: Grid) -> Grid:
        level = colours.mean(axis=-1, keepdims=True)
        other = gain * (colours + grey * (level - colours))
        return np.asarray(255.0 * (np.clip(other, 0.0, 255.0) / 255.0) ** gamma)

    tones = Tones(changed(mouth.tones.lips), changed(mouth.tones.skin))
    return replace(mouth, tones=tones, seen=changed(mouth.seen))


Task = Callable[[Mouth], tuple[Grid, Grid]]
"""What a network reads of a mouth, and what it is to tell."""


def _hold(mouth: Mouth) -> tuple[Grid, Grid]:
    return mouth_facts(mouth.opening, mouth.tones)[None], shown_facts(mouth.shown)[None]


def _look(mouth: Mouth) -> tuple[Grid, Grid]:
    known = place_facts(mouth.opening, mouth.tones, mouth.shown, ROWS, COLUMNS)
    return known.reshape(ROWS * COLUMNS, -1), (mouth.seen / mouth.tones.light).reshape(-1, 3)


def _learned(mouths: Sequence[Mouth], unknown: Sequence[Mouth], width: int, task: Task) -> Sequential:
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    first = np.concatenate([task(mouth)[0] for mouth in mouths])
    mean, spread = first.mean(axis=0), first.std(axis=0) + 1e-6
    count, told = first.shape[1], task(mouths[0])[1].shape[1]
    net = Sequential(Linear(count, width), SiLU(), Linear(width, width), SiLU(), Linear(width, told))
    optimiser = torch.optim.AdamW(net.parameters(), weight_decay=0.03)
    pace = torch.optim.lr_scheduler.OneCycleLR(optimiser, 5e-3, STEPS)
    for step in range(STEPS):
        batch = [_changed(mouths[int(n)], random) for n in random.integers(0, len(mouths), BATCH)]
        loss = torch.stack([_loss(net, task, mouth, mean, spread) for mouth in batch]).mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        pace.step()
        if step % 500 == 499:
            with torch.no_grad():
                off = float(torch.stack([_loss(net, task, each, mean, spread) for each in unknown]).mean())
            print(f"step {step + 1}: unknown people {off:.4f}", file=sys.stderr)
    layer = net[0]
    assert isinstance(layer, Linear)
    with torch.no_grad():  # it reads facts as they are
        layer.weight /= torch.as_tensor(spread, dtype=torch.float32)
        layer.bias -= layer.weight @ torch.as_tensor(mean, dtype=torch.float32)
    return net


def _loss(net: Sequential, task: Task, mouth: Mouth, mean: Grid, spread: Grid) -> torch.Tensor:
    known, asked = task(mouth)
    told = net(torch.as_tensor((known - mean) / spread, dtype=torch.float32))
    off = torch.as_tensor(asked, dtype=torch.float32) - told
    if task is _look:
        size = float(np.sqrt(mouth.opening.gap_px / mouth.opening.face_px / 0.04))
        return torch.as_tensor(size * (off**2).mean())
    quantile = torch.tensor(TOLD)
    return torch.maximum(quantile * off, (quantile - 1.0) * off).mean()


def _arrays(name: str, net: Sequential) -> dict[str, npt.NDArray[np.float32]]:
    arrays: dict[str, npt.NDArray[np.float32]] = {}
    for number, layer in enumerate(each for each in net if isinstance(each, Linear)):
        arrays[f"{name}_weight{number}"] = layer.weight.detach().numpy().T.copy()
        arrays[f"{name}_bias{number}"] = layer.bias.detach().numpy()
    return arrays


if __name__ == "__main__":
    main()
