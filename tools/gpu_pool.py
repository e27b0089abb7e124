"""Episodes for a GPU: processes make them on the CPU, a pool on the GPU hands them out again and again.

A group is four frames of a shot, two photos and two targets: four pairs for the price of two photos. Making a guess
takes longer than learning from it, so every group is used several times, in other colours each time.
"""

from __future__ import annotations

import json
import lzma
import mmap
import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from enliven.databank.augment import Augmentation, draw_change
from enliven.databank.draw import FrameChoice, choose_frames
from enliven.model.caution import paintable
from enliven.model.drawing import draw_conditioning
from enliven.model.guess import FLOW_SHRINK, Guesser
from enliven.model.talking_head import to_tensor
from enliven.training.batches import Batch, importance
from enliven.types import Matte

SIZE, SMALL = 256, 64
GROUP = np.dtype([
    ("pictures", "u1", (4, SIZE, SIZE, 3)), ("drawings", "u1", (4, SIZE, SIZE, 3)),
    ("flow", "f2", (2, 2, SIZE // FLOW_SHRINK, SIZE // FLOW_SHRINK, 2)), ("layers", "u1", (2, 2, 4, SIZE, SIZE)),
    ("points", "f4", (2, 478, 2)), ("importance", "f2", (2, SMALL, SMALL)),
    ("paintable", "f2", (2, SMALL, SMALL)), ("identity", "i8", ()),
])  # fmt: skip
"""Two photos and two targets; flow and layers of [photo, target]; the last four of the targets."""
EMPHASIS, HIGH_SHARE = 5.0, 0.6
AUGMENTATION = Augmentation(0.5, 6.0, 0.07, 0.03, 0.0, 0.0, 0.0, 0.0)
"""Places alone; colours are changed on the GPU."""
_SLOTS = 192


class Pack:
    """The folder of `tools/pack_databank.py`, decoded into memory."""

    def __init__(self, folder: Path) -> None:
        about = json.loads((folder / "shots.json").read_text())
        self.shots: list[dict[str, Any]] = about["shots"]
        counts = [shot["count"] for shot in self.shots]
        self.starts = np.concatenate([[0], np.cumsum(counts)])
        with ThreadPoolExecutor() as pool:
            videos = [
                folder / f"{kind}-{part}.mp4"
                for kind in ("frames", "mattes")
                for part in range(about["parts"])
            ]
            read = list(pool.map(_read_video, videos))
        self.frames = np.concatenate(read[: about["parts"]])
        self.mattes = np.concatenate([matte[..., 1] for matte in read[about["parts"] :]])
        self.known = np.concatenate([shot["known"] for shot in self.shots])
        self.points = read_points(folder)
        self.measures = np.load(folder / "measures.npz")["measures"]
        if not len(self.frames) == len(self.mattes) == len(self.points) == self.starts[-1]:
            raise SystemExit(
                f"{folder}: {len(self.frames)} frames, {len(self.mattes)} mattes, {len(self.points)} sets"
            )
        self.identities = 1 + max(shot["identity"] for shot in self.shots)
        self._people: dict[bool, list[list[int]]] = {}
        for high in (True, False):
            by_person: dict[int, list[int]] = {}
            for number, shot in enumerate(self.shots):
                if shot["high"] is high and shot["count"] >= 4:
                    by_person.setdefault(shot["identity"], []).append(number)
            self._people[high] = list(by_person.values())

    def group(self, random: np.random.Generator) -> np.ndarray:
        """One record of GROUP."""
        high = bool(random.random() < HIGH_SHARE)
        people = self._people[high] or self._people[not high]
        shots = people[int(random.integers(len(people)))]
        shot = shots[int(random.integers(len(shots)))]
        rows = slice(self.starts[shot], self.starts[shot + 1])
        first, second, far = choose_frames(random, self.measures[rows], 2, FrameChoice(0.8))
        rest = [n for n in range(self.shots[shot]["count"]) if n not in (first, second, far)]
        chosen = self.starts[shot] + np.array([first, second, far, rest[int(random.integers(len(rest)))]])
        change = draw_change(random, AUGMENTATION, SIZE, SIZE)
        pictures = [change.image(self.frames[n]) for n in chosen]
        points = change.points(self.points[chosen])
        made = np.zeros((), GROUP)
        made["pictures"] = pictures
        made["drawings"] = [draw_conditioning(at, SIZE, original=False) for at in points]
        made["points"], made["identity"] = points[2:, :, :2], self.shots[shot]["identity"]
        for photo in (0, 1):
            guesser = Guesser(pictures[photo], points[photo], self._matte(int(chosen[photo]), change.place))
            for target in (0, 1):
                guess = guesser.guess(points[2 + target])
                made["flow"][photo, target] = guess.flow
                made["layers"][photo, target, :3] = np.rint((guess.layers[:3] + 1.0) * 127.5)
                made["layers"][photo, target, 3] = np.rint(guess.layers[3] * 255.0)
        cut_out = bool(self.known[chosen[0]])
        for target in (0, 1):
            at = points[2 + target]
            made["importance"][target] = _small(importance(at, SIZE, EMPHASIS))
            made["paintable"][target] = _small(paintable(at, SIZE, cut_out=cut_out))
        return made

    def _matte(self, frame: int, place: np.ndarray) -> Matte | None:
        if not self.known[frame]:
            return None
        mask = cv2.resize(self.mattes[frame], (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
        moved = cv2.warpAffine(mask, place, (SIZE, SIZE), borderMode=cv2.BORDER_REPLICATE)
        return Matte(np.asarray(moved, np.float32) / np.float32(255.0), (0, 0, SIZE, SIZE))


class Producers:
    """Forked before CUDA is touched and before OpenCV has threads, which a fork would lose; memory is shared."""

    def __init__(self, pack: Pack, count: int, seed: int) -> None:
        fork = multiprocessing.get_context("fork")
        self._memory = mmap.mmap(-1, _SLOTS * GROUP.itemsize)
        self.ring = np.frombuffer(self._memory, GROUP, _SLOTS)
        self._free, self._ready = fork.Queue(), fork.Queue()
        for slot in range(_SLOTS):
            self._free.put(slot)
        self._processes = [
            fork.Process(target=self._work, args=(pack, seed + n), daemon=True) for n in range(count)
        ]
        for process in self._processes:
            process.start()

    def _work(self, pack: Pack, seed: int) -> None:
        cv2.setNumThreads(1)
        torch.set_num_threads(1)
        random = np.random.default_rng(seed)
        while True:
            slot = self._free.get()
            self.ring[slot] = pack.group(random)
            self._ready.put(slot)

    def take(self, wait: bool) -> int | None:
        """A slot that is filled; give it back with :meth:`free`."""
        if not wait and self._ready.empty():
            return None
        return int(self._ready.get(timeout=120))

    def free(self, slot: int) -> None:
        self._free.put(slot)

    def close(self) -> None:
        for process in self._processes:
            process.kill()


class Pool:
    """Groups on the GPU; the oldest goes when it is full."""

    def __init__(self, producers: Producers, capacity: int, device: torch.device) -> None:
        self._producers, self._device, self.capacity = producers, device, capacity
        self.filled = self.made = 0
        self._fields = {
            name: torch.zeros((capacity, *GROUP[name].shape), dtype=_torch_kind(name), device=device)
            for name in GROUP.names or ()
        }
        self._random = torch.Generator(device=device).manual_seed(1)

    def refill(self, least: int = 0) -> None:
        """Takes in what is ready; waits until there are ``least`` groups."""
        while True:
            slot = self._producers.take(wait=self.filled < least)
            if slot is None:
                return
            at = self.made % self.capacity
            record = self._producers.ring[slot]
            for name, field in self._fields.items():
                field[at].copy_(torch.from_numpy(np.asarray(record[name])))
            self._producers.free(slot)
            self.made += 1
            self.filled = min(self.capacity, self.made)

    def batch(self, count: int, shots: int) -> Batch:
        """``count`` episodes of one or two photos."""
        groups = self._draw(self.filled, count)
        target = self._draw(2, count)
        photo = self._draw(2, count)
        photos = torch.stack([photo, 1 - photo], dim=1)[:, :shots]  # (B, K)
        colours = self._colours(count)
        rows = groups[:, None]
        field = self._fields
        layers = field["layers"][rows, photos, target[:, None]].float()
        alpha = layers[:, :, 3:] / 255.0
        rgb = _coloured(layers[:, :, :3] / 127.5 - 1.0, colours, alpha)
        return Batch(
            photos=_coloured(to_tensor(field["pictures"][rows, photos]), colours),
            photo_drawings=to_tensor(field["drawings"][rows, photos]),
            target=_coloured(to_tensor(field["pictures"][groups, 2 + target][:, None]), colours)[:, 0],
            drawing=to_tensor(field["drawings"][groups, 2 + target]),
            points=field["points"][groups, target],
            importance=_large(field["importance"][groups, target]),
            identity=field["identity"][groups],
            flow=field["flow"][rows, photos, target[:, None]].float(),
            layers=torch.cat([rgb, alpha], dim=2),
            paintable=_large(field["paintable"][groups, target]),
        )

    def _draw(self, most: int, count: int) -> Tensor:
        return torch.randint(most, (count,), device=self._device, generator=self._random)

    def _colours(self, count: int) -> Tensor:
        """(B, 3, 4) on RGB in [-1, 1] and 1: contrast, saturation, tint, light."""
        spread = torch.rand((count, 6), device=self._device, generator=self._random) * 2.0 - 1.0
        contrast, saturation = 1.0 + 0.2 * spread[:, 0], 1.0 + 0.25 * spread[:, 1]
        tint, light = 1.0 + 0.06 * spread[:, 2:5], 0.2 * spread[:, 5]
        grey = torch.tensor([0.299, 0.587, 0.114], device=self._device).expand(3, 3)
        mix = saturation[:, None, None] * torch.eye(3, device=self._device)
        mix = mix + (1.0 - saturation)[:, None, None] * grey
        mix = contrast[:, None, None] * tint[:, :, None] * mix
        return torch.cat([mix, light[:, None, None].expand(-1, 3, 1)], dim=2)


def _coloured(pictures: Tensor, colours: Tensor, alpha: Tensor | None = None) -> Tensor:
    """(B, K, 3, h, w) in other colours; premultiplied by ``alpha`` (B, K, 1, h, w), if any."""
    mixed = torch.einsum("bij,bkjhw->bkihw", colours[:, :, :3], pictures)
    light = colours[:, None, :, 3, None, None]
    return (mixed + (light if alpha is None else light * alpha)).clamp(-1.0, 1.0)


def _small(mask: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.resize(mask, (SMALL, SMALL), interpolation=cv2.INTER_AREA))


def _large(mask: Tensor) -> Tensor:
    """(B, h, w) to (B, 1, S, S)"""
    return torch.nn.functional.interpolate(
        mask[:, None].float(), size=(SIZE, SIZE), mode="bilinear", align_corners=False
    )


def _torch_kind(name: str) -> torch.dtype:
    kinds = {"u1": torch.uint8, "f2": torch.float16, "f4": torch.float32, "i8": torch.int64}
    return kinds[GROUP[name].base.str[1:]]


def _read_video(path: Path) -> np.ndarray:
    """(N, h, w, 3) RGB"""
    video, frames = cv2.VideoCapture(str(path)), []
    while True:
        good, frame = video.read()
        if not good:
            return np.stack(frames)
        frames.append(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))


def read_points(folder: Path) -> np.ndarray:
    """(N, 478, 3) as `tools/pack_databank.py` wrote them."""
    stored = np.load(folder / "points.npz")
    shares = np.frombuffer(lzma.decompress((folder / "shares.xz").read_bytes()), np.int16)
    shares = shares.reshape(len(stored["basis"]), -1).T.astype(np.float32) * stored["step"]
    flat = shares @ stored["basis"].astype(np.float32) + stored["mean"]
    shaped = flat.reshape(len(flat), -1, 3) * stored["scale"][:, None, None]
    return np.asarray(shaped + stored["middle"][:, None], np.float32)
