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
from enliven.training.batches import Batch
from enliven.training.face_mesh_net import POINTS, SIDE, FaceMeshNet
from enliven.training.landmark_loss import LandmarkLoss, face_squares

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def network() -> FaceMeshNet:
    return FaceMeshNet()


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
    return Batch(empty, empty, target, empty, points, empty, empty, empty, empty)


def test_the_network_finds_what_the_model_in_the_wheel_finds(network: FaceMeshNet) -> None:
    path = package_folder() / "mediapipe/modules/face_landmark/face_landmark.tflite"
    core = ov.Core()
    run = core.compile_model(core.read_model(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    picture = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)) * 2 - 1
    found = run(((picture.permute(0, 2, 3, 1) + 1) / 2).numpy())
    wanted = next(np.asarray(value) for value in found.values() if np.asarray(value).size == 3 * POINTS)
    np.testing.assert_allclose(network(picture)[0].numpy(), wanted.reshape(POINTS, 3), atol=0.02)


def test_landmarks_lie_where_the_tracker_finds_them(network: FaceMeshNet, batch: Batch) -> None:
    grid = face_squares(batch.points, 256)
    seen = network(F.grid_sample(batch.target, grid, padding_mode="border", align_corners=False))[..., :2]
    places = F.grid_sample(grid.permute(0, 3, 1, 2), (2 * seen[:, None] / SIDE - 1), align_corners=False)
    found = ((places[0, :, 0].T + 1) * 256 - 1) / 2
    assert float((found - batch.points[0, :POINTS]).norm(dim=1).mean()) < 2.0


def test_a_moved_face_costs_what_it_moved_and_the_loss_can_be_learned_from(
    network: FaceMeshNet, batch: Batch
) -> None:
    loss = LandmarkLoss(network, 1.0, CPU)
    assert float(loss(batch.target, batch)) < 0.05
    moved = torch.roll(batch.target, 6, dims=3).requires_grad_()
    cost = loss(moved, batch)
    first, last = face_squares(batch.points, 256)[0, 0, [0, -1]]
    side_px = float((last - first).norm()) * 128 * SIDE / (SIDE - 1)
    assert float(cost) == pytest.approx(6 * SIDE / side_px, rel=0.15)
    cost.backward()  # type: ignore[no-untyped-call]
    assert moved.grad is not None
    stepped = moved.detach() - 0.05 * moved.grad / moved.grad.abs().max()
    assert float(loss(stepped, batch)) < float(cost)


def test_a_model_that_is_none_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "mesh.tflite"
    broken.write_bytes(b"nothing")
    with pytest.raises(TrainingError, match=r"mesh\.tflite cannot be read"):
        FaceMeshNet(broken)
