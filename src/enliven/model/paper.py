"""Preset `paper`: everything is synthesised from the drawn landmarks and e."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from enliven.model.config import ModelConfig
from enliven.model.embedder import Embedder
from enliven.model.generator import Generator
from enliven.model.talker import Guesses, Person, Rendered

_STILL_SIDE = 4
"""Side of the flow that says that nothing is moved."""


class PaperTalker(nn.Module):
    """Embedder and generator of Zakharov et al. 2019 behind the interface of :class:`Talker`."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.embedder = Embedder(config)
        self.generator = Generator(config)

    def encode(self, photos: Tensor, photo_drawings: Tensor) -> Person:
        """See :meth:`Talker.encode`."""
        e = self.embedder.mean_over_shots(photos, photo_drawings)
        return Person(e, self.generator.project(e).float(), photos)

    def frame(self, person: Person, drawing: Tensor, guesses: Guesses) -> Rendered:  # noqa: ARG002
        """See :meth:`Talker.frame`; ``guesses`` are not read."""
        picture = self.generator(drawing, person.psi)
        batch, shots = person.photos.shape[:2]
        still = picture.new_zeros(batch, shots, _STILL_SIDE, _STILL_SIDE, 2)
        mask = torch.zeros_like(picture[:, :1])
        equal = still[..., 0] + 1.0 / shots
        return Rendered(picture, person.photos[:, 0].float(), picture, mask, still, equal)

    def forward(
        self, photos: Tensor, photo_drawings: Tensor, drawing: Tensor, flow: Tensor, layers: Tensor,
        paintable: Tensor | None = None,
    ) -> tuple[Person, Rendered]:  # fmt: skip
        """Encode and render in one go, as training does."""
        person = self.encode(photos, photo_drawings)
        return person, self.frame(person, drawing, Guesses(flow, layers, paintable=paintable))
