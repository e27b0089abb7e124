"""Preset `hybrid`: move the photos' pixels where they are needed, synthesise the rest."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from enliven.model.coarse_flow import CoarseFlow, identity_grid
from enliven.model.config import ModelConfig
from enliven.model.embedder import Embedder
from enliven.model.motion_net import MotionNet
from enliven.model.source_encoder import SourceEncoder
from enliven.model.synthesis import Synthesis
from enliven.model.talker import Person, Rendered


class HybridTalker(nn.Module):
    """Coarse flow, learned motion, synthesis, mask: design/model.md's four steps in this order."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.embedder = Embedder(config)
        self.source_encoder = SourceEncoder(config)
        self.coarse_flow = CoarseFlow(config.size)
        self.motion_net = MotionNet(config)
        self.synthesis = Synthesis(config)

    def encode(self, photos: Tensor, photo_drawings: Tensor, photo_points: Tensor) -> Person:
        """See :meth:`Talker.encode`."""
        shape = photos.shape[:2]
        features = self.source_encoder(photos.flatten(0, 1), photo_drawings.flatten(0, 1))
        e = self.embedder.mean_over_shots(photos, photo_drawings)
        psi = self.synthesis.project(e).float()
        unfolded = tuple(torch.unflatten(f, 0, shape) for f in features)
        return Person(e, psi, photos, photo_points.float(), unfolded)

    def frame(self, person: Person, drawing: Tensor, points: Tensor) -> Rendered:
        """See :meth:`Talker.frame`."""
        # Coordinates lose a pixel in bf16, so the flow is computed outside of autocast.
        with torch.autocast(drawing.device.type, enabled=False):
            coarse = self.coarse_flow(person.points, points)  # (B, K, g, g, 2)
        flow, confidence = self._motion(person, drawing, coarse)
        weights = torch.softmax(confidence, dim=1)  # (B, K, g, g)
        half, quarter, eighth = (self._mixed(f, flow, weights) for f in person.features)
        warped = self._mixed(person.photos, flow, weights)
        synthesis, mask = self.synthesis((half, quarter, eighth), warped, drawing, person.psi)
        result = mask * warped + (1.0 - mask) * synthesis
        return Rendered(result, warped, synthesis, mask, flow, weights, coarse)

    def forward(
        self, photos: Tensor, photo_drawings: Tensor, photo_points: Tensor, drawing: Tensor, points: Tensor
    ) -> tuple[Person, Rendered]:
        """Encode and render in one go, as training does."""
        person = self.encode(photos, photo_drawings, photo_points)
        return person, self.frame(person, drawing, points)

    def _motion(self, person: Person, drawing: Tensor, coarse: Tensor) -> tuple[Tensor, Tensor]:
        """Flow (B, K, g, g, 2) and confidence logits (B, K, g, g), the K photos folded into the batch."""
        batch, shots, side = coarse.shape[:3]
        small = F.avg_pool2d(person.photos.flatten(0, 1), 4)  # (B K, 3, g, g)
        lines = F.avg_pool2d(drawing, 4)[:, None].expand(-1, shots, -1, -1, -1).flatten(0, 1)
        folded = coarse.flatten(0, 1)
        features = person.features[1].flatten(0, 1)
        looked_up = warp(torch.cat([features, small.to(features.dtype)], dim=1), folded)
        channels = features.shape[1]
        flow, confidence = self.motion_net(
            looked_up[:, :channels], looked_up[:, channels:], small, lines, folded
        )
        shape = (batch, shots)
        return torch.unflatten(flow, 0, shape), confidence.reshape(batch, shots, side, side)

    @staticmethod
    def _mixed(pictures: Tensor, flow: Tensor, weights: Tensor) -> Tensor:
        """(B, C, h, w): (B, K, C, h, w) each moved by its flow, mixed by (B, K, g, g) weights."""
        shape = pictures.shape[:2]
        moved = torch.unflatten(warp(pictures.flatten(0, 1), flow.flatten(0, 1)), 0, shape)
        share = resized(weights, pictures.shape[-1])[:, :, None]  # (B, K, 1, h, w)
        return (moved * share).sum(dim=1)


def warp(pictures: Tensor, flow: Tensor) -> Tensor:
    """(N, C, h, w) read at every place plus ``flow`` (N, g, g, 2) in half sides; float32, border repeated."""
    side = pictures.shape[-1]
    fine = resized(flow.permute(0, 3, 1, 2), side).permute(0, 2, 3, 1)  # (N, h, w, 2)
    grid = identity_grid(side, pictures.device) + fine
    return F.grid_sample(pictures.float(), grid, mode="bilinear", padding_mode="border", align_corners=False)


def resized(maps: Tensor, side: int) -> Tensor:
    """(N, C, g, g) maps brought to (N, C, side, side), bilinear, cell centres kept."""
    if maps.shape[-1] == side:
        return maps
    return F.interpolate(maps, size=(side, side), mode="bilinear", align_corners=False)
