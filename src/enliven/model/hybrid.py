"""Preset `hybrid`: move the photos' pixels where they are needed, synthesise the rest."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from enliven.model.config import ModelConfig
from enliven.model.embedder import Embedder
from enliven.model.motion_net import MotionNet
from enliven.model.source_encoder import SourceEncoder
from enliven.model.synthesis import Synthesis
from enliven.model.talker import Guesses, Person, Rendered


class HybridTalker(nn.Module):
    """Guess from the mesh, learned motion, synthesis, mask: design/model.md's four steps in this order."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.embedder = Embedder(config)
        self.source_encoder = SourceEncoder(config)
        self.motion_net = MotionNet(config)
        self.synthesis = Synthesis(config)

    def encode(self, photos: Tensor, photo_drawings: Tensor) -> Person:
        """See :meth:`Talker.encode`."""
        shape = photos.shape[:2]
        features = self.source_encoder(photos.flatten(0, 1), photo_drawings.flatten(0, 1))
        e = self.embedder.mean_over_shots(photos, photo_drawings)
        psi = self.synthesis.project(e).float()
        unfolded = tuple(torch.unflatten(f, 0, shape) for f in features)
        return Person(e, psi, photos, unfolded)

    def frame(self, person: Person, drawing: Tensor, guesses: Guesses) -> Rendered:
        """See :meth:`Talker.frame`."""
        # Coordinates lose a pixel in bf16, so flows stay float32 whatever the networks compute in.
        guessed, layers = guesses.flow.float(), guesses.layers.float()
        flow, confidence = self._motion(person, drawing, guessed, layers)
        if guesses.prior is not None:
            confidence = confidence + guesses.prior
        weights = torch.softmax(confidence, dim=1)  # (B, K, g, g)
        half, quarter, eighth = (self._mixed(f, flow, weights) for f in person.features)
        moved = laid_over(warp(person.photos.flatten(0, 1), flow.flatten(0, 1)), layers.flatten(0, 1))
        warped = _blended(torch.unflatten(moved, 0, person.photos.shape[:2]), weights)
        synthesis, mask = self.synthesis((half, quarter, eighth), warped, drawing, person.psi)
        if guesses.paintable is not None:
            mask = 1.0 - (1.0 - mask) * guesses.paintable
        result = mask * warped + (1.0 - mask) * synthesis
        return Rendered(result, warped, synthesis, mask, flow, weights)

    def forward(
        self, photos: Tensor, photo_drawings: Tensor, drawing: Tensor, flow: Tensor, layers: Tensor,
        paintable: Tensor | None = None,
    ) -> tuple[Person, Rendered]:  # fmt: skip
        """Encode and render in one go, as training does."""
        person = self.encode(photos, photo_drawings)
        return person, self.frame(person, drawing, Guesses(flow, layers, paintable=paintable))

    def _motion(
        self, person: Person, drawing: Tensor, guessed: Tensor, layers: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Flow (B, K, S/2, S/2, 2) and confidence logits (B, K, g, g), the K photos folded into the batch."""
        shape = guessed.shape[:2]
        folded = guessed.flatten(0, 1)
        small = F.avg_pool2d(person.photos.flatten(0, 1), 4)  # (B K, 3, g, g)
        lines = F.avg_pool2d(drawing, 4)[:, None].expand(-1, shape[1], -1, -1, -1).flatten(0, 1)
        features = person.features[1].flatten(0, 1)
        looked_up = warp(torch.cat([features, small.to(features.dtype)], dim=1), folded)
        channels = features.shape[1]
        draft = laid_over(looked_up[:, channels:], F.avg_pool2d(layers.flatten(0, 1), 4))
        flow, confidence = self.motion_net(
            looked_up[:, :channels].to(features.dtype), draft, small, lines, folded
        )
        return torch.unflatten(flow, 0, shape), torch.unflatten(confidence[:, 0], 0, shape)

    @staticmethod
    def _mixed(features: Tensor, flow: Tensor, weights: Tensor) -> Tensor:
        """(B, C, h, w): (B, K, C, h, w) each moved by its flow, mixed by (B, K, g, g) weights."""
        moved = warp(features.flatten(0, 1), flow.flatten(0, 1))
        mixed = _blended(torch.unflatten(moved, 0, features.shape[:2]), weights)
        return mixed.to(features.dtype)  # only the places need float32


def warp(pictures: Tensor, flow: Tensor) -> Tensor:
    """(N, C, h, w) read at every place plus ``flow`` (N, g, g, 2) in half sides; float32, border repeated."""
    side = pictures.shape[-1]
    fine = resized(flow.permute(0, 3, 1, 2), side).permute(0, 2, 3, 1)  # (N, h, w, 2)
    grid = identity_grid(side, pictures.device) + fine
    return F.grid_sample(pictures.float(), grid, mode="bilinear", padding_mode="border", align_corners=False)


def identity_grid(side: int, device: torch.device | None = None) -> Tensor:
    """(side, side, 2) the place of every cell in [-1, 1], x first."""
    axis = (2.0 * torch.arange(side, device=device, dtype=torch.float32) + 1.0) / side - 1.0
    return torch.stack(torch.meshgrid(axis, axis, indexing="xy"), dim=-1)


def laid_over(pictures: Tensor, layers: Tensor) -> Tensor:
    """(N, 3, h, w) with (N, 4, h, w) on top: RGB times alpha, then alpha."""
    return pictures * (1.0 - layers[:, 3:]) + layers[:, :3]


def resized(maps: Tensor, side: int) -> Tensor:
    """(N, C, g, g) maps brought to (N, C, side, side), bilinear, cell centres kept."""
    if maps.shape[-1] == side:
        return maps
    return F.interpolate(maps, size=(side, side), mode="bilinear", align_corners=False)


def _blended(pictures: Tensor, weights: Tensor) -> Tensor:
    """(B, C, h, w): (B, K, C, h, w) mixed by (B, K, g, g) weights."""
    share = resized(weights, pictures.shape[-1])[:, :, None]  # (B, K, 1, h, w)
    return (pictures * share).sum(dim=1)
