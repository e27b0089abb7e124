"""The exported graphs compute what the torch modules compute, for any number of photos."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from enliven.model.checkpoint import Checkpoint, networks_of
from enliven.model.config import ModelConfig, preset
from enliven.model.export import ABOUT, ENCODE, FRAME, FRAME_OUTPUTS, export_onnx
from enliven.model.talker import build_talker
from enliven.types import Floats

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

SMALL = {"size": 64, "channels": 8, "max_channels": 32, "embedding": 32}
CONFIGS = {
    "hybrid": replace(
        preset("hybrid"),
        **SMALL,
        source_channels=(8, 16, 16),
        motion_channels=8,
        decoder_channels=(8, 16, 16),
    ),
    "paper": replace(preset("paper"), **SMALL),
}


def run(path: Path, inputs: dict[str, Floats]) -> dict[str, Floats]:
    session = onnxruntime.InferenceSession(str(path))
    known = {one.name for one in session.get_inputs()}
    names = [one.name for one in session.get_outputs()]
    outputs = session.run(None, {name: value for name, value in inputs.items() if name in known})
    return dict(zip(names, outputs, strict=True))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_graphs_and_modules_agree_for_one_photo_and_for_many(config: ModelConfig, tmp_path: Path) -> None:
    torch.manual_seed(3)
    talker = build_talker(config)
    for parameter in talker.parameters():  # also those that begin at zero have something to say
        parameter.data += 0.02 * torch.randn_like(parameter)
    checkpoint = Checkpoint(config, talker.state_dict(), step=5)
    export_onnx(checkpoint, tmp_path)
    assert json.loads((tmp_path / ABOUT).read_text())["config"]["preset"] == config.preset
    networks = networks_of(checkpoint, "test")
    random = np.random.default_rng(0)
    for shots in (1, 4):
        photos = random.uniform(-1, 1, (shots, 3, 64, 64)).astype(np.float32)
        flow = random.uniform(-0.1, 0.1, (shots, 32, 32, 2)).astype(np.float32)
        layers = random.uniform(0, 0.5, (shots, 4, 64, 64)).astype(np.float32)
        drawing = photos[0] * 0.5
        person = run(tmp_path / ENCODE, {"photos": photos, "drawings": -photos})
        guess = {"guessed_flow": flow, "guessed_layers": layers}
        inputs = {"photos": photos, "drawing": drawing, **guess, **person}
        made = run(tmp_path / FRAME, inputs)
        tensors = [torch.from_numpy(x)[None] for x in (photos, -photos, drawing, flow, layers)]
        with torch.no_grad():
            _, frame = networks(*tensors)
        for name in FRAME_OUTPUTS:
            wanted = getattr(frame, name)[0].numpy().reshape(made[name].shape)
            assert np.abs(made[name] - wanted).max() < 2e-4, name
