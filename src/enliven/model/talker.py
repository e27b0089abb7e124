"""What both presets offer to training, export and :class:`TalkingHead`, and how one is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from enliven.model.config import ModelConfig


@dataclass(frozen=True, eq=False)
class Person:
    """All that a frame needs of a person, computed once from K photos."""

    embedding: Tensor
    """(B, E) float32: e of the paper."""
    psi: Tensor
    """(B, P) float32: all AdaIN parameters, P e; fine-tuning makes them free."""
    photos: Tensor
    """(B, K, 3, H, W) in [-1, 1]."""
    features: tuple[Tensor, ...] = ()
    """Hybrid: source features (B, K, C, h, w) at 1/2, 1/4, 1/8 of the side."""


@dataclass(frozen=True, eq=False)
class Guesses:
    """What the mesh alone makes of each photo for one frame: tensors of :class:`enliven.model.guess.Guess`."""

    flow: Tensor
    """(B, K, S/2, S/2, 2) float32, half crop sides."""
    layers: Tensor
    """(B, K, 4, S, S) float32: RGB in [-1, 1] times alpha, then alpha."""
    prior: Tensor | None = None
    """(B, K, g, g) float32 log weights added to the confidences: where a photo may lend, and how far it is faded in."""
    paintable: Tensor | None = None
    """(B, 1, S, S) in 0..1, or one number each: where painting counts; elsewhere the moved photo shows."""


@dataclass(frozen=True, eq=False)
class Rendered:
    """One frame of each person of a batch; pictures are (B, 3, H, W) float32, about [-1, 1]."""

    result: Tensor
    """mask * warped + (1 - mask) * synthesis."""
    warped: Tensor
    """The photos moved and mixed; of preset `paper`, the first photo as it is."""
    synthesis: Tensor
    mask: Tensor
    """(B, 1, H, W) in 0..1; 1 shows the warped photo. Zero in preset `paper`."""
    flow: Tensor
    """(B, K, g, g, 2) float32: place to read minus place to write, in half crop sides; g = S/2 in the hybrid."""
    confidence: Tensor
    """(B, K, g, g) float32, sums to 1 over K; g = S/4 in the hybrid."""


class Talker(Protocol):
    """A torch module that turns photos and landmarks into frames."""

    config: ModelConfig

    def encode(self, photos: Tensor, photo_drawings: Tensor) -> Person:
        """Once a person: (B, K, 3, H, W) pictures and drawings in [-1, 1]."""

    def frame(self, person: Person, drawing: Tensor, guesses: Guesses) -> Rendered:
        """Once a frame: (B, 3, H, W) drawing in [-1, 1] of the driving landmarks, and the guesses for them."""


def build_talker(config: ModelConfig) -> torch.nn.Module:
    """The networks of a config, freshly initialised; a :class:`Talker`."""
    from enliven.model.hybrid import HybridTalker
    from enliven.model.paper import PaperTalker

    talker = PaperTalker(config) if config.preset == "paper" else HybridTalker(config)
    return talker.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]
