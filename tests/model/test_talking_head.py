"""NumPy in, NumPy out; embed once, render often."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.synthetic_face import draw_face

from enliven.errors import ModelError
from enliven.model.checkpoint import Checkpoint, save_checkpoint
from enliven.model.config import preset
from enliven.model.drawing import draw_conditioning
from enliven.model.talker import build_talker
from enliven.model.talking_head import TalkingHead, to_tensor, to_uint8

SIZE = 128
SMALL = {"size": SIZE, "channels": 8, "max_channels": 32, "embedding": 32}
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


@pytest.fixture(params=["hybrid", "paper"])
def head(request: pytest.FixtureRequest, tmp_path: Path) -> TalkingHead:
    torch.manual_seed(2)
    config = CONFIGS[request.param]
    save_checkpoint(tmp_path / "w.safetensors", Checkpoint(config, build_talker(config).state_dict()))
    return TalkingHead.from_checkpoint(tmp_path / "w.safetensors")


@pytest.mark.parametrize("shots", [1, 2])
def test_a_person_is_embedded_once_and_rendered_often(head: TalkingHead, shots: int) -> None:
    photos, points = zip(*(draw_face(SIZE, yaw_deg=10.0 * k) for k in range(shots)), strict=True)
    embedding = head.embed(photos, points)
    assert embedding.shape == (32,)
    _, target = draw_face(SIZE, yaw_deg=15.0, mouth_open=0.5)
    first, again = head.render(target), head.render(target)
    assert first.result.shape == first.synthesis.shape == (SIZE, SIZE, 3)
    assert first.result.dtype == np.uint8
    assert first.mask.shape == (SIZE, SIZE)
    assert first.flow.shape[0] == first.confidence.shape[0] == shots
    assert np.array_equal(first.result, again.result)
    assert np.allclose(first.confidence.sum(axis=0), 1.0, atol=1e-5)


def test_the_untrained_hybrid_flow_points_from_target_to_source() -> None:
    head = TalkingHead(build_talker(CONFIGS["hybrid"]), CONFIGS["hybrid"])
    photo, points = draw_face(SIZE)
    head.embed([photo], [points])
    moved = points.copy()
    moved[:, 0] += 6.0
    middle = head.render(moved).flow[0, 24:40, 24:40]
    assert middle[..., 0].mean() == pytest.approx(-6.0, abs=0.05)
    assert abs(middle[..., 1].mean()) < 0.05


def test_wrong_use_is_named(head: TalkingHead) -> None:
    photo, points = draw_face(SIZE)
    with pytest.raises(ModelError, match="embed"):
        head.render(points)
    with pytest.raises(ModelError, match="1 photos came with 0"):
        head.embed([photo], [])
    with pytest.raises(ModelError, match="128 x 128"):
        head.embed([photo[:64]], [points])


def test_pictures_survive_the_way_in_and_out() -> None:
    picture = np.arange(4 * 4 * 3, dtype=np.uint8).reshape(4, 4, 3) * 5
    assert np.array_equal(to_uint8(to_tensor(torch.from_numpy(picture))).numpy(), picture)


def test_the_original_drawing_lacks_irises_and_inner_lips() -> None:
    _, points = draw_face(SIZE, mouth_open=0.5)
    full, original = draw_conditioning(points, SIZE), draw_conditioning(points, SIZE, original=True)
    extra = np.argwhere((full != original).any(axis=2))[:, ::-1]
    parts = points[[*range(468, 478), 13, 14, 78, 308], :2]
    assert len(extra) > 20
    distance = np.linalg.norm(extra[:, None] - parts[None], axis=2).min(axis=1)
    assert distance.max() < 0.15 * SIZE
