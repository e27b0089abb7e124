"""`enliven train` on a drawn databank: it trains, and each mistake is one clear sentence."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from enliven.apps.cli.main import app
from enliven.databank.bank import create_bank
from enliven.databank.synthetic import SyntheticSettings, synthesise
from enliven.errors import EnlivenError

CONFIG = """
batch = 2
steps = 4
adversary_from = 1
log_every = 1
sample_every = 2
save_every = 2
validate_on = 1
precision = "float32"
[model]
preset = "hybrid"
size = 64
channels = 8
max_channels = 32
embedding = 32
source_channels = [8, 16, 16]
motion_channels = 8
decoder_channels = [8, 16, 16]
[episodes]
shots_max = 2
"""


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("banks") / "bank"
    synthesise(path, SyntheticSettings(identities=3, shots=1, frames=5, size=64, val_share=0.34))
    return path


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(CONFIG)
    return path


def enliven_train(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["train", *map(str, arguments), "--threads", "1"])


def sentence(*arguments: object) -> str:
    error = enliven_train(*arguments).exception
    assert isinstance(error, EnlivenError), error
    return str(error)


def test_it_trains_resumes_and_says_where_the_weights_are(bank: Path, config: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    first = enliven_train(bank, "-o", out, "--config", config, "--steps", 2)
    assert first.exit_code == 0, first.exception
    assert "step-000002.safetensors" in first.output.replace("\n", "")
    assert "No face teacher" in first.output
    again = enliven_train(bank, "-o", out, "--config", config, "--resume")
    assert again.exit_code == 0, again.exception
    assert "Finished at step 4" in again.output
    assert "coarse L1" in again.output
    assert {path.name for path in (out / "samples").iterdir()} == {f"step-{n:06d}.png" for n in (0, 2, 4)}


def test_ctrl_c_exits_with_130_and_a_checkpoint(bank: Path, config: Path, tmp_path: Path) -> None:
    log = tmp_path / "run/log.jsonl"

    def press() -> None:
        while not log.exists():
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press, daemon=True).start()
    ended = enliven_train(bank, "-o", tmp_path / "run", "--config", config, "--steps", 1_000_000)
    assert ended.exit_code == 130
    assert "Interrupted at step" in ended.output
    assert list((tmp_path / "run/checkpoints").iterdir())


def test_mistakes_are_one_clear_sentence(bank: Path, config: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert "no databank" in sentence(tmp_path, "-o", run)
    create_bank(tmp_path / "empty", 64)
    assert "is empty" in sentence(tmp_path / "empty", "-o", run, "--config", config)
    shutil.copytree(bank, tmp_path / "cut")
    shard = tmp_path / "cut/shards/synthetic.tar"
    shard.write_bytes(shard.read_bytes()[: shard.stat().st_size // 2])
    assert "synthetic.tar is cut off" in sentence(tmp_path / "cut", "-o", run, "--config", config)
    synthesise(tmp_path / "one", SyntheticSettings(identities=1, shots=2, frames=5, size=64))
    assert "one person only" in sentence(tmp_path / "one", "-o", run, "--config", config)
    many = tmp_path / "many.toml"
    many.write_text(CONFIG.replace("shots_max = 2", "shots_max = 8"))
    assert "at least 9 frames" in sentence(bank, "-o", run, "--config", many)
    many.write_text("stepps = 2\n" + CONFIG)
    assert "stepps" in sentence(bank, "-o", run, "--config", many)
    (run.parent / "file").write_text("")
    assert "cannot be kept" in sentence(bank, "-o", run.parent / "file", "--config", config)
    assert not run.exists()


def test_resuming_with_another_config_names_the_key(bank: Path, config: Path, tmp_path: Path) -> None:
    run, other = tmp_path / "run", tmp_path / "other.toml"
    assert enliven_train(bank, "-o", run, "--config", config).exit_code == 0
    other.write_text(CONFIG.replace("adversary_from = 1", "adversary_from = 9"))
    said = sentence(bank, "-o", run, "--config", other, "--resume")
    assert "'adversary_from' was 1 and is now 9" in said


@pytest.mark.skipif(os.name != "posix", reason="needs a limit on file sizes")
def test_no_room_for_a_checkpoint_is_one_sentence_and_leaves_no_half_file(
    bank: Path, config: Path, tmp_path: Path
) -> None:
    limited = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)); "
        "from enliven.apps.cli.main import main; sys.argv = ['enliven', *sys.argv[1:]]; main()"
    )
    words = ["train", bank, "-o", tmp_path / "run", "--config", config, "--threads", "1", "-q"]
    done = subprocess.run(
        [sys.executable, "-c", limited, *map(str, words)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "run").glob("*/*.writing*"))


def test_a_changed_databank_is_noticed_on_resuming(bank: Path, config: Path, tmp_path: Path) -> None:
    run, other = tmp_path / "run", tmp_path / "other"
    assert enliven_train(bank, "-o", run, "--config", config).exit_code == 0
    synthesise(other, SyntheticSettings(identities=4, shots=1, frames=5, size=64))
    assert "'bank'" in sentence(other, "-o", run, "--config", config, "--resume")
