"""The paper's generator: landmark drawing and identity -> picture."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from enliven.model.config import ModelConfig
from enliven.model.layers import DownBlock, SelfAttention, StyledBlock, conv, linear
from enliven.model.norms import adaptive_norm


class Generator(nn.Module):
    """G of Zakharov et al. 2019 in Johnson et al.'s shape, 37.91 M parameters in preset `paper`.

    All AdaIN parameters are psi = P e, one projection. Fine-tuning begins from psi' = P e as free
    parameters: compute it once with :meth:`project` and hand it to :meth:`forward` in place of P e.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        c = config.channels
        self.down = nn.Sequential(*_down(c, config.attention))
        wide = 8 * c
        middle = [StyledBlock(wide, wide) for _ in range(config.residual_blocks)]
        up = [
            StyledBlock(a, b, upsample=True)
            for a, b in ((wide, wide), (wide, 4 * c), (4 * c, 2 * c), (2 * c, c))
        ]
        self.blocks = nn.ModuleList([*middle, *up])
        self.attention = SelfAttention(4 * c) if config.attention else nn.Identity()
        self.attention_after = len(middle) + 1
        self.last = conv(c, 3, spectral=True, bias=False)
        self.style_sizes = [*(block.style_size for block in (*middle, *up)), 2 * c]
        self.projection = linear(config.embedding, sum(self.style_sizes), spectral=True)

    def project(self, embedding: Tensor) -> Tensor:
        """psi = P e: (B, embedding) -> (B, sum of all AdaIN parameters)."""
        psi: Tensor = self.projection(embedding)
        return psi

    def forward(self, drawings: Tensor, psi: Tensor) -> Tensor:
        """(B, 3, H, W) landmark drawings in [-1, 1] and (B, len psi) -> (B, 3, H, W) pictures in [-1, 1]."""
        x = self.down(drawings)  # (B, 8 c, H/16, W/16)
        styles = torch.split(psi, self.style_sizes, dim=1)
        for number, (block, style) in enumerate(zip(self.blocks, styles[:-1], strict=True)):
            x = block(x, style)
            if number == self.attention_after:
                x = self.attention(x)
        x = F.relu(adaptive_norm(x, styles[-1]))
        return torch.tanh(self.last(x).float())


def _down(c: int, attention: bool) -> list[nn.Module]:
    layers: list[nn.Module] = [
        DownBlock(3, c, first=True, norm=True),
        DownBlock(c, 2 * c, norm=True),
        DownBlock(2 * c, 4 * c, norm=True),
    ]
    if attention:
        layers.append(SelfAttention(4 * c))
    return [*layers, DownBlock(4 * c, 8 * c, norm=True)]
