"""MobileFaceNet (Chen et al. 2018), to be loaded from weights that the user has; none are shipped."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from enliven.training.frozen import frozen_prelu

_STAGES = ((2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2), (2, 128, 2, 1))
"""Expansion, width, count, first stride."""
_TAPS = frozenset({1, 4, 8, 12, 14})
"""Blocks whose outputs are features."""


class FrozenPReLU(nn.PReLU):
    """For a network that judges and does not learn itself."""

    def forward(self, x: Tensor) -> Tensor:
        return frozen_prelu(x, self.weight)


class DepthwiseConv(nn.Conv2d):
    """In float32: the gradient of a strided one takes three times as long in bf16."""

    def forward(self, x: Tensor) -> Tensor:
        if self.stride == (1, 1):
            return super().forward(x)
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.float()).to(x.dtype)


class _Conv(nn.Module):
    """Convolution without bias, batch norm, and PReLU unless linear."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int | tuple[int, int], stride: int = 1, padding: int = 0,
        *, groups: int = 1, linear: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)
        self.bn: nn.Module = nn.BatchNorm2d(outputs)
        self.prelu = nn.Identity() if linear else FrozenPReLU(outputs)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.prelu(self.bn(self.conv(x)))
        return y


class _Bottleneck(nn.Module):
    """1 x 1 expansion, 3 x 3 depthwise, 1 x 1 linear; residual where the shape stays."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.residual = stride == 1 and inputs == outputs
        self.conv = nn.Sequential(
            nn.Conv2d(inputs, wide, 1, bias=False),
            nn.BatchNorm2d(wide),
            FrozenPReLU(wide),
            DepthwiseConv(wide, wide, 3, stride, 1, groups=wide, bias=False),
            nn.BatchNorm2d(wide),
            FrozenPReLU(wide),
            nn.Conv2d(wide, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return x + y if self.residual else y


class MobileFaceNet(nn.Module):
    """Face crops -> features for a loss, or 128 values that say who it is."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = _Conv(3, 64, 3, 2, 1)
        self.dw_conv1 = _Conv(64, 64, 3, 1, 1, groups=64)
        blocks, width = [], 64
        for expansion, outputs, count, first in _STAGES:
            for number in range(count):
                blocks.append(_Bottleneck(width, outputs, first if number == 0 else 1, expansion))
                width = outputs
        self.blocks = nn.Sequential(*blocks)
        self.conv2 = _Conv(128, 512, 1)
        self.linear7 = _Conv(512, 512, (7, 6), groups=512, linear=True)
        self.linear1 = _Conv(512, 128, 1, linear=True)

    def fold_norms(self) -> None:
        """Puts the batch norms into the convolutions before them, in place: for evaluation, where they stand still."""
        for module in self.modules():
            if isinstance(module, _Conv) and isinstance(module.bn, nn.BatchNorm2d):
                module.conv = fuse_conv_bn_eval(module.conv, module.bn)
                module.bn = nn.Identity()
            elif isinstance(module, nn.Sequential):
                for at, (first, second) in enumerate(pairwise(list(module))):
                    if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                        module[at], module[at + 1] = fuse_conv_bn_eval(first, second), nn.Identity()

    def taps(self, faces: Tensor) -> list[Tensor]:
        """Six layers' outputs of (N, 3, 112, 96) RGB in [-1, 1]."""
        x = self.dw_conv1(self.conv1(faces))
        found = [x]
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number in _TAPS:
                found.append(x)
        return found

    def forward(self, faces: Tensor) -> Tensor:
        """(N, 128) embeddings of (N, 3, 112, 96) RGB in [-1, 1]; compare by cosine."""
        x = self.taps(faces)[-1]
        return torch.flatten(self.linear1(self.linear7(self.conv2(x))), 1)
