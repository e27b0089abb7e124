"""Who the person is: photos and their landmarks -> the identity embedding e."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from enliven.model.config import ModelConfig
from enliven.model.layers import DownBlock, SelfAttention


class Embedder(nn.Module):
    """E of Zakharov et al. 2019: down-residual blocks to 4 x 4, ReLU, sum over the picture.

    No normalisation, spectral norm everywhere, 14.83 M parameters in preset `paper`.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.shrink = config.embedder_shrink
        side = config.size // self.shrink
        self.blocks = nn.Sequential(
            *down_path(6, config.channels, config.max_channels, side, config.attention)
        )

    def forward(self, photos: Tensor, drawings: Tensor) -> Tensor:
        """(N, 3, H, W) photos and (N, 3, H, W) landmark drawings in [-1, 1] -> (N, embedding)."""
        x = torch.cat([photos, drawings], dim=1)  # (N, 6, H, W)
        if self.shrink > 1:
            x = F.avg_pool2d(x, self.shrink)
        features = F.relu(self.blocks(x))  # (N, C, 4, 4)
        return features.float().sum(dim=(2, 3))

    def mean_over_shots(self, photos: Tensor, drawings: Tensor) -> Tensor:
        """(B, K, 3, H, W) twice -> (B, embedding), the mean over a person's K photos."""
        batch, shots = photos.shape[:2]
        each: Tensor = self(photos.flatten(0, 1), drawings.flatten(0, 1))  # (B K, C)
        return torch.unflatten(each, 0, (batch, shots)).mean(dim=1)


def down_path(inputs: int, channels: int, most: int, side: int, attention: bool) -> list[nn.Module]:
    """Down-residual blocks from ``side`` to 4 x 4, widths doubling from ``channels`` to ``most``."""
    layers: list[nn.Module] = []
    width, first = channels, True
    while side > 4:
        layers.append(DownBlock(inputs, width, first=first))
        side //= 2
        if attention and side == 32:
            layers.append(SelfAttention(width))
        inputs, width, first = width, min(2 * width, most), False
    if inputs != most:
        layers.append(DownBlock(inputs, most, halve=False))
    return layers
