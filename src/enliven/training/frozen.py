"""Bricks of networks that judge others and do not learn themselves."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F


class _FrozenPReLU(torch.autograd.Function):
    """PReLU whose slopes do not learn: torch's own backward pass also works out their gradient, element by element."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, slopes: Tensor) -> Tensor:
        ctx.save_for_backward(x, slopes)
        return F.prelu(x, slopes)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        x, slopes = ctx.saved_tensors
        above = torch.ops.aten.threshold_backward(gradient, x, 0)  # where x > 0
        return torch.addcmul(above, slopes.view(-1, 1, 1), gradient - above), None


def frozen_prelu(x: Tensor, slopes: Tensor) -> Tensor:
    """(B, C, H, W): x where it is above 0, elsewhere x times its channel's slope (C,)."""
    found: Tensor = _FrozenPReLU.apply(x, slopes.to(x.dtype))  # type: ignore[no-untyped-call]
    return found
