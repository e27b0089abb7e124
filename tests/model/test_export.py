"""The exported graphs compute what the torch modules compute, for any number of photos."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.synthetic_face import draw_face

from enliven.compositing.paste import Paster
from enliven.errors import ModelError
from enliven.geometry import Similarity
from enliven.model.checkpoint import Checkpoint, load_checkpoint, networks_of, save_checkpoint
from enliven.model.config import ModelConfig, preset
from enliven.model.export import FRAME_OUTPUTS, export_onnx
from enliven.model.guess import Guess, GuessReader
from enliven.model.hybrid_engine import HybridEngine
from enliven.model.runtime import ENCODE, FRAME, WEIGHTS, Graphs
from enliven.model.talker import build_talker
from enliven.model.talking_head import TalkingHead
from enliven.model.warp_engine import WarpEngine
from enliven.model.weights_file import read_about
from enliven.types import FaceCrop, Floats, Landmarks

pytest.importorskip("onnx")

SMALL = {"size": 64, "channels": 8, "max_channels": 32, "embedding": 32}
HYBRID = replace(
    preset("hybrid"), **SMALL, source_channels=(8, 16, 16), motion_channels=8, decoder_channels=(8, 16, 16)
)
CONFIGS = {"hybrid": HYBRID, "paper": replace(preset("paper"), **SMALL)}


def checkpoint_of(config: ModelConfig) -> Checkpoint:
    torch.manual_seed(3)
    talker = build_talker(config)
    for parameter in talker.parameters():  # also those that begin at zero have something to say
        parameter.data += 0.02 * torch.randn_like(parameter)
    return Checkpoint(config, talker.state_dict(), step=5, training={"steps": 7})


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    export_onnx(checkpoint_of(HYBRID), folder)
    return folder


def run(path: Path, inputs: dict[str, Floats]) -> dict[str, Floats]:
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(str(path))
    known = {one.name for one in session.get_inputs()}
    names = [one.name for one in session.get_outputs()]
    outputs = session.run(None, {name: value for name, value in inputs.items() if name in known})
    return dict(zip(names, outputs, strict=True))


def an_episode(shots: int) -> tuple[Floats, Floats, Floats, Floats]:
    """photos, drawing, guessed flow and layers"""
    random = np.random.default_rng(0)
    photos = random.uniform(-1, 1, (shots, 3, 64, 64)).astype(np.float32)
    flow = random.uniform(-0.1, 0.1, (shots, 32, 32, 2)).astype(np.float32)
    layers = random.uniform(0, 0.5, (shots, 4, 64, 64)).astype(np.float32)
    return photos, photos[0] * np.float32(0.5), flow, layers


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_graphs_and_modules_agree_for_one_photo_and_for_many(config: ModelConfig, tmp_path: Path) -> None:
    export_onnx(checkpoint_of(config), tmp_path)
    networks = networks_of(load_checkpoint(tmp_path / WEIGHTS), "test")
    for shots in (1, 4):
        photos, drawing, flow, layers = an_episode(shots)
        person = run(tmp_path / ENCODE, {"photos": photos, "drawings": -photos})
        guess = {
            "guessed_flow": flow,
            "guessed_layers": layers,
            "prior": np.zeros((shots, 16, 16), np.float32),
        }
        made = run(tmp_path / FRAME, {"photos": photos, "drawing": drawing, **guess, **person})
        tensors = [torch.from_numpy(x)[None] for x in (photos, -photos, drawing, flow, layers)]
        with torch.no_grad():
            _, frame = networks(*tensors)
        for name in FRAME_OUTPUTS:
            wanted = getattr(frame, name)[0].numpy().reshape(made[name].shape)
            assert np.abs(made[name] - wanted).max() < 2e-4, name


@pytest.mark.parametrize("shots", [1, 3])
def test_the_product_runtime_agrees_with_torch_as_far_as_eyes_can_tell(exported: Path, shots: int) -> None:
    graphs = Graphs(exported)
    photos, drawing, flow, layers = an_episode(shots)
    guesses = [Guess(*each) for each in zip(flow, layers, strict=True)]
    frame = graphs.frame(graphs.encode(photos, -photos), drawing, guesses)
    networks = networks_of(load_checkpoint(exported / WEIGHTS), "test")
    with torch.no_grad():
        _, truth = networks(*(torch.from_numpy(x)[None] for x in (photos, -photos, drawing, flow, layers)))
    assert np.abs(frame.flow - truth.flow[0].numpy()).max() * 32 < 0.05  # px
    assert np.abs(frame.result - truth.result[0].numpy()).mean() * 127.5 < 1.0


def test_a_photo_that_has_not_come_in_yet_changes_nothing(exported: Path) -> None:
    graphs = Graphs(exported)
    photos, drawing, flow, layers = an_episode(2)
    people = [graphs.encode(photo[None], -photo[None]) for photo in photos]
    both = {key: np.concatenate([one[key] for one in people]) for key in people[0] if key != "psi"}
    guesses = [Guess(*each) for each in zip(flow, layers, strict=True)]
    prior = np.zeros((2, 16, 16), np.float32)
    alone = graphs.frame(people[0], drawing, guesses[:1])
    for share, most in ((1e-6, 0.02), (1.0, 10.0)):
        prior[1] = np.log(share)
        pair = graphs.frame(both | {"psi": people[0]["psi"]}, drawing, guesses, prior)
        assert np.abs(pair.result - alone.result).mean() < most
    assert np.abs(pair.result - alone.result).mean() > 0.05, "once it is in, it shows"


def test_the_engine_shows_what_the_torch_head_shows(exported: Path) -> None:
    photo, points = draw_face(64)
    _, target = draw_face(64, yaw_deg=8.0, mouth_open=0.4)
    crop = FaceCrop(Similarity(), 64)
    warp = WarpEngine(photo, Landmarks(points.astype(np.float32), (64, 64)))
    engine = HybridEngine(warp, crop, photo, Graphs(exported))
    rendering = engine.render(target.astype(np.float32))
    head = TalkingHead.from_checkpoint(exported / WEIGHTS)
    head.embed([photo], [points])
    wanted = head.render(target)
    shown = Paster(photo).paste(rendering).astype(float)
    inside = (slice(12, 52), slice(12, 52))  # the engine's say fades towards the border
    assert np.abs(shown - wanted.result)[inside].mean() < 2.0
    flow_px = GuessReader(crop).read(rendering).flow * 32
    assert np.abs(flow_px - wanted.flow[0])[6:26, 6:26].max() < 0.3


def test_the_weights_file_is_half_the_size_and_a_checkpoint_itself(exported: Path, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "full.safetensors", checkpoint_of(HYBRID))
    weights = exported / WEIGHTS
    assert weights.stat().st_size < 0.6 * (tmp_path / "full.safetensors").stat().st_size
    assert read_about(weights)["training"] == {"steps": 7}
    assert all(value.dtype == torch.float16 for value in load_checkpoint(weights).weights.values())


@pytest.mark.parametrize("damage", ["cut", "missing", "other"])
def test_damaged_weights_are_refused_with_the_reason(exported: Path, tmp_path: Path, damage: str) -> None:
    for name in (ENCODE, FRAME, WEIGHTS):
        (tmp_path / name).write_bytes((exported / name).read_bytes())
    weights = tmp_path / WEIGHTS
    if damage == "cut":
        weights.write_bytes(weights.read_bytes()[:-100])
    elif damage == "missing":
        weights.unlink()
    else:
        header = json.dumps({"__metadata__": {"enliven": json.dumps({"format": "else"})}}).encode()
        weights.write_bytes(struct.pack("<Q", len(header)) + header)
    with pytest.raises(
        ModelError, match={"cut": "shorter", "missing": "no weights", "other": "format"}[damage]
    ):
        Graphs(tmp_path)


def test_a_gpu_that_is_not_there_is_an_error(exported: Path) -> None:
    from enliven.model.runtime import devices

    if any(name.startswith("GPU") for name in devices()):
        pytest.skip("there is one")
    with pytest.raises(ModelError, match="No GPU"):
        Graphs(exported, device="gpu")
