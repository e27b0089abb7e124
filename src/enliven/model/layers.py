"""Bricks of the networks: convolutions, residual blocks with their norms, AdaIN, self-attention.

Tensors are (B, C, H, W), channels_last in memory. Shapes follow the co-author's published blocks.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, parametrize

from enliven.model.norms import GroupNorm, adaptive_norm

_SPECTRAL_EPS = 1e-4


def conv(
    inputs: int, outputs: int, kernel: int = 3, *, spectral: bool = False, bias: bool = True, stride: int = 1
) -> nn.Module:
    """A same-size (at stride 1) convolution, spectrally normalised on wish (Miyato et al. 2018)."""
    layer = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=bias)
    return _normalised(layer) if spectral else layer


def linear(inputs: int, outputs: int, *, spectral: bool = False) -> nn.Module:
    """A fully connected layer, spectrally normalised on wish."""
    layer = nn.Linear(inputs, outputs)
    return _normalised(layer) if spectral else layer


def _normalised(layer: nn.Conv2d | nn.Linear) -> nn.Module:
    # Spectral norm shrinks the signal at every layer, but not the biases: begun at random, those would be nearly
    # all that leaves a deep net, whatever picture enters.
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return parametrizations.spectral_norm(layer, eps=_SPECTRAL_EPS)


def fold_spectral_norm(module: nn.Module) -> None:
    """Replaces every normalised weight by its value, in place: for inference, where it never changes."""
    for layer in module.modules():
        if parametrize.is_parametrized(layer, "weight"):
            parametrize.remove_parametrizations(layer, "weight", leave_parametrized=True)


def joined(first: Tensor, *others: Tensor) -> Tensor:
    """Side by side in channels, all in the precision of ``first``; channels last in memory.

    A convolution would bring them there as well, but out of a mixture three times as slowly.
    """
    return torch.cat([channels_last(part.to(first.dtype)) for part in (first, *others)], dim=1)


def channels_last(x: Tensor) -> Tensor:
    """The same (B, C, H, W) values, channels last in memory."""
    return x.contiguous(memory_format=torch.channels_last)


class DoublingConv(nn.Conv2d):
    """A 3 x 3 convolution of a small picture made twice as large (nearest neighbour) and of others beside it.

    The same numbers as doubling, joining and convolving, for half of the work: what the kernel reads of a doubled
    picture are four pixels of the small one, each weighted by the sum of the kernel's places that fall on it. That is
    a transposed convolution of stride 2 whose kernel is the old one summed over 2 x 2 places.
    """

    def __init__(self, small: int, beside: int, outputs: int) -> None:
        """``small``, ``beside``: channels of the picture that is doubled and of those beside it."""
        super().__init__(small + beside, outputs, 3, padding=1)
        self._small = small

    def forward(self, small: Tensor, beside: Tensor) -> Tensor:  # type: ignore[override]
        """(B, small, H, W), (B, beside, 2 H, 2 W) -> (B, outputs, 2 H, 2 W)."""
        outputs, inputs = self.weight.shape[:2]
        # The shapes are named once more for the ONNX exporter, who does not see them through a slice.
        own = self.weight[:, : self._small].transpose(0, 1).reshape(self._small, outputs, 3, 3)
        back = torch.arange(2, -1, -1, device=own.device)
        kernel = own.index_select(2, back).index_select(3, back)  # writing mirrors reading
        summed = 4.0 * F.avg_pool2d(kernel, 2, stride=1, padding=1)  # (small, outputs, 4, 4)
        spread = summed.reshape(self._small, outputs, 4, 4)
        others = self.weight[:, self._small :].reshape(outputs, inputs - self._small, 3, 3)
        doubled = F.conv_transpose2d(small, spread, stride=2, padding=1)
        return doubled + F.conv2d(beside, others, self.bias, padding=1)


class InstanceNorm(nn.Module):
    """Instance normalisation with a scale and a shift of its own."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.style = nn.Parameter(torch.zeros(1, 2 * channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same shape."""
        return adaptive_norm(x, self.style)


class DownBlock(nn.Module):
    """Residual block that halves the side by averaging; spectrally normalised."""

    def __init__(
        self, inputs: int, outputs: int, *, first: bool = False, norm: bool = False, halve: bool = True
    ) -> None:
        """``first``: no activation and no norm on the raw picture; ``norm``: affine instance norms."""
        super().__init__()
        self.first, self.halve = first, halve
        self.norm1 = InstanceNorm(inputs) if norm and not first else nn.Identity()
        self.norm2 = InstanceNorm(outputs) if norm and not first else nn.Identity()
        bias = first or not norm
        self.conv1 = conv(inputs, outputs, spectral=True, bias=bias)
        self.conv2 = conv(outputs, outputs, spectral=True, bias=bias)
        changes = halve or inputs != outputs
        self.skip = conv(inputs, outputs, 1, spectral=True, bias=bias) if changes else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(B, Cin, H, W) -> (B, Cout, H/2, W/2), or the same side when not halving."""
        y = x if self.first else F.relu(self.norm1(x))
        y = self.conv2(F.relu(self.norm2(self.conv1(y))))
        if self.halve:
            # 1 x 1 convolution and averaging commute, so the skip is averaged first: a quarter of the work.
            return F.avg_pool2d(y, 2) + self.skip(F.avg_pool2d(x, 2))  # type: ignore[no-any-return]
        return y + self.skip(x)  # type: ignore[no-any-return]


class StyledBlock(nn.Module):
    """Residual block with two AdaIN, twice as large on wish (nearest neighbour)."""

    def __init__(self, inputs: int, outputs: int, *, upsample: bool = False, spectral: bool = True) -> None:
        super().__init__()
        self.upsampling = upsample
        self.style_sizes = (2 * inputs, 2 * outputs)
        self.conv1 = conv(inputs, outputs, spectral=spectral, bias=False)
        self.conv2 = conv(outputs, outputs, spectral=spectral, bias=False)
        changes = upsample or inputs != outputs
        self.skip = conv(inputs, outputs, 1, spectral=spectral, bias=False) if changes else nn.Identity()

    @property
    def style_size(self) -> int:
        """How many numbers of psi this block takes."""
        return sum(self.style_sizes)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """(B, Cin, H, W), (B, style_size) -> (B, Cout, H or 2 H, W or 2 W)."""
        before, between = torch.split(style, list(self.style_sizes), dim=1)
        y = F.relu(adaptive_norm(x, before))
        if self.upsampling:
            y = F.interpolate(y, scale_factor=2.0, mode="nearest")
        y = self.conv2(F.relu(adaptive_norm(self.conv1(y), between)))
        skip = self.skip(x)
        if self.upsampling:
            skip = F.interpolate(skip, scale_factor=2.0, mode="nearest")
        return y + skip  # type: ignore[no-any-return]


class PlainBlock(nn.Module):
    """Residual block of two convolutions with group norms, for the hybrid's small nets."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = GroupNorm(8, channels), GroupNorm(8, channels)
        self.conv1, self.conv2 = conv(channels, channels), conv(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same shape."""
        y = self.conv1(F.relu(self.norm1(x)))
        return x + self.conv2(F.relu(self.norm2(y)))  # type: ignore[no-any-return]


class SelfAttention(nn.Module):
    """Self-attention of SAGAN (Zhang et al. 2019): begins as the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query = conv(channels, channels // 8, 1, spectral=True, bias=False)
        self.key = conv(channels, channels // 8, 1, spectral=True, bias=False)
        self.value = conv(channels, channels // 2, 1, spectral=True, bias=False)
        self.out = conv(channels // 2, channels, 1, spectral=True, bias=False)
        self.gain = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same shape."""
        q, k, v = (f(x).flatten(2) for f in (self.query, self.key, self.value))  # (B, C', H W)
        weights = torch.softmax(q.transpose(1, 2).float() @ k.float(), dim=-1).to(v.dtype)  # (B, HW, HW)
        attended = (v @ weights.transpose(1, 2)).unflatten(2, x.shape[2:])
        return x + self.gain * self.out(attended)  # type: ignore[no-any-return]
