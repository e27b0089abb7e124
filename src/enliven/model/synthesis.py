"""Hybrid: paints what no photo shows, and says where to use it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from enliven.model.config import ModelConfig
from enliven.model.layers import DoublingConv, StyledBlock, conv, joined, linear

_DRAWN = 32
"""Channels of the driving landmarks at 1/4 and 1/8."""


class Synthesis(nn.Module):
    """Warped features at three scales + landmarks + identity -> picture and mask.

    AdaIN at 1/8 and 1/4 of the side; the end is a pixel shuffle, since layers at full resolution cost most.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        half, quarter, eighth = config.decoder_channels
        warped_half, warped_quarter, warped_eighth = config.source_channels
        self.read_drawing = conv(48, _DRAWN)
        self.shrink_drawing = conv(_DRAWN, _DRAWN, stride=2)
        self.enter = conv(warped_eighth + _DRAWN, eighth)
        deep = [StyledBlock(eighth, eighth, spectral=False) for _ in range(2)]
        self.at_eighth = nn.ModuleList(deep)
        self.to_quarter = conv(eighth, quarter, 1)
        self.join_quarter = conv(quarter + warped_quarter + _DRAWN, quarter, 1)
        self.at_quarter = StyledBlock(quarter, quarter, spectral=False)
        self.to_half = conv(quarter, half, 1)
        self.join_half = DoublingConv(half, warped_half + 12, half)
        self.out = conv(half, 16)
        # Begun small, so that the first pictures are the warped photo and no checkerboard must be unlearned.
        nn.init.normal_(self.out.weight, std=1e-3)  # type: ignore[arg-type]
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]
        self.style_sizes = [*(block.style_size for block in deep), self.at_quarter.style_size]
        self.projection = linear(config.embedding, sum(self.style_sizes))
        nn.init.normal_(self.projection.weight, std=0.01)  # type: ignore[arg-type]

    def project(self, embedding: Tensor) -> Tensor:
        """psi = P e: (B, embedding) -> (B, sum of all AdaIN parameters)."""
        psi: Tensor = self.projection(embedding)
        return psi

    def forward(
        self, warped: tuple[Tensor, Tensor, Tensor], photo: Tensor, drawing: Tensor, psi: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Picture (B, 3, H, W), about [-1, 1], and mask (B, 1, H, W) in 0..1, both float32; 1 = warped photo.

        ``warped``: features at 1/2, 1/4, 1/8, mixed over the sources; ``photo``: the warped photo and
        ``drawing``: the driving landmarks, (B, 3, H, W) in [-1, 1].
        """
        styles = torch.split(psi, self.style_sizes, dim=1)
        lines = F.relu(self.read_drawing(F.pixel_unshuffle(drawing, 4)))  # (B, 32, H/4, W/4)
        x = self.enter(joined(warped[2], self.shrink_drawing(lines)))  # (B, C'', H/8, W/8)
        for block, style in zip(self.at_eighth, styles[:-1], strict=True):
            x = block(x, style)
        x = _doubled(self.to_quarter(F.relu(x)))
        x = self.join_quarter(joined(x, warped[1], lines))  # (B, C', H/4, W/4)
        x = self.to_half(F.relu(self.at_quarter(x, styles[-1])))
        x = F.relu(self.join_half(x, joined(warped[0], F.pixel_unshuffle(photo, 2))))
        painted = F.pixel_shuffle(self.out(x).float(), 2)  # (B, 4, H, W)
        # The warped photo is the point of departure: what must be learned is the difference.
        picture = photo.float() + painted[:, :3]
        return picture, torch.sigmoid(painted[:, 3:])


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")
