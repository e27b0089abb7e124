"""Normalisation over the picture, with a backward pass that suits channels-last memory on a CPU."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

_EPS = 1e-5


def adaptive_norm(x: Tensor, style: Tensor) -> Tensor:
    """Every channel normalised, then scaled and shifted by the style (AdaIN, Huang and Belongie 2017).

    ``x``: (B, C, H, W); ``style``: (B or 1, 2 C), scales minus one first, then shifts. The statistics are
    taken in float32, since bf16 loses them.
    """
    gain, shift = style.float().expand(x.shape[0], -1).chunk(2, dim=1)
    if _is_exported():
        variance, mean = torch.var_mean(x.float(), dim=(2, 3), unbiased=False)  # (B, C)
        scale = (1.0 + gain) * torch.rsqrt(variance + _EPS)
        return x * _planes(scale, x) + _planes(shift - mean * scale, x)
    return _normed(x, 1.0 + gain, shift, x.shape[1])


class GroupNorm(nn.GroupNorm):
    """Of torch (Wu and He 2018), but quicker to learn with and with its statistics in float32."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same shape."""
        if _is_exported():
            return super().forward(x)
        gain, shift = (each.expand(x.shape[0], -1) for each in (self.weight, self.bias))
        return _normed(x, gain, shift, self.num_groups)


def _normed(x: Tensor, gain: Tensor, shift: Tensor, groups: int) -> Tensor:
    normed: Tensor = _Norm.apply(x, gain, shift, groups)  # type: ignore[no-untyped-call]
    return normed


class _Norm(torch.autograd.Function):
    """torch's own sums over channels-last pictures take four times as long on a CPU, in bf16 and in float32."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, gain: Tensor, shift: Tensor, groups: int) -> Tensor:
        batch, channels, height, width = x.shape
        wide = x.float()
        if x.is_cuda:  # whose kernel takes no channels-last pictures
            wide = wide.contiguous()
        _, *found = torch.native_group_norm(wide, None, None, batch, channels, height * width, groups, _EPS)
        mean, sharpness = (each.repeat_interleave(channels // groups, dim=1) for each in found)  # (B, C)
        scale = gain * sharpness
        ctx.save_for_backward(x, mean, sharpness, gain)
        ctx.groups = groups
        return torch.addcmul(_planes(shift - mean * scale, x), x, _planes(scale, x))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        """With n the normalised x and g the gradient of n: dx = (g - mean(g) - n mean(g n)) / deviation."""
        x, mean, sharpness, gain = ctx.saved_tensors
        wide = gradient.float()
        of_shift = _sums(wide)
        of_gain = sharpness * (_sums(wide * x) - mean * of_shift)
        pixels = x.shape[2] * x.shape[3]
        mean_g, mean_gn = (_over_groups(gain * sums, ctx.groups) / pixels for sums in (of_shift, of_gain))
        slope = -sharpness * sharpness * mean_gn
        offset = -sharpness * mean_g - slope * mean
        lifted = torch.addcmul(_planes(offset, x), x, _planes(slope, x))
        of_x = torch.addcmul(lifted, gradient, _planes(sharpness * gain, x))
        return of_x, of_gain, of_shift, None


def _is_exported() -> bool:
    """True while a graph is traced, which shall hold plain operations only."""
    return bool(torch.jit.is_tracing())  # type: ignore[attr-defined,no-untyped-call]


def _planes(values: Tensor, like: Tensor) -> Tensor:
    """(B, C) to (B, C, 1, 1) in the precision of ``like``."""
    return values[:, :, None, None].to(like.dtype)


def _over_groups(values: Tensor, groups: int) -> Tensor:
    """(B, C) each channel gets the mean of its group."""
    means = torch.unflatten(values, 1, (groups, -1)).mean(dim=2)  # (B, groups)
    return means.repeat_interleave(values.shape[1] // groups, dim=1)


def _sums(x: Tensor) -> Tensor:
    """(B, C) sums over the pictures (B, C, H, W), on a CPU as a matrix product, in float32."""
    if x.is_cuda:  # where products may be rounded to ten bits
        return x.sum(dim=(2, 3))
    rows = x.permute(0, 2, 3, 1).flatten(1, 2)  # (B, H W, C)
    with torch.autocast(x.device.type, enabled=False):
        summed: Tensor = rows.new_ones(len(rows), 1, rows.shape[1]) @ rows
    return summed[:, 0]
