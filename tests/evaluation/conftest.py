"""A drawn databank with clips long enough to measure, and small fresh networks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from enliven.databank.bank import Bank
from enliven.databank.synthetic import SyntheticSettings, synthesise
from enliven.model.checkpoint import Checkpoint, save_checkpoint
from enliven.model.config import ModelConfig, preset
from enliven.model.talker import build_talker

SMALL = SyntheticSettings(identities=4, shots=1, frames=16, size=64, val_share=0.5)
"""Two people in `val`; 16 frames are enough for 5 photos."""


@pytest.fixture(scope="session")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    return synthesise(tmp_path_factory.mktemp("banks") / "bank", SMALL)


def small_config(name: str, size: int) -> ModelConfig:
    return replace(
        preset(name), size=size, channels=8, max_channels=32, embedding=32, discriminator_channels=8,
        source_channels=(8, 16, 16), motion_channels=8, decoder_channels=(8, 16, 16),
    )  # fmt: skip


def write_weights(path: Path, name: str = "hybrid", size: int = 64) -> Path:
    config = small_config(name, size)
    torch.manual_seed(0)
    save_checkpoint(path, Checkpoint(config, build_talker(config).state_dict()))
    return path


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_weights(tmp_path_factory.mktemp("weights") / "fresh.safetensors")
