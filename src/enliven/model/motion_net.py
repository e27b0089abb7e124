"""Hybrid: corrects the guessed flow, and says which source photo to trust where."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from enliven.model.config import ModelConfig
from enliven.model.layers import PlainBlock, conv, joined

_PICTURES = 3 + 3 + 3 + 2
"""Guessed picture, photo, target drawing, flow."""
_BEGIN = 3.0
"""The blend's logit at which all of the guessed flow is used; where the sigmoid is steep enough to be learned from."""


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
        self, warped: Tensor, draft: Tensor, photo: Tensor, drawing: Tensor, flow: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The flow to use and a confidence in it.

        At side g: ``warped`` (N, C, g, g) features and three pictures (N, 3, g, g); the guessed ``flow``
        (N, 2g, 2g, 2) float32 in half sides. Gives the flow, same shape, float32, and (N, 1, g, g) logits.
        The beginning is the guess, which is exact at the landmarks: blend 1, no residual, equal confidence.
        """
        planes = flow.permute(0, 3, 1, 2)  # (N, 2, 2g, 2g)
        seen = 4.0 * F.avg_pool2d(planes, 2)
        entered = F.relu(self.enter(joined(warped, draft, photo, drawing, seen)))
        deep = self.at_half(self.down(entered))
        deep = deep + F.interpolate(self.at_quarter(self.down_again(deep)), scale_factor=2.0, mode="nearest")
        deep = F.interpolate(self.up(F.relu(deep)), scale_factor=2.0, mode="bilinear", align_corners=False)
        said = self.out(F.relu(self.leave(joined(entered, deep)))).float()  # (N, 4, g, g)
        fine = F.interpolate(said[:, :3], scale_factor=2.0, mode="bilinear", align_corners=False)
        blend = (torch.sigmoid(_BEGIN + fine[:, :1]) * (1.0 + math.exp(-_BEGIN))).clamp(max=1.0)
        moved = blend * planes + self.bound * torch.tanh(fine[:, 1:])
        return moved.permute(0, 2, 3, 1), said[:, 3:]
