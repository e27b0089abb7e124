"""Checkpoints come back as they went; anything else is refused with the reason."""

from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from enliven.errors import ModelError
from enliven.model import checkpoint as files
from enliven.model.checkpoint import Checkpoint, load_checkpoint, load_into, networks_of, save_checkpoint
from enliven.model.config import preset
from enliven.model.talker import build_talker

CONFIG = replace(
    preset("hybrid"), size=64, channels=8, max_channels=32, embedding=32,
    source_channels=(8, 16, 16), motion_channels=8, decoder_channels=(8, 16, 16),
)  # fmt: skip


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    weights = build_talker(CONFIG).state_dict()
    path = tmp_path / "head.safetensors"
    save_checkpoint(path, Checkpoint(CONFIG, weights, 7, {"bank": "drawn"}, {"l1": 0.5}, {"seed": 1}))
    return path


def test_a_checkpoint_comes_back_whole(saved: Path) -> None:
    loaded = load_checkpoint(saved)
    assert (loaded.config, loaded.step, loaded.data, loaded.metrics) == (
        CONFIG,
        7,
        {"bank": "drawn"},
        {"l1": 0.5},
    )
    networks = networks_of(loaded, "head")
    for name, value in networks.state_dict().items():
        assert torch.equal(value, loaded.weights[name])
    assert not networks.training


def test_a_truncated_file_is_refused(saved: Path) -> None:
    whole = saved.read_bytes()
    for share in (0.0, 0.01, 0.5, 0.999):
        saved.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(ModelError, match="not a complete safetensors"):
            load_checkpoint(saved)


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.safetensors"
    save_file({"a": torch.zeros(1)}, str(foreign))
    with pytest.raises(ModelError, match="unknown origin"):
        load_checkpoint(foreign)
    with pytest.raises(ModelError, match="no file"):
        load_checkpoint(tmp_path / "absent.safetensors")


def test_a_newer_format_and_a_changed_config_are_refused(saved: Path) -> None:
    weights, about = files.load_tensors(saved)
    files.save_tensors(saved, weights, {**about, "version": 99})
    with pytest.raises(ModelError, match="version 99"):
        load_checkpoint(saved)
    files.save_tensors(saved, weights, {**about, "config": {**about["config"], "motion_channels": 16}})
    with pytest.raises(ModelError, match="checksum"):
        load_checkpoint(saved)
    files.save_tensors(saved, weights, {**about, "config": {**about["config"], "wings": 2}})
    with pytest.raises(ModelError, match="wings"):
        load_checkpoint(saved)


def test_weights_of_other_networks_are_refused() -> None:
    networks = build_talker(CONFIG)
    weights = dict(networks.state_dict())
    name = next(iter(weights))
    with pytest.raises(ModelError, match="lacks"):
        load_into(networks, {k: v for k, v in weights.items() if k != name}, "head")
    with pytest.raises(ModelError, match="do not know"):
        load_into(networks, {**weights, "tail": torch.zeros(1)}, "head")
    with pytest.raises(ModelError, match="not \\("):
        load_into(networks, {**weights, name: torch.zeros(3, 1, 1)}, "head")


def test_a_full_disk_leaves_the_old_file_and_nothing_half_written(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = saved.read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(ModelError, match="No space left"):
        save_checkpoint(saved, load_checkpoint(saved))
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]
