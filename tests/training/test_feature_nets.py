"""Feature networks: loaded from the user's files or refused, frozen, and open to the gradient."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tests.training.drawn_stream import SIZE, DrawnStream

from enliven.errors import TrainingError
from enliven.training.batches import Batch, make_batch
from enliven.training.feature_nets import load_feature_losses
from enliven.training.mobile_face_net import MobileFaceNet
from enliven.training.train_config import FeatureFiles, LossWeights
from enliven.training.vgg import VGG19, VGG_FACE, VggFeatures

SHARED = Path(__file__).parents[3] / "shared" / "weights"
CPU = torch.device("cpu")
WEIGHTS = LossWeights(landmarks=0.0, eye_landmarks=0.0)


def batch() -> Batch:
    return make_batch(next(DrawnStream()), emphasis=5.0, original_drawing=False)


@pytest.fixture(params=["teacher", "vgg19", "vggface"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> FeatureFiles:
    """Weights of the right shape, drawn at random."""
    torch.manual_seed(0)
    network = {
        "teacher": MobileFaceNet, "vgg19": lambda: VggFeatures(VGG19), "vggface": lambda: VggFeatures(VGG_FACE)
    }[request.param]()  # fmt: skip
    path = tmp_path / "weights.safetensors"
    save_file(network.state_dict(), str(path))
    return FeatureFiles(**{request.param: str(path)})


def test_the_gradient_reaches_the_picture_and_no_weight(files: FeatureFiles) -> None:
    (loss,), lacking = load_feature_losses(files, WEIGHTS, CPU)
    assert len(lacking) == 2
    seen = batch()
    assert float(loss(seen.target, seen)) == pytest.approx(0.0, abs=1e-6)
    picture = (seen.target * 0.5).requires_grad_()
    value = loss(picture, seen)
    value.backward()
    assert float(value.detach()) > 0
    assert picture.grad is not None
    assert picture.grad.abs().sum() > 0
    assert all(p.grad is None for p in loss.network.parameters())  # type: ignore[attr-defined]


def test_without_files_each_lack_is_said() -> None:
    found, lacking = load_feature_losses(FeatureFiles(), WEIGHTS, CPU)
    assert not found
    assert [word for word in ("teacher", "vgg19", "vggface") if not any(word in s for s in lacking)] == []


def test_wrong_files_are_refused(tmp_path: Path, files: FeatureFiles) -> None:
    with pytest.raises(TrainingError, match="not there"):
        load_feature_losses(FeatureFiles(teacher="/absent"), WEIGHTS, CPU)
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"nothing")
    with pytest.raises(TrainingError, match="not a safetensors"):
        load_feature_losses(FeatureFiles(vgg19=str(broken)), WEIGHTS, CPU)
    save_file({"a": torch.zeros(1)}, str(broken))
    with pytest.raises(TrainingError, match="do not fit"):
        load_feature_losses(FeatureFiles(teacher=str(broken)), WEIGHTS, CPU)


def test_vgg_taps_are_those_of_the_paper() -> None:
    for kind, widths in ((VGG19, [64, 128, 256, 512, 512]), (VGG_FACE, [64, 128, 256, 512, 512])):
        taps = VggFeatures(kind).taps(torch.zeros(1, 3, 64, 64))
        assert [tap.shape[1] for tap in taps] == widths
        assert [tap.shape[2] for tap in taps] == [64, 32, 16, 8, 4]


@pytest.mark.databank
def test_the_teacher_agrees_with_its_onnx_twin() -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    if not (SHARED / "mobilefacenet.onnx").exists():
        pytest.skip("no ../shared/weights")
    path = str(SHARED / "mobilefacenet.safetensors")
    (loss,), _ = load_feature_losses(FeatureFiles(teacher=path), WEIGHTS, CPU)
    faces = np.random.default_rng(0).uniform(-1, 1, (1, 3, 112, 96)).astype(np.float32)
    session = onnxruntime.InferenceSession(str(SHARED / "mobilefacenet.onnx"))
    expected = session.run(None, {session.get_inputs()[0].name: faces})[0]
    with torch.no_grad():
        ours = loss.network(torch.from_numpy(faces)).numpy()  # type: ignore[attr-defined]
    assert np.abs(ours - expected).max() < 1e-3 * np.abs(expected).max()


def test_folding_the_norms_away_changes_no_feature_and_no_gradient() -> None:
    torch.manual_seed(2)
    plain = MobileFaceNet()
    for name, value in plain.state_dict().items():
        if name.endswith(("running_mean", "running_var", "prelu.weight", "bn.weight")):
            value.uniform_(0.5, 1.5)
    folded = MobileFaceNet()
    folded.load_state_dict(plain.state_dict())
    folded.eval().requires_grad_(False).fold_norms()
    assert not [module for module in folded.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    faces = torch.rand(1, 3, 112, 96) * 2 - 1
    found = []
    for network in (plain.eval(), folded):
        picture = faces.clone().requires_grad_()
        taps = network.taps(picture)
        sum(tap.abs().mean() for tap in taps).backward()  # type: ignore[union-attr]
        assert picture.grad is not None
        found.append([*taps, picture.grad])
    for mine, wanted in zip(*found, strict=True):
        assert torch.allclose(mine, wanted, rtol=1e-3, atol=1e-5)


def test_landmark_losses_need_no_file() -> None:
    found, _ = load_feature_losses(FeatureFiles(), LossWeights(), CPU)
    assert [loss.name for loss in found] == ["landmarks", "eye_landmarks"]
    for loss in found:
        cost = loss(torch.zeros(2, 3, SIZE, SIZE, requires_grad=True), batch())
        assert torch.isfinite(cost)
