"""Held-out episodes measured in passing: is the result better than the coarse warp and the still photo?"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from enliven.model.hybrid import laid_over, warp
from enliven.model.talker import Rendered
from enliven.training.batches import Batch


@torch.no_grad()
def validate(talker: nn.Module, batches: Sequence[Batch]) -> dict[str, float]:
    """Mean L1 (0..1), PSNR (dB) and SSIM of result, coarse warp and still photo, as `result.l1` and so on."""
    sums: dict[str, list[Tensor]] = {}
    for batch in batches:
        frame = render(talker, batch)
        for name, picture in candidates(frame, batch).items():
            for metric, values in measure(picture, batch.target).items():
                sums.setdefault(f"{name}.{metric}", []).append(values)
    return {name: float(torch.cat(values).mean()) for name, values in sums.items()}


def render(talker: nn.Module, batch: Batch) -> Rendered:
    """The frame of every episode."""
    frame: Rendered = talker(*batch.episode())[1]
    return frame


def candidates(frame: Rendered, batch: Batch) -> dict[str, Tensor]:
    """What is compared; the coarse warp and the still are those of the first photo."""
    still = batch.photos[:, 0]
    coarse = laid_over(warp(still, batch.flow[:, 0]), batch.layers[:, 0])
    return {"result": frame.result, "coarse": coarse, "still": still}


def measure(picture: Tensor, target: Tensor) -> dict[str, Tensor]:
    """(B,) L1, PSNR and SSIM of pictures (B, 3, H, W) in [-1, 1], on a scale of 0 to 1."""
    a, b = ((x.clamp(-1, 1) + 1.0) / 2.0 for x in (picture.float(), target.float()))
    squared = (a - b).square().mean(dim=(1, 2, 3)).clamp(min=1e-10)
    # Variances as differences of squares come out negative in bf16.
    with torch.autocast(a.device.type, enabled=False):
        similar = ssim(a, b)
    return {"l1": (a - b).abs().mean(dim=(1, 2, 3)), "psnr": -10.0 * squared.log10(), "ssim": similar}


def ssim(a: Tensor, b: Tensor) -> Tensor:
    """(B,) structural similarity (Wang et al. 2004): Gaussian of 11 pixels, sigma 1.5, no border."""
    axis = torch.arange(11, device=a.device, dtype=torch.float32) - 5.0
    line = torch.exp(axis.square() / (-2.0 * 1.5**2))
    line = line / line.sum()

    def smooth(x: Tensor) -> Tensor:
        folded = x.flatten(0, 1)[:, None]
        return F.conv2d(F.conv2d(folded, line[None, None, None, :]), line[None, None, :, None])

    mean_a, mean_b = smooth(a), smooth(b)
    var_a, var_b = smooth(a * a) - mean_a**2, smooth(b * b) - mean_b**2
    both = smooth(a * b) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    top = (2 * mean_a * mean_b + c1) * (2 * both + c2)
    values = top / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))
    return values.reshape(a.shape[0], -1).mean(dim=1)
