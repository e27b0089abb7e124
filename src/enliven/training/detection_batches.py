"""Batches for the detection network: pairs of true and made crops of one draw, drawn anew by step number."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from enliven.training.detection_chain import STORED_SIZE, to_rgb
from enliven.training.detection_data import Crops
from enliven.types import Picture


@dataclass(frozen=True)
class Disturbance:
    """What both sides undergo on the fly, beside the way that was baked in."""

    window: int = 144
    """Side of the part that is read, in pixels; the map's places see no further anyway."""
    jpeg: float = 0.15
    """Chance of JPEG, of quality 40 to 95."""
    blur: float = 0.1
    """Chance of a Gaussian blur of up to 1.2 pixels."""
    noise: float = 0.1
    """Chance of camera noise of up to 6 levels."""
    scale: float = 0.1
    """Chance of being made smaller, down to a half, and larger again."""


class BatchMaker:
    """Every made crop stands beside a true one of the same person on the same way; engines take turns.

    Pairs spare the network to learn first that neither faces nor qualities tell anything.
    """

    def __init__(self, crops: Crops, batch: int, seed: int, disturbance: Disturbance | None = None) -> None:
        self._crops, self._batch, self._seed = crops, batch, seed
        self._disturbance = disturbance or Disturbance()
        made = sorted(set(crops.engine[crops.made].tolist()))
        self._made = [np.nonzero(crops.engine == name)[0] for name in made]
        self._true: dict[int, list[int]] = {}
        for place in np.nonzero(~crops.made)[0].tolist():
            self._true.setdefault(int(crops.draw[place]), []).append(place)

    def at(self, step: int) -> tuple[Tensor, Tensor]:
        """(B, 3, w, w) float32 in 0..255, channels last, and (B,) 1 for made; a pure function of the step."""
        random = np.random.default_rng([self._seed, step])
        wanted = [place for pair in range(self._batch // 2) for place in self._pair(random, step, pair)]
        pictures = [disturbed(to_rgb(self._crops.planes[n]), self._disturbance, random) for n in wanted]
        labels = self._crops.made[wanted].astype(np.float32)
        return as_input(np.stack(pictures)), torch.from_numpy(labels)

    def _pair(self, random: np.random.Generator, step: int, pair: int) -> tuple[int, int]:
        """The places of a true and a made crop."""
        among = self._made[(step + pair) % len(self._made)]
        made = int(among[random.integers(len(among))])
        partners = self._true[int(self._crops.draw[made])]
        return partners[int(random.integers(len(partners)))], made


def as_input(pictures: Picture) -> Tensor:
    """(B, H, W, 3) uint8 to (B, 3, H, W) float32 in 0..255, channels last in memory."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float()


def middle(picture: Picture, size: int) -> Picture:
    """The middle ``size`` x ``size`` pixels."""
    start = (picture.shape[0] - size) // 2
    return picture[start : start + size, start : start + size]


def disturbed(picture: Picture, amounts: Disturbance, random: np.random.Generator) -> Picture:
    """(208, 208, 3) to (window, window, 3): any part of it, mirrored or not, lighter or darker, poorer."""
    if random.random() < amounts.scale:
        picture = _smaller_and_back(picture, random)
    x, y = random.integers(0, STORED_SIZE - amounts.window + 1, 2)
    part = picture[y : y + amounts.window, x : x + amounts.window]
    if random.random() < 0.5:
        part = part[:, ::-1]
    light = part.astype(np.float32) * random.uniform(0.8, 1.2) + random.uniform(-20, 20)
    if random.random() < amounts.blur:
        light = cv2.GaussianBlur(light, (0, 0), random.uniform(0.3, 1.2))
    if random.random() < amounts.noise:
        light = light + random.normal(0, random.uniform(1, 6), light.shape)
    result = np.clip(np.round(light), 0, 255).astype(np.uint8)
    return _jpeg(result, int(random.integers(40, 96))) if random.random() < amounts.jpeg else result


def _smaller_and_back(picture: Picture, random: np.random.Generator) -> Picture:
    small = int(STORED_SIZE * random.uniform(0.5, 1.0))
    shrunk = cv2.resize(picture, (small, small), interpolation=cv2.INTER_AREA)
    kernel = int(random.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC]))
    return np.asarray(cv2.resize(shrunk, (STORED_SIZE, STORED_SIZE), interpolation=kernel), np.uint8)


def _jpeg(picture: Picture, quality: int) -> Picture:
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done
    decoded: npt.NDArray[np.uint8] = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return decoded
