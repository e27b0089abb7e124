"""What the machine can do: a large convolution in bf16, the yardstick of other figures."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

_CHANNELS, _SIDE, _PICTURES = 128, 128, 8


def reference_convolution(device: torch.device) -> tuple[nn.Module, Tensor]:
    """A 3 x 3 convolution, 128 to 128 channels, and what it reads: 8 x 128 x 128, channels last, bf16."""
    layer = nn.Conv2d(_CHANNELS, _CHANNELS, 3, padding=1, bias=False, device=device, dtype=torch.bfloat16)
    x = torch.randn(_PICTURES, _CHANNELS, _SIDE, _SIDE, device=device, dtype=torch.bfloat16)
    return layer.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def peak_tflops(device: torch.device) -> float:
    """Trillions of operations a second of the reference convolution, the best of eight."""
    layer, x = reference_convolution(device)
    work = 2 * _PICTURES * _CHANNELS * _CHANNELS * 9 * _SIDE**2
    with torch.no_grad():
        return max(work / _seconds(lambda: layer(x), device) for _ in range(8)) / 1e12


def _seconds(run: Callable[[], object], device: torch.device) -> float:
    start = time.perf_counter()
    run()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start
