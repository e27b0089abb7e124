"""The networks with NumPy at the door: embed a person once, render often."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from enliven.errors import ModelError
from enliven.model.checkpoint import load_checkpoint, networks_of
from enliven.model.config import ModelConfig
from enliven.model.drawing import draw_conditioning
from enliven.model.guess import Guesser
from enliven.model.layers import fold_spectral_norm
from enliven.model.nearest import Nearest
from enliven.model.talker import Guesses, Person, Rendered
from enliven.types import Floats, Matte, Picture

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class HeadRendering:
    """One frame of one person, at the size of the crops (S), from M of the K photos; flow grid of side g."""

    result: Picture
    """(S, S, 3) the finished crop: mask * warped + (1 - mask) * synthesis."""
    synthesis: Picture
    """(S, S, 3) what the networks painted."""
    mask: Floats
    """(S, S) in 0..1; 1 shows the warped photo, 0 the synthesis."""
    flow: Floats
    """(M, g, g, 2) crop pixels: place to read in a photo minus place to write."""
    confidence: Floats
    """(M, g, g) share of a photo at every place; sums to 1 over M."""
    photos: Indices
    """(M,) the numbers of the photos that the frame is made of, see :mod:`enliven.model.nearest`."""


class TalkingHead:
    """Learned networks and, after :meth:`embed`, one person."""

    def __init__(self, networks: nn.Module, config: ModelConfig, device: str = "cpu") -> None:
        """``networks``: a :class:`enliven.model.talker.Talker`; it is put in evaluation mode and folded."""
        fold_spectral_norm(networks)
        self._networks = networks.eval().requires_grad_(False).to(device)
        self._device = torch.device(device)
        self.config = config
        self._person: Person | None = None
        self._guessers: list[Guesser] = []
        self._own: dict[str, Tensor] = {}

    @classmethod
    def from_checkpoint(cls, path: Path, device: str = "cpu") -> TalkingHead:
        """The networks in a checkpoint file; :class:`ModelError` when it cannot be used."""
        checkpoint = load_checkpoint(path)
        return cls(networks_of(checkpoint, str(path)), checkpoint.config, device)

    @torch.no_grad()
    def embed(
        self,
        photos: Sequence[Picture],
        points: Sequence[Floats],
        mattes: Sequence[Matte | None] | None = None,
    ) -> Floats:
        """Makes the person of K crops (S, S, 3) with landmarks (478, 3) in crop pixels ready; gives e, (E,).

        ``mattes``: where the person is in each; without them the background moves along with the head.
        """
        size = self.config.size
        if not photos or len(photos) != len(points):
            raise ModelError(
                f"{len(photos)} photos came with {len(points)} sets of landmarks; each needs its own."
            )
        if any(photo.shape != (size, size, 3) for photo in photos):
            shapes = sorted({photo.shape for photo in photos})
            raise ModelError(f"These networks read crops of {size} x {size} pixels, not {shapes}.")
        drawings = np.stack([self._draw(each) for each in points])
        person: Person = self._networks.encode(  # type: ignore[operator]
            self._pictures(np.stack(photos)), self._pictures(drawings)
        )
        self._person = person
        self.wear({})
        found = mattes or [None] * len(photos)
        self._guessers = [Guesser(*each) for each in zip(photos, points, found, strict=True)]
        self._nearest = Nearest(points, size)
        return _array(person.embedding[0])

    @torch.no_grad()
    def wear(self, fitted: Mapping[str, Tensor]) -> None:
        """Puts parameters that were fitted to the embedded person in place: ``psi`` (P,) and decoder weights by name.

        Empty: those of the base again. Call it after :meth:`embed`, which goes back to the base.
        """
        if self._person is None:
            raise ModelError("No person was embedded; call embed() with photos before wear().")
        named = dict(self._networks.named_parameters())
        for name, value in self._own.items():
            named[name].copy_(value)
        self._own = {name: named[name].clone() for name in fitted if name != "psi"}
        for name in self._own:
            named[name].copy_(fitted[name])
        if "psi" in fitted:
            self._person = replace(self._person, psi=fitted["psi"][None].to(self._device))

    @torch.no_grad()
    def render(self, points: Floats) -> HeadRendering:
        """The embedded person with landmarks at ``points``, (478, 3) float32 in crop pixels."""
        if self._person is None:
            raise ModelError("No person was embedded; call embed() with photos before render().")
        drawing = self._pictures(self._draw(points)[None])[0]
        chosen, log_weights = self._nearest.shares(points)
        frame: Rendered = self._networks.frame(  # type: ignore[operator]
            _part_of(self._person, chosen), drawing, self._guesses(points, chosen, log_weights)
        )
        return HeadRendering(
            _picture(frame.result[0]),
            _picture(frame.synthesis[0]),
            _array(frame.mask[0, 0]),
            _array(frame.flow[0]) * np.float32(self.config.size / 2),
            _array(frame.confidence[0]),
            chosen,
        )

    def _draw(self, points: Floats) -> Picture:
        return draw_conditioning(points, self.config.size, original=self.config.original_drawing)

    def _pictures(self, pictures: Picture) -> Tensor:
        """(K, S, S, 3) -> (1, K, 3, S, S)"""
        return to_tensor(torch.from_numpy(pictures).to(self._device))[None]

    def _guesses(self, points: Floats, chosen: Indices, log_weights: Floats) -> Guesses:
        made = [self._guessers[number].guess(points) for number in chosen]
        flow, layers = np.stack([each.flow for each in made]), np.stack([each.layers for each in made])
        arrays = (flow, layers, log_weights)
        return Guesses(*(torch.from_numpy(each).to(self._device)[None] for each in arrays))


def _part_of(person: Person, chosen: Indices) -> Person:
    """The same person, seen in some of the photos; embedding and AdaIN parameters remain those of all."""
    picked = torch.from_numpy(chosen)
    features = tuple(each[:, picked] for each in person.features)
    return replace(person, photos=person.photos[:, picked], features=features)


def to_tensor(pictures: Tensor) -> Tensor:
    """(..., H, W, 3) uint8 -> (..., 3, H, W) float32 in [-1, 1], channels last in memory."""
    return pictures.float().div_(127.5).sub_(1.0).movedim(-1, -3)


def to_uint8(pictures: Tensor) -> Tensor:
    """(..., 3, H, W) in [-1, 1] -> (..., H, W, 3) uint8."""
    return ((pictures.float() + 1.0) * 127.5).round().clamp(0, 255).to(torch.uint8).movedim(-3, -1)


def _picture(tensor: Tensor) -> Picture:
    return np.ascontiguousarray(to_uint8(tensor).cpu().numpy())


def _array(tensor: Tensor) -> Floats:
    return np.ascontiguousarray(tensor.float().cpu().numpy())
