"""The norms with a backward pass of our own are torch's, in value and in gradient."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from enliven.model.norms import GroupNorm, adaptive_norm


def plain_adaptive_norm(x: Tensor, style: Tensor) -> Tensor:
    gain, shift = style.chunk(2, dim=1)
    deviation, mean = torch.var_mean(x, dim=(2, 3), unbiased=False, keepdim=True)
    return (x - mean) * torch.rsqrt(deviation + 1e-5) * (1 + gain[..., None, None]) + shift[..., None, None]


def gradients(norm: Callable[..., Tensor], *inputs: Tensor) -> list[Tensor]:
    own = [each.clone().requires_grad_() for each in inputs]
    weights = torch.randn(inputs[0].shape, generator=torch.Generator().manual_seed(3))
    (norm(*own).float() * weights).sum().backward()
    return [each.grad for each in own if each.grad is not None]


@pytest.fixture
def pictures() -> Tensor:
    torch.manual_seed(1)
    return (3 * torch.randn(2, 16, 12, 10) + 1).contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("styles", [1, 2])
def test_adaptive_norm_is_what_its_formula_says(pictures: Tensor, styles: int) -> None:
    style = torch.randn(styles, 32)
    assert torch.allclose(adaptive_norm(pictures, style), plain_adaptive_norm(pictures, style), atol=1e-4)
    ours, theirs = (gradients(norm, pictures, style) for norm in (adaptive_norm, plain_adaptive_norm))
    for mine, wanted in zip(ours, theirs, strict=True):
        assert torch.allclose(mine, wanted, rtol=1e-3, atol=1e-4)


def test_group_norm_is_torchs(pictures: Tensor) -> None:
    ours, theirs = GroupNorm(4, 16), nn.GroupNorm(4, 16)
    for parameter in ours.parameters():
        nn.init.normal_(parameter)
    theirs.load_state_dict(ours.state_dict())
    assert torch.allclose(ours(pictures), theirs(pictures), atol=1e-5)
    found = [*gradients(ours, pictures), *(p.grad for p in ours.parameters())]
    wanted = [*gradients(theirs, pictures), *(p.grad for p in theirs.parameters())]
    for mine, other in zip(found, wanted, strict=True):
        assert mine is not None
        assert other is not None
        assert torch.allclose(mine, other, rtol=1e-3, atol=1e-4)


def test_bf16_keeps_its_statistics_in_float32(pictures: Tensor) -> None:
    half = (pictures + 40).bfloat16()
    wanted = plain_adaptive_norm(half.float(), torch.zeros(1, 32))
    found = adaptive_norm(half, torch.zeros(1, 32))
    assert found.dtype == torch.bfloat16
    assert (found.float() - wanted).abs().mean() < 0.1
    assert found.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_norms_channels_last_pictures_as_a_cpu_does(pictures: Tensor) -> None:
    """Training and fitting ended here: CUDA's kernel takes no such pictures."""
    style = torch.randn(2, 32)
    assert torch.allclose(
        adaptive_norm(pictures.cuda(), style.cuda()).cpu(), adaptive_norm(pictures, style), atol=1e-4
    )
    wanted = gradients(adaptive_norm, pictures, style)
    moved = [each.cuda().requires_grad_() for each in (pictures, style)]
    weights = torch.randn(pictures.shape, generator=torch.Generator().manual_seed(3)).cuda()
    (adaptive_norm(*moved).float() * weights).sum().backward()
    for mine, other in zip(moved, wanted, strict=True):
        assert mine.grad is not None
        assert torch.allclose(mine.grad.cpu(), other, rtol=1e-3, atol=1e-4)
