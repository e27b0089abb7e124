"""The losses, one a function. Pictures are (B, 3, H, W) float32 in [-1, 1]; each gives a scalar tensor."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def pixels(result: Tensor, target: Tensor, importance: Tensor, scales: int = 4) -> Tensor:
    """L1 at halving scales, weighed by ``importance`` (B, 1, H, W); mean over pixels and scales."""
    total = result.new_zeros(())
    for scale in range(scales):
        if scale:
            result, target, importance = (F.avg_pool2d(x, 2) for x in (result, target, importance))
        total = total + weighed_l1(result, target, importance)
    return total / scales


def weighed_l1(picture: Tensor, target: Tensor, importance: Tensor) -> Tensor:
    """Mean absolute difference, weighed by ``importance`` (B, 1, H, W)."""
    return ((picture - target).abs() * importance).sum() / (3.0 * importance.sum())


def painted(mask: Tensor) -> Tensor:
    """Share of the picture that is synthesised. ``mask``: (B, 1, H, W), 1 shows the photo."""
    return 1.0 - mask.mean()


def crop_of(result: Tensor, target: Tensor, boxes: Tensor, side: int = 48) -> Tensor:
    """L1 and L1 of the edges inside a box of each picture, brought to ``side`` x ``side``.

    ``boxes``: (B, 3) centre x, centre y and half side in [-1, 1] units of the picture.
    """
    a, b = cut(result, boxes, side), cut(target, boxes, side)
    edges = (_across(a) - _across(b)).abs().mean() + (_down(a) - _down(b)).abs().mean()
    return (a - b).abs().mean() + edges


def edges(result: Tensor, target: Tensor) -> Tensor:
    """L1 of the differences between neighbours, across and down: what a checkerboard has and a face has not."""
    across = (_across(result) - _across(target)).abs().mean()
    return across + (_down(result) - _down(target)).abs().mean()


def cut(pictures: Tensor, boxes: Tensor, side: int, side_y: int | None = None) -> Tensor:
    """(B, 3, side_y, side) the boxes (B, 3) or (B, 4: with half width and half height) cut out; differentiable."""
    half_x, half_y = boxes[:, 2], boxes[:, -1]
    zero = torch.zeros_like(half_x)
    rows = [half_x, zero, boxes[:, 0], zero, half_y, boxes[:, 1]]
    matrix = torch.stack(rows, dim=1).unflatten(1, (2, 3)).float()  # type: ignore[no-untyped-call]
    grid = F.affine_grid(matrix, [len(boxes), 3, side_y or side, side], align_corners=False)
    return F.grid_sample(pictures.float(), grid, padding_mode="border", align_corners=False)


def relative_features(result: Sequence[Tensor], target: Sequence[Tensor]) -> Tensor:
    """Mean over layers of: mean absolute difference over mean absolute value of the target's."""
    pairs = [(a.float(), b.float()) for a, b in zip(result, target, strict=True)]
    return torch.stack([(a - b).abs().mean() / (b.abs().mean() + 1e-6) for a, b in pairs]).mean()


def absolute_features(result: Sequence[Tensor], target: Sequence[Tensor]) -> Tensor:
    """Sum over layers of the mean absolute difference: L_CNT of the paper, per network."""
    pairs = zip(result, target, strict=True)
    return torch.stack([(a.float() - b.float()).abs().mean() for a, b in pairs]).sum()


def hinge_for_generator(fake_scores: Tensor) -> Tensor:
    """-r: L_ADV of the paper. ``fake_scores``: (B,)."""
    return -fake_scores.mean()


def hinge_for_discriminator(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """relu(1 - r) + relu(1 + r_hat); 2 at chance. Scores are (B,)."""
    return F.relu(1.0 - real_scores).mean() + F.relu(1.0 + fake_scores).mean()


def feature_matching(fake: Sequence[Tensor], real: Sequence[Tensor]) -> Tensor:
    """L_FM: L1 of the discriminator's features, mean over its blocks; the real ones are given."""
    each = [(a.float() - b.detach().float()).abs().mean() for a, b in zip(fake, real, strict=True)]
    return torch.stack(each).mean()


def match(embedding: Tensor, rows: Tensor) -> Tensor:
    """L_MCH: |e - W_i|, (B, E) twice. W_i is given: it learns from the discriminator alone."""
    return (embedding - rows.detach()).abs().mean()


def _across(x: Tensor) -> Tensor:
    return x[..., 1:] - x[..., :-1]


def _down(x: Tensor) -> Tensor:
    return x[..., 1:, :] - x[..., :-1, :]
