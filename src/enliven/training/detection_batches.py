"""Batches for the detection network: pairs of true and made crops of one draw, drawn anew by step number."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from enliven.model.detection_net import STRIDE
from enliven.training.detection_chain import SHARES_SIZE, STORED_SIZE, Shares, to_rgb
from enliven.training.detection_crops import Crops
from enliven.training.detection_fakes import BLEND, WARP
from enliven.training.detection_patches import blended, stretched
from enliven.types import Floats, Picture

_CELL = STORED_SIZE // SHARES_SIZE
_Crop = tuple[Picture, Shares]
_STRETCHED, _OWN = 0.35, 0.6
"""Share of patched pairs that is stretched; of the others, share that is blended with themselves."""


@dataclass(frozen=True)
class Disturbance:
    """What both sides undergo on the fly, beside the way that was baked in."""

    window: int = 144
    """Side of the part that is read, in pixels."""
    jpeg: float = 0.05
    """Chance of JPEG, of quality 40 to 95."""
    blur: float = 0.05
    """Chance of a Gaussian blur of up to 1.2 pixels."""
    noise: float = 0.05
    """Chance of camera noise of up to 6 levels."""
    scale: float = 0.05
    """Chance of being made smaller, down to a half, and larger again."""


@dataclass(frozen=True, eq=False)
class Batch:
    """True and made crops in turn."""

    crops: Tensor
    """(B, 3, w, w) float32 in 0..255, channels last."""
    made: Tensor
    """(B,) booleans."""
    changed: Tensor
    """(B, w / 16, w / 16) share of the pixels beneath that were changed, 0..1."""

    @property
    def changed_in_partner(self) -> Tensor:
        """``changed`` of the made crop, for the true one of each pair; 0 for the made ones.

        Places of true crops are learned from there alone: were they taken from everywhere, the network would learn
        where faces are usually changed.
        """
        of_made = self.changed[1::2]
        return torch.stack([of_made, torch.zeros_like(of_made)], dim=1).flatten(0, 1)


class BatchMaker:
    """Every made crop stands beside the true one of the same moment, cut and toned alike; engines take turns.

    Pairs spare the network to learn first that neither faces nor qualities tell anything.
    """

    def __init__(
        self,
        crops: Crops,
        batch: int,
        seed: int,
        disturbance: Disturbance | None = None,
        patches: float = 0.0,
    ) -> None:
        """``patches``: share of pairs whose made crop is the true one with a part blended in, or stretched.

        Without `blend` or `warp` among the crops nothing of that kind is drawn either: what is left out is unseen.
        """
        self._crops, self._batch, self._seed = crops, batch, seed
        self._disturbance, self._patches = disturbance or Disturbance(), patches
        made = sorted(set(crops.engine[crops.made].tolist()))
        self._made = [np.nonzero(crops.engine == name)[0] for name in made]
        self._partner = _partners(crops)
        self._stretched = _stretched_share(set(made))

    def at(self, step: int) -> Batch:
        """A pure function of the step."""
        random = np.random.default_rng([self._seed, step])
        crops = [crop for pair in range(self._batch // 2) for crop in self._pair(random, step, pair)]
        seeds = np.repeat(random.integers(0, 2**31, len(crops) // 2), 2)  # a pair undergoes the same
        seen = [
            disturbed(*crop, self._disturbance, np.random.default_rng(seed))
            for crop, seed in zip(crops, seeds, strict=True)
        ]
        return Batch(
            as_input(np.stack([picture for picture, _ in seen])),
            torch.arange(len(seen)) % 2 == 1,
            torch.from_numpy(np.stack([share for _, share in seen])),
        )

    def _pair(self, random: np.random.Generator, step: int, pair: int) -> tuple[_Crop, _Crop]:
        """A true and a made crop."""
        among = self._made[(step + pair) % len(self._made)]
        made = int(among[random.integers(len(among))])
        true = self._crop(self._partner[made])
        if self._stretched is not None and random.random() < self._patches:
            return self._patched(true[0], self._stretched, random)
        return true, self._crop(made)

    def _patched(
        self, true: Picture, stretched_share: float, random: np.random.Generator
    ) -> tuple[_Crop, _Crop]:
        """A true crop and what was drawn into it: itself, another face, or nothing but movement."""
        nothing = np.zeros((SHARES_SIZE, SHARES_SIZE), np.uint8)
        if random.random() < stretched_share:
            same, moved, share = stretched(true, random)
            return (same, nothing), (moved, share)
        places = list(self._partner.values())
        donor = true if random.random() < _OWN else self._crop(places[random.integers(len(places))])[0]
        return (true, nothing), blended(true, donor, random)

    def _crop(self, place: int) -> _Crop:
        return to_rgb(self._crops.planes[place]), self._crops.changed[place]


def _stretched_share(engines: set[str]) -> float | None:
    """Of patched pairs; None: nothing is patched, since neither of the two simple engines is learned from."""
    if {BLEND, WARP} <= engines:
        return _STRETCHED
    return {frozenset({BLEND}): 0.0, frozenset({WARP}): 1.0}.get(frozenset(engines & {BLEND, WARP}))


def _partners(crops: Crops) -> dict[int, int]:
    """For each made crop the true one of the same moment of the same draw."""
    moments: dict[int, list[int]] = {}
    for place in np.nonzero(~crops.made)[0].tolist():
        moments.setdefault(int(crops.draw[place]), []).append(place)
    return {made: moments[int(crops.draw[made])].pop(0) for made in np.nonzero(crops.made)[0].tolist()}


def as_input(pictures: Picture) -> Tensor:
    """(B, H, W, 3) uint8 to (B, 3, H, W) float32 in 0..255, channels last in memory."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float()


def middle(picture: Picture, size: int) -> Picture:
    """The middle ``size`` x ``size`` pixels."""
    start = (picture.shape[0] - size) // 2
    return picture[start : start + size, start : start + size]


def disturbed(
    picture: Picture, changed: Shares, amounts: Disturbance, random: np.random.Generator
) -> tuple[Picture, Floats]:
    """(208, 208, 3) to (w, w, 3): any part of it, mirrored or not, lighter or darker, poorer.

    With it goes the share that was changed at every place of the map, (w / 16, w / 16) in 0..1.
    """
    if random.random() < amounts.scale:
        picture = _smaller_and_back(picture, random)
    places = amounts.window // STRIDE
    x, y = random.integers(0, (STORED_SIZE - amounts.window) // _CELL + 1, 2)
    part = picture[y * _CELL :, x * _CELL :][: amounts.window, : amounts.window]
    cells = changed[y:, x:][: amounts.window // _CELL, : amounts.window // _CELL]
    share = cv2.resize(cells, (places, places), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    if random.random() < 0.5:
        part, share = part[:, ::-1], share[:, ::-1].copy()
    return _poorer(part, amounts, random), np.asarray(share, np.float32)


def _poorer(part: Picture, amounts: Disturbance, random: np.random.Generator) -> Picture:
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
