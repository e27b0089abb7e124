"""Hybrid: corrects the coarse flow, and says which source photo to trust where."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from enliven.model.config import ModelConfig
from enliven.model.layers import PlainBlock, conv

_PICTURES = 3 + 3 + 3 + 2
"""Warped photo, unwarped photo, target drawing, flow."""
_CALM, _CALM_BLEND = 0.1, 0.3
"""Of residual and blend: without them one step of Adam moves pixels further than any error, and nothing is learned."""
_BEGIN = 2.0
"""The blend's logit at first: nearly all of the coarse flow."""


class MotionNet(nn.Module):
    """A small hourglass at a quarter of the side, run for each source photo alike."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        c, features = config.motion_channels, config.source_channels[1]
        self.bound = config.residual_flow
        self.enter = conv(features + _PICTURES, c)
        self.down = conv(c, 2 * c, stride=2)
        self.at_half = PlainBlock(2 * c)
        self.down_again = conv(2 * c, 2 * c, stride=2)
        self.at_quarter = nn.Sequential(PlainBlock(2 * c), PlainBlock(2 * c))
        self.up = conv(2 * c, c, 1)
        self.leave = conv(2 * c, c)
        self.out = conv(c, 4)
        nn.init.zeros_(self.out.weight)  # type: ignore[arg-type]
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]

    def forward(
        self, warped: Tensor, warped_photo: Tensor, photo: Tensor, drawing: Tensor, flow: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The flow to use and a confidence in it.

        All at side g: ``warped`` (N, C, g, g) features, three pictures (N, 3, g, g), coarse ``flow``
        (N, g, g, 2) float32 in [-1, 1] units. Gives the flow, same shape, float32, and (N, 1, g, g) logits.
        The beginning is nearly the coarse flow: blend 0.88, no residual, equal confidence.
        """
        planes = flow.permute(0, 3, 1, 2)  # (N, 2, g, g)
        entered = F.relu(self.enter(torch.cat([warped, warped_photo, photo, drawing, 4.0 * planes], dim=1)))
        deep = self.at_half(self.down(entered))
        deep = deep + F.interpolate(self.at_quarter(self.down_again(deep)), scale_factor=2.0, mode="nearest")
        deep = F.interpolate(self.up(F.relu(deep)), scale_factor=2.0, mode="bilinear", align_corners=False)
        said = self.out(F.relu(self.leave(torch.cat([entered, deep], dim=1)))).float()  # (N, 4, g, g)
        blend, residual, confidence = said.split((1, 2, 1), dim=1)
        moved = torch.sigmoid(_BEGIN + _CALM_BLEND * blend) * planes + self.bound * torch.tanh(
            _CALM * residual
        )
        return moved.permute(0, 2, 3, 1), confidence
