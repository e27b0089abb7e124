"""What is packed for a rented GPU comes out again, and makes the episodes that training reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import gpu_pool
import numpy as np
import pack_databank
import pytest
import torch
from weights_in_pieces import join_pieces, save_pieces

from enliven.databank.bank import Bank, open_bank
from enliven.databank.frames import kept_frames
from enliven.databank.synthetic import SyntheticSettings, synthesise
from enliven.model.checkpoint import Checkpoint
from enliven.model.config import preset
from enliven.model.hybrid import laid_over, warp
from enliven.model.talker import build_talker


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    settings = SyntheticSettings(identities=3, shots=1, frames=6, size=256, val_share=0.3)
    return synthesise(tmp_path_factory.mktemp("banks") / "bank", settings)


@pytest.fixture(scope="module")
def folder(bank: Bank, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("packs") / "pack"
    assert pack_databank.pack_databank(bank.path, folder) < 0.1
    return folder


def test_frames_and_landmarks_come_out_as_they_went_in(bank: Bank, folder: Path) -> None:
    pack = gpu_pool.Pack(folder)
    entries = open_bank(bank.path).of_split("train")
    assert [shot["count"] for shot in pack.shots] == [
        len(kept_frames(entry.facts.frames, pack_databank.MOST)) for entry in entries
    ]
    wanted = np.concatenate([entry.points() for entry in entries])
    assert float(np.linalg.norm(pack.points - wanted, axis=2).mean()) < 0.2


class Here:
    """In place of processes, which must be forked before a program does anything else."""

    def __init__(self, groups: list[np.ndarray]) -> None:
        self.ring, self._slots = np.stack(groups), list(range(len(groups)))

    def take(self, wait: bool) -> int | None:
        return self._slots.pop() if self._slots else None

    def free(self, slot: int) -> None:
        """It is not filled again."""


def test_a_pools_batch_moves_its_photo_towards_its_target(folder: Path) -> None:
    pack, random = gpu_pool.Pack(folder), np.random.default_rng(1)
    pool = gpu_pool.Pool(Here([pack.group(random) for _ in range(2)]), 4, torch.device("cpu"))
    pool.refill(2)
    batch = pool.batch(8, 2)
    assert batch.photos.shape == (8, 2, 3, 256, 256)
    moved = laid_over(warp(batch.photos[:, 0], batch.flow[:, 0]), batch.layers[:, 0])
    still = (batch.photos[:, 0] - batch.target).abs().mean()
    assert (moved - batch.target).abs().mean() < still
    assert float(batch.importance.max()) > 4.0


def test_weights_in_pieces_come_together_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = preset("hybrid")
    torch.manual_seed(0)
    sent = Checkpoint(config, build_talker(config).state_dict(), 7, judge={"a": torch.ones(3)})
    save_pieces(tmp_path / "halves", sent)
    monkeypatch.setattr("weights_in_pieces._MOST_HALVES", 0)
    save_pieces(tmp_path / "levels", replace(sent, judge={}))
    halves, levels = (join_pieces(tmp_path / name) for name in ("halves", "levels"))
    assert halves.step == levels.step == 7
    assert torch.equal(halves.judge["a"].float(), sent.judge["a"])
    assert not levels.judge
    for key, value in sent.weights.items():
        assert torch.allclose(halves.weights[key], value, rtol=1e-3, atol=1e-6)
        assert torch.allclose(levels.weights[key], value, atol=float(value.abs().max()) / 60 + 1e-6)
