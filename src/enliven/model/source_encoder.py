"""Hybrid: what a source photo has to give, at three scales; runs once per photo."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from enliven.model.config import ModelConfig
from enliven.model.layers import PlainBlock, conv


class SourceEncoder(nn.Module):
    """Photo and its landmark drawing -> features at 1/2, 1/4 and 1/8 of the side, to be warped later."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        half, quarter, eighth = config.source_channels
        self.stem = conv(24, half)
        self.to_quarter = conv(half, quarter, stride=2)
        self.at_quarter = PlainBlock(quarter)
        self.to_eighth = conv(quarter, eighth, stride=2)
        self.at_eighth = PlainBlock(eighth)

    def forward(self, photos: Tensor, drawings: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(N, 3, H, W) twice -> (N, C, H/2, W/2), (N, C', H/4, W/4), (N, C'', H/8, W/8)."""
        folded = F.pixel_unshuffle(torch.cat([photos, drawings], dim=1), 2)  # (N, 24, H/2, W/2)
        half = F.relu(self.stem(folded))
        quarter = self.at_quarter(self.to_quarter(half))
        eighth = self.at_eighth(self.to_eighth(F.relu(quarter)))
        return half, quarter, eighth
