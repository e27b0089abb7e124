"""Are this mouth and these eyes real, place by place?"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from enliven.model.layers import conv

_WIDTHS = (32, 64, 128)
_LEAK = 0.2


class PartCritic(nn.Module):
    """A patch discriminator (Isola et al. 2017) for crops of mouth and eyes, with the landmarks drawn in.

    A mean of many mouths has the least L1 and fools nobody who looks at mouths alone.
    """

    def __init__(self) -> None:
        super().__init__()
        inputs = (6, *_WIDTHS[:-1])
        self.blocks = nn.ModuleList(conv(i, o, stride=2) for i, o in zip(inputs, _WIDTHS, strict=True))
        self.realism = conv(_WIDTHS[-1], 1)

    def forward(self, crops: Tensor, drawings: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Scores (N, 1, S/8, S/8) and the features after every block; both inputs (N, 3, S, S) in [-1, 1]."""
        x = torch.cat([crops, drawings], dim=1)
        features = []
        for block in self.blocks:
            x = F.leaky_relu(block(x), _LEAK)
            features.append(x)
        return self.realism(x).float(), features
