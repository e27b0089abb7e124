"""Landmarks of the result where those of the target are, as MediaPipe's frozen networks see both."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from enliven.topology import CHIN, FOREHEAD, INNER_LIPS, LEFT_EYE, OUTER_LIPS, RIGHT_EYE
from enliven.training.batches import Batch
from enliven.training.tflite_net import TfliteNet
from enliven.training.train_config import LossWeights

POINTS, MESH_SIDE = 468, 192
"""The mesh without attention; the tracker that measures results uses the one with it."""
EYE_POINTS, IRIS_POINTS, EYE_SIDE = 71, 5, 64
MESH = Path("mediapipe/modules/face_landmark/face_landmark.tflite")
EYE = Path("mediapipe/modules/iris_landmark/iris_landmark.tflite")
_MESH_MARGIN, _EYE_MARGIN = 1.5, 2.3
"""Sides of the squares that the networks read, in sides of what is looked for; as MediaPipe cuts them."""
_PARTS = 4.0
"""Weight of a point of eyes and lips; one of the rest has 1."""


class AnyLandmarkLoss(ABC):
    """Mean distance of landmarks that a network finds in result and target, in pixels of the squares that it reads."""

    name: str

    def __init__(self, weight: float, network: TfliteNet, counts: Tensor, device: torch.device) -> None:
        """``counts``: (N,) how much each of the network's points counts."""
        self.weight = weight
        self.network = network.to(device)
        self._shares = (counts / counts.sum()).to(device)

    def __call__(self, result: Tensor, batch: Batch, wanted: Tensor | None = None) -> Tensor:
        """See :class:`enliven.training.feature_nets.FeatureLoss`; ``wanted``: as :meth:`wanted` gave it, if known."""
        with torch.autocast(result.device.type, enabled=False):
            wanted = self.wanted(batch) if wanted is None else wanted
            distances = _apart(self._found(result, batch), wanted)
            return (distances * self._shares).sum(dim=1).mean()

    @torch.no_grad()
    def wanted(self, batch: Batch) -> Tensor:
        """(M B, 3 N) what the network finds in the targets, at the first place of all and then at the next."""
        return self._found(batch.target, batch)

    def _found(self, pictures: Tensor, batch: Batch) -> Tensor:
        with torch.autocast(pictures.device.type, enabled=False):
            return torch.cat(self.network(_cut(pictures, self._places(batch))), dim=1)

    @abstractmethod
    def _places(self, batch: Batch) -> Tensor:
        """(M B, side, side, 2) where to read M squares of each picture, in [-1, 1] units."""


class LandmarkLoss(AnyLandmarkLoss):
    """In pixels of a square of 192 around the face."""

    name = "landmarks"

    def __init__(self, weight: float, device: torch.device) -> None:
        counts = torch.ones(POINTS)
        counts[[*RIGHT_EYE, *LEFT_EYE, *OUTER_LIPS, *INNER_LIPS]] = _PARTS
        super().__init__(weight, TfliteNet(MESH, [3 * POINTS]), counts, device)

    def _places(self, batch: Batch) -> Tensor:
        return face_squares(batch.points, batch.size)


class EyeLandmarkLoss(AnyLandmarkLoss):
    """Of lids, brows and irises, in pixels of a square of 64 around each eye: all right eyes and then all left ones."""

    name = "eye_landmarks"

    def __init__(self, weight: float, device: torch.device) -> None:
        network = TfliteNet(EYE, [3 * EYE_POINTS, 3 * IRIS_POINTS])
        super().__init__(weight, network, torch.ones(EYE_POINTS + IRIS_POINTS), device)

    def _places(self, batch: Batch) -> Tensor:
        right, left = (eye_squares(batch.points, eye, batch.size) for eye in (RIGHT_EYE, LEFT_EYE))
        return torch.cat([right, left.flip(2)])  # the network knows one eye, and the other one in a mirror


def landmark_losses(weights: LossWeights, device: torch.device) -> list[AnyLandmarkLoss]:
    """Those that have a weight."""
    found: list[AnyLandmarkLoss] = []
    if weights.landmarks:
        found.append(LandmarkLoss(weights.landmarks, device))
    if weights.eye_landmarks:
        found.append(EyeLandmarkLoss(weights.eye_landmarks, device))
    return found


def _apart(seen: Tensor, wanted: Tensor) -> Tensor:
    """(M B, N) distances in the picture's plane."""
    plane = (seen - wanted).unflatten(1, (-1, 3))[..., :2]  # type: ignore[no-untyped-call]
    distances: Tensor = plane.square().sum(dim=-1).add(1e-4).sqrt()
    return distances


def face_squares(points: Tensor, size: int) -> Tensor:
    """(B, 192, 192, 2) where to read a square turned with each face, in [-1, 1] units of the picture.

    ``points``: (B, 478, 2) landmarks in pixels of a picture of ``size``.
    """
    across = points[:, LEFT_EYE[0]] - points[:, RIGHT_EYE[0]]
    down = points[:, CHIN] - points[:, FOREHEAD]
    right = across + torch.stack([down[:, 1], -down[:, 0]], dim=1)
    return _squares(points, right, _MESH_MARGIN, MESH_SIDE, size)


def eye_squares(points: Tensor, eye: tuple[int, ...], size: int) -> Tensor:
    """(B, 64, 64, 2) the same around one eye, turned with the line between the eyes."""
    across = points[:, LEFT_EYE[0]] - points[:, RIGHT_EYE[0]]
    return _squares(points[:, [eye[0], eye[8]]], across, _EYE_MARGIN, EYE_SIDE, size)


def _squares(points: Tensor, right: Tensor, margin: float, side: int, size: int) -> Tensor:
    """(B, side, side, 2) squares around all of the points (B, N, 2) whose rows run along ``right`` (B, 2)."""
    right = F.normalize(right, dim=1)
    axes = torch.stack([right, torch.stack([-right[:, 1], right[:, 0]], dim=1)], dim=1)  # (B, 2, 2)
    turned = points @ axes.transpose(1, 2)
    low, high = turned.amin(dim=1), turned.amax(dim=1)
    half = margin / 2 * (high - low).amax(dim=1).clamp(min=4.0)
    centre = torch.einsum("bk,bkc->bc", (low + high) / 2, axes)
    steps = (torch.arange(side, device=points.device) + 0.5) * (2.0 / side) - 1.0
    offsets = half[:, None, None] * axes  # rows: one half side along and across
    places = (
        centre[:, None, None]
        + steps[None, None, :, None] * offsets[:, 0][:, None, None]
        + steps[None, :, None, None] * offsets[:, 1][:, None, None]
    )
    return (2.0 * places + 1.0) / size - 1.0


def _cut(pictures: Tensor, grid: Tensor) -> Tensor:
    """In shades of grey and a little soft: fringes of colour and checkerboards move landmarks as well as lids do."""
    grey = pictures.float().mean(dim=1, keepdim=True)
    soft = F.avg_pool2d(grey, 3, stride=1, padding=1, count_include_pad=False)
    places = soft.repeat(len(grid) // len(soft), 1, 1, 1)
    return F.grid_sample(places, grid, padding_mode="border", align_corners=False).expand(-1, 3, -1, -1)
