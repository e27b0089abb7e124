"""The face mesh in torch is MediaPipe's, and its loss is small where landmarks lie right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openvino as ov
import pytest
import torch
from torch.nn import functional as F

from enliven.assets import builtin_photo
from enliven.errors import TrainingError
from enliven.face.landmarker import open_landmarker
from enliven.face.mediapipe_graph import package_folder
from enliven.media.image import read_photo
from enliven.topology import RIGHT_EYE
from enliven.training.batches import Batch
from enliven.training.landmark_loss import (
    EYE,
    MESH,
    MESH_SIDE,
    POINTS,
    EyeLandmarkLoss,
    LandmarkLoss,
    eye_squares,
    face_squares,
)
from enliven.training.tflite_net import TfliteNet

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def network() -> TfliteNet:
    return LandmarkLoss(1.0, CPU).network


@pytest.fixture(scope="module")
def batch() -> Batch:
    """The built-in photo as the target."""
    photo = read_photo(builtin_photo())
    with open_landmarker() as landmarker:
        (face,) = landmarker.detect(photo)
    side = min(photo.shape[:2])
    target = torch.from_numpy(photo[:side, :side].copy()).permute(2, 0, 1)[None] / 127.5 - 1.0
    target = F.interpolate(target, size=(256, 256), mode="area")
    points = torch.from_numpy((face.xy + 0.5) * (256 / side) - 0.5)[None].float()
    empty = torch.zeros(1)
    return Batch(empty, empty, target, empty, points, empty, empty, empty, empty, empty)


@pytest.mark.parametrize(("path", "side", "numbers"), [(MESH, 192, [1404]), (EYE, 64, [213, 15])])
def test_the_networks_find_what_the_models_in_the_wheel_find(
    path: Path, side: int, numbers: list[int]
) -> None:
    core = ov.Core()
    run = core.compile_model(
        core.read_model(package_folder() / path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    picture = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0)) * 2 - 1
    results = run(((picture.permute(0, 2, 3, 1) + 1) / 2).numpy())
    wanted = {np.asarray(value).size: np.asarray(value).ravel() for value in results.values()}
    for count, found in zip(numbers, TfliteNet(path, numbers)(picture), strict=True):
        np.testing.assert_allclose(found[0].numpy(), wanted[count], atol=0.02)


def test_landmarks_lie_where_the_tracker_finds_them(network: TfliteNet, batch: Batch) -> None:
    grid = face_squares(batch.points, 256)
    (seen,) = network(F.grid_sample(batch.target, grid, padding_mode="border", align_corners=False))
    seen = seen.reshape(1, POINTS, 3)[..., :2]
    places = F.grid_sample(grid.permute(0, 3, 1, 2), (2 * seen[:, None] / MESH_SIDE - 1), align_corners=False)
    found = ((places[0, :, 0].T + 1) * 256 - 1) / 2
    assert float((found - batch.points[0, :POINTS]).norm(dim=1).mean()) < 2.0


def _side_px(grid: torch.Tensor) -> float:
    """Of a square, in pixels of the picture of 256."""
    count = grid.shape[2]
    return float((grid[0, 0, -1] - grid[0, 0, 0]).norm()) * 128 * count / (count - 1)


@pytest.mark.parametrize("kind", [LandmarkLoss, EyeLandmarkLoss])
def test_a_moved_face_costs_what_it_moved_and_the_loss_can_be_learned_from(
    kind: type[LandmarkLoss] | type[EyeLandmarkLoss], batch: Batch
) -> None:
    loss = kind(1.0, CPU)
    assert float(loss(batch.target, batch)) < 0.05
    moved = torch.roll(batch.target, 2, dims=3).requires_grad_()
    cost = loss(moved, batch)
    grid = face_squares(batch.points, 256)
    if kind is EyeLandmarkLoss:
        grid = eye_squares(batch.points, RIGHT_EYE, 256)
    assert float(cost) == pytest.approx(2 * grid.shape[1] / _side_px(grid), rel=0.4)
    cost.backward()  # type: ignore[no-untyped-call]
    assert moved.grad is not None
    stepped = moved.detach() - 0.05 * moved.grad / moved.grad.abs().max()
    assert float(loss(stepped, batch)) < float(cost)


def test_a_model_that_is_none_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "mesh.tflite"
    broken.write_bytes(b"nothing")
    with pytest.raises(TrainingError, match=r"mesh\.tflite cannot be read"):
        TfliteNet(broken, [3])
