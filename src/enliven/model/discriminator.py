"""Is this picture real, does it show this person, does it follow these landmarks?"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from enliven.model.config import ModelConfig
from enliven.model.embedder import down_path
from enliven.model.layers import DownBlock, linear


class Discriminator(nn.Module):
    """Projection discriminator (Miyato and Koyama 2018): D(x, y, i) = V(x, y) . (W_i + w0) + b.

    19.54 M parameters in preset `paper`, the table W apart: rows come in from :class:`IdentityTable`.
    Fine-tuning starts from w' = w0 + e: hand in ``e`` as the row.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.fold = config.discriminator_fold
        inputs, side = 6 * self.fold**2, config.size // self.fold
        path = down_path(inputs, config.discriminator_channels, config.max_channels, side, config.attention)
        self.blocks = nn.ModuleList([*path, DownBlock(config.max_channels, config.max_channels, halve=False)])
        self.realism = linear(config.embedding, 1, spectral=True)

    def forward(self, pictures: Tensor, drawings: Tensor, rows: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Score (B,) and the features after every block, for feature matching.

        ``pictures``, ``drawings``: (B, 3, H, W) in [-1, 1]; ``rows``: (B, embedding), W_i of the person.
        """
        x = torch.cat([pictures, drawings], dim=1)  # (B, 6, H, W)
        if self.fold > 1:
            x = F.pixel_unshuffle(x, self.fold)
        features = []
        for block in self.blocks:
            x = block(x)
            features.append(x)
        v = F.relu(x).float().sum(dim=(2, 3))  # (B, C)
        score = self.realism(v).squeeze(1).float() + (v * rows.float()).sum(dim=1)
        return score, features


class IdentityTable(nn.Module):
    """W: one row a training identity, sparse in its gradient, so that a hundred thousand fit.

    The published code's spectral norm on W is left out: it would touch every row at every step.
    """

    def __init__(self, identities: int, embedding: int) -> None:
        super().__init__()
        self.rows = nn.Embedding(identities, embedding, sparse=True)
        nn.init.uniform_(self.rows.weight, -0.1, 0.1)

    def forward(self, identities: Tensor) -> Tensor:
        """(B,) int64 -> (B, embedding)"""
        rows: Tensor = self.rows(identities)
        return rows
