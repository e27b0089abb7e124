"""Landmark correspondences -> dense flow, with nothing learned: the networks' first guess, in torch.

The engine that ships without weights has a finer one of its own (`warp_engine`); this one is batched,
differentiable and cheap, made to be corrected by the motion net.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from enliven.topology import CONTOURS

SIGMAS = (0.25, 0.06, 0.03)
"""Widths of the three passes, in half crop sides."""
_FLOOR = 1e-3
"""Weight below which a pass fades instead of reaching to infinity."""

FLOW_POINTS = tuple(sorted({*CONTOURS, *range(0, 468, 9)}))
"""All contour points and every ninth of the rest."""


def normalised(points: Tensor, size: int) -> Tensor:
    """(..., 2) crop pixels (centres at whole numbers) to [-1, 1], as `grid_sample` without aligned corners."""
    return (2.0 * points + 1.0) / size - 1.0


def identity_grid(side: int, device: torch.device | None = None) -> Tensor:
    """(side, side, 2) the place of every cell in [-1, 1], x first."""
    axis = (2.0 * torch.arange(side, device=device, dtype=torch.float32) + 1.0) / side - 1.0
    return torch.stack(torch.meshgrid(axis, axis, indexing="xy"), dim=-1)


class CoarseFlow(nn.Module):
    """Affine fit of the landmarks, then the rest spread by normalised Gaussians in three passes."""

    axis: Tensor
    grid: Tensor
    chosen: Tensor

    def __init__(self, crop_size: int) -> None:
        super().__init__()
        self.crop_size = crop_size
        side = crop_size // 4
        self.register_buffer("grid", identity_grid(side), persistent=False)
        self.register_buffer("axis", identity_grid(side)[0, :, 0].clone(), persistent=False)
        self.register_buffer("chosen", torch.tensor(FLOW_POINTS), persistent=False)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """(B, K, g, g, 2): for every target cell, where to read in source k minus where it is, in [-1, 1] units.

        ``source``: (B, K, 478, 2), ``target``: (B, 478, 2), both in crop pixels; g = crop / 4.
        """
        x = normalised(source.float()[:, :, self.chosen, :2], self.crop_size)  # (B, K, N, 2)
        y = normalised(target.float()[:, None, self.chosen, :2], self.crop_size)  # (B, 1, N, 2)
        turn, shift = _affine(y, x)  # (B, K, 2, 2), (B, K, 1, 2)
        residual = x - (y @ turn + shift)
        flow = self.grid.flatten(0, 1) @ turn + shift  # (B, K, g g, 2)
        flow = torch.unflatten(flow, 2, self.grid.shape[:2]) - self.grid
        for sigma in SIGMAS:
            flow = flow + self._spread(y, residual, sigma)
            residual = residual - _at_points(y, residual, sigma)
        return flow

    def _spread(self, places: Tensor, values: Tensor, sigma: float) -> Tensor:
        """(B, K, g, g, 2). A Gaussian is a product of its axes, so this is two thin matrix products."""
        across = _gaussian(self.axis[:, None] - places[:, :, None, :, 0], sigma)  # (B, 1, g, N)
        along = _gaussian(self.axis[:, None] - places[:, :, None, :, 1], sigma)  # (B, 1, g, N)
        weight = along @ across.transpose(-1, -2) + _FLOOR  # (B, 1, g, g)
        sums = [(along * values[:, :, None, :, i]) @ across.transpose(-1, -2) for i in (0, 1)]
        return torch.stack(sums, dim=-1) / weight[..., None]


def _gaussian(distance: Tensor, sigma: float) -> Tensor:
    return torch.exp(distance * distance * (-0.5 / sigma**2))


def _at_points(places: Tensor, values: Tensor, sigma: float) -> Tensor:
    """(B, K, N, 2) what a pass gives at the landmarks themselves."""
    difference = places[:, :, :, None] - places[:, :, None]  # (B, 1, N, N, 2)
    weight = _gaussian(difference[..., 0], sigma) * _gaussian(difference[..., 1], sigma)
    return (weight @ values) / (weight.sum(dim=-1, keepdim=True) + _FLOOR)


def _affine(places: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """The least-squares ``places @ turn + shift = values``; 2 x 2 inverted by hand, so that it exports."""
    mean_p, mean_v = places.mean(dim=2, keepdim=True), values.mean(dim=2, keepdim=True)
    p, v = places - mean_p, values - mean_v
    c = p.transpose(-1, -2) @ p  # (B, 1, 2, 2)
    c00, c01, c11 = c[..., 0, 0] + 1e-6, c[..., 0, 1], c[..., 1, 1] + 1e-6
    determinant = c00 * c11 - c01 * c01
    rows = torch.stack([c11, -c01, -c01, c00], dim=-1) / determinant[..., None]
    turn = torch.unflatten(rows, -1, (2, 2)) @ (p.transpose(-1, -2) @ v)  # (B, K, 2, 2)
    return turn, mean_v - mean_p @ turn
