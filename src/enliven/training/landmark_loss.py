"""Landmarks of the result where those of the target are, as a frozen face mesh sees both."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from enliven.topology import INNER_LIPS, LEFT_EYE, OUTER_LIPS, RIGHT_EYE
from enliven.training.batches import Batch
from enliven.training.face_mesh_net import POINTS, SIDE, FaceMeshNet

_FOREHEAD, _CHIN = 10, 152
_MARGIN = 1.5
"""Side of the square that the mesh reads, in sides of the face's box; as MediaPipe cuts it."""
_PARTS = 4.0
"""Weight of a point of eyes and lips; one of the rest has 1."""


class LandmarkLoss:
    """Mean distance of landmarks in result and target, in pixels of a square of 192 around the face."""

    name = "landmarks"

    def __init__(self, network: FaceMeshNet, weight: float, device: torch.device) -> None:
        self.weight = weight
        self._network = network.to(device).eval().requires_grad_(False)
        weights = torch.ones(POINTS)
        weights[[*RIGHT_EYE, *LEFT_EYE, *OUTER_LIPS, *INNER_LIPS]] = _PARTS
        self._weights = (weights / weights.sum()).to(device)

    def __call__(self, result: Tensor, batch: Batch) -> Tensor:
        """See :class:`enliven.training.feature_nets.FeatureLoss`."""
        grid = face_squares(batch.points, batch.size)
        with torch.autocast(result.device.type, enabled=False):
            seen = self._network(_cut(result, grid))
            with torch.no_grad():
                wanted = self._network(_cut(batch.target, grid))
            distances = (seen - wanted)[..., :2].square().sum(dim=-1).add(1e-4).sqrt()
            weighed: Tensor = (distances * self._weights).sum(dim=1)
            return weighed.mean()


def face_squares(points: Tensor, size: int) -> Tensor:
    """(B, SIDE, SIDE, 2) where to read a square turned with each face, in [-1, 1] units of the picture.

    ``points``: (B, 478, 2) landmarks in pixels of a picture of ``size``.
    """
    across = points[:, LEFT_EYE[0]] - points[:, RIGHT_EYE[0]]
    down = points[:, _CHIN] - points[:, _FOREHEAD]
    right = F.normalize(across + torch.stack([down[:, 1], -down[:, 0]], dim=1), dim=1)  # (B, 2)
    axes = torch.stack([right, torch.stack([-right[:, 1], right[:, 0]], dim=1)], dim=1)  # (B, 2, 2)
    turned = points @ axes.transpose(1, 2)
    low, high = turned.amin(dim=1), turned.amax(dim=1)
    half = _MARGIN / 2 * (high - low).amax(dim=1)
    centre = torch.einsum("bk,bkc->bc", (low + high) / 2, axes)
    steps = (torch.arange(SIDE, device=points.device) + 0.5) * (2.0 / SIDE) - 1.0
    offsets = half[:, None, None] * axes  # rows: one half side along and across the face
    places = (
        centre[:, None, None]
        + steps[None, None, :, None] * offsets[:, 0][:, None, None]
        + steps[None, :, None, None] * offsets[:, 1][:, None, None]
    )
    return (2.0 * places + 1.0) / size - 1.0


def _cut(pictures: Tensor, grid: Tensor) -> Tensor:
    return F.grid_sample(pictures.float(), grid, padding_mode="border", align_corners=False)
