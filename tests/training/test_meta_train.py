"""A run learns, stops in time, resumes exactly, and stops with its last good checkpoint when it goes wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.training.drawn_stream import DrawnStream, open_drawn
from tests.training.small import small_config

from enliven.errors import DatabankError, TrainingError
from enliven.model.checkpoint import load_checkpoint, networks_of
from enliven.training import game
from enliven.training.meta_train import Outcome, meta_train
from enliven.training.train_config import TrainConfig

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def train(out: Path, config: TrainConfig, **options: Any) -> Outcome:
    options.setdefault("open_stream", open_drawn)
    return meta_train(out.parent / "bank", out, config, say=lambda _: None, **options)


def log_of(out: Path, key: str = "loss/total") -> dict[int, float]:
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    return {line["step"]: line[key] for line in lines if key in line}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was never stopped; tests leave it as it is."""
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("whole") / "run"
    train(out, small_config())
    return out


@pytest.mark.parametrize(("preset", "share"), [("hybrid", 0.85), ("paper", 0.8)])
def test_losses_fall(tmp_path: Path, preset: str, share: float) -> None:
    config = small_config(preset, steps=60, adversary_from=1000, save_every=1000)
    config = replace(config, optimiser=replace(config.optimiser, generator_rate=2e-3, warm_up=5))
    train(tmp_path / "run", config)
    losses = list(log_of(tmp_path / "run").values())
    assert np.mean(losses[-10:]) < share * np.mean(losses[:5])


@pytest.mark.parametrize("preset", ["hybrid", "paper"])
def test_a_resumed_run_goes_on_as_if_it_had_never_stopped(tmp_path: Path, preset: str) -> None:
    train(tmp_path / "whole", small_config(preset))
    train(tmp_path / "parts", small_config(preset, steps=4))
    train(tmp_path / "parts", small_config(preset), resume=True)
    assert log_of(tmp_path / "whole") == log_of(tmp_path / "parts")
    a, b = (
        load_checkpoint(tmp_path / run / "checkpoints/step-000008.safetensors") for run in ("whole", "parts")
    )
    assert all(torch.equal(value, b.weights[name]) for name, value in a.weights.items())


def test_a_killed_run_resumes_with_the_same_losses(whole: Path, tmp_path: Path) -> None:
    script = (
        "import os, signal, torch; torch.set_num_threads(1)\n"
        "from pathlib import Path\n"
        "from tests.training.small import small_config\n"
        "from tests.training.drawn_stream import open_drawn\n"
        "from enliven.training.meta_train import meta_train\n"
        "def kill(step, *_):\n"
        "    if step == 6: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"meta_train(Path({str(tmp_path / 'bank')!r}), Path({str(tmp_path / 'killed')!r}), small_config(),\n"
        "           progress=kill, open_stream=open_drawn)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, check=False, capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert max(log_of(tmp_path / "killed")) == 6
    train(tmp_path / "killed", small_config(), resume=True)
    assert log_of(tmp_path / "killed") == log_of(whole)


def test_the_time_limit_ends_a_run_with_a_checkpoint(tmp_path: Path) -> None:
    moments = [time.perf_counter()]
    outcome = train(
        tmp_path / "run",
        small_config(steps=1_000_000),
        minutes=0.1,
        progress=lambda *_: moments.append(time.perf_counter()),
    )
    assert moments[-1] - moments[0] < 6.0 + 2 * np.diff(moments).max(), "no step begins after the time is up"
    assert outcome.reason == "time"
    assert load_checkpoint(outcome.weights).step == outcome.step > 0
    assert outcome.metrics


def test_ctrl_c_finishes_the_step_and_saves_it(whole: Path, tmp_path: Path) -> None:
    def press(step: int, *_: Any) -> None:
        if step == 2:
            os.kill(os.getpid(), signal.SIGINT)

    outcome = train(tmp_path / "run", small_config(), progress=press)
    assert (outcome.reason, outcome.step) == ("interrupted", 2)
    train(tmp_path / "run", small_config(), resume=True)
    assert log_of(tmp_path / "run") == log_of(whole)


def test_a_loss_that_is_no_number_stops_and_names_the_last_good_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels, calls = game.losses.pixels, [0]

    def broken(*arguments: torch.Tensor) -> torch.Tensor:
        calls[0] += 1
        return pixels(*arguments) * (float("nan") if calls[0] > 10 else 1.0)

    monkeypatch.setattr(game.losses, "pixels", broken)
    with pytest.raises(TrainingError, match=r"not a number.*step-000004"):
        train(tmp_path / "run", small_config())
    good = load_checkpoint(tmp_path / "run/checkpoints/step-000004.safetensors")
    assert all(bool(torch.isfinite(value).all()) for value in good.weights.values())


def test_a_diverging_discriminator_stops_the_run(tmp_path: Path) -> None:
    config = small_config(steps=200, batch=1, adversary_from=0, discriminator_limit=0.0, save_every=20)
    with pytest.raises(TrainingError, match=r"discriminator diverged.*step-"):
        train(tmp_path / "run", config)


def test_a_run_leaves_all_that_it_promises(tmp_path: Path) -> None:
    outcome = train(tmp_path / "run", small_config(sample_every=4))
    assert (tmp_path / "run/samples/step-000004.png").stat().st_size > 1000
    assert list((tmp_path / "run/tensorboard").iterdir())
    assert len(list((tmp_path / "run/states").iterdir())) == 2
    stored = load_checkpoint(outcome.weights)
    assert stored.data["identities"] == 2
    assert set(stored.metrics) == {
        f"{a}.{b}" for a in ("result", "coarse", "still") for b in ("l1", "psnr", "ssim")
    }
    assert stored.training["losses"]["emphasis"] == 5.0
    networks_of(stored, "run")
    last = json.loads((tmp_path / "run/log.jsonl").read_text().splitlines()[-2])
    assert {"loss/discriminator", "loss/match", "loss/feature_matching", "data_share"} <= set(last)


def test_resuming_with_another_config_names_the_key(whole: Path) -> None:
    other = small_config()
    other = replace(other, losses=replace(other.losses, mouth=1.0))
    with pytest.raises(TrainingError, match=r"'losses\.mouth' was 4\.0 and is now 1\.0"):
        train(whole, other, resume=True)


def test_a_used_folder_and_an_empty_one_are_told_apart(whole: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="already holds a training run"):
        train(whole, small_config())
    with pytest.raises(TrainingError, match="no training run to resume"):
        train(tmp_path / "other", small_config(), resume=True)


def test_errors_of_the_databank_reach_the_user(tmp_path: Path) -> None:
    class Broken(DrawnStream):
        def __next__(self) -> Any:
            raise DatabankError("The shard x.tar is cut off.")

    with pytest.raises(DatabankError, match="cut off"):
        train(tmp_path / "run", small_config(), open_stream=lambda *_, **__: Broken())


def test_a_full_disk_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from enliven.model import checkpoint

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint.os, "fsync", full)
    with pytest.raises(Exception, match="No space left on device"):
        train(tmp_path / "run", small_config())
    assert not list((tmp_path / "run").glob("*/*.writing"))
