"""`enliven evaluate`: what it prints and writes, and that each mistake is one clear sentence."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import typer
from click.testing import Result
from typer.testing import CliRunner

from enliven.apps.cli.evaluate import evaluate
from enliven.databank.synthetic import SyntheticSettings, synthesise
from enliven.errors import EnlivenError, MissingExtraError, UsageError
from enliven.model.checkpoint import Checkpoint, save_checkpoint
from enliven.model.config import preset
from enliven.model.talker import build_talker

app = typer.Typer()
app.command()(evaluate)


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("banks") / "bank"
    synthesise(path, SyntheticSettings(identities=2, shots=1, frames=10, size=64, val_share=0.5))
    return path


def write_weights(path: Path, size: int) -> Path:
    config = replace(
        preset("hybrid"), size=size, channels=8, max_channels=32, embedding=32,
        source_channels=(8, 16, 16), motion_channels=8, decoder_channels=(8, 16, 16),
    )  # fmt: skip
    torch.manual_seed(0)
    save_checkpoint(path, Checkpoint(config, build_talker(config).state_dict()))
    return path


def enliven_evaluate(*arguments: object) -> Result:
    quick = ("--shots", "1", "--every", "5", "--cross", "0", "--threads", "1")
    return CliRunner().invoke(app, [*quick, *map(str, arguments)])


def mistake(*arguments: object) -> EnlivenError:
    error = enliven_evaluate(*arguments).exception
    assert isinstance(error, EnlivenError), error
    return error


def test_it_prints_the_table_that_it_writes(bank: Path, tmp_path: Path) -> None:
    weights = write_weights(tmp_path / "mine.safetensors", 64)
    ended = enliven_evaluate(weights, "--bank", bank, "-o", tmp_path / "report")
    assert ended.exit_code == 0, ended.exception
    assert (tmp_path / "report/report.md").read_text() in ended.output
    assert "|  | photo | warp | hybrid mine |" in ended.output
    assert f"enliven evaluate {weights} --bank {bank} -o {tmp_path / 'report'} --shots 1" in ended.output
    assert len(list((tmp_path / "report/sheets").iterdir())) == 1


def test_a_folder_of_exported_weights_is_measured_too(bank: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    write_weights(folder / "weights.safetensors", 64)
    ended = enliven_evaluate(folder, "--bank", bank, "-o", tmp_path / "report", "--shots", 1, "--cross", 0)
    assert ended.exit_code == 0, ended.exception
    assert "|  | photo | warp | hybrid mine |" in ended.output


def test_json_is_one_object_on_stdout(bank: Path, tmp_path: Path) -> None:
    ended = enliven_evaluate("--bank", bank, "-o", tmp_path / "report", "--json", "--no-sheets", "--quiet")
    assert ended.exit_code == 0, ended.exception
    facts = json.loads(ended.stdout)
    assert [case["contender"] for case in facts["self"]] == ["photo", "warp"]
    assert not (tmp_path / "report/sheets").exists()


def test_quiet_prints_nothing(bank: Path, tmp_path: Path) -> None:
    assert enliven_evaluate("--bank", bank, "-o", tmp_path / "report", "-q").output == ""


def test_mistakes_are_one_clear_sentence_and_leave_nothing_behind(bank: Path, tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    large = write_weights(files / "large.safetensors", 128)
    broken = files / "broken.safetensors"
    broken.write_bytes(large.read_bytes()[:5000])
    other = files / "me.jpg"
    other.write_text("no weights")
    same = write_weights(files / "same.safetensors", 64)
    (files / "copy").mkdir()
    twin = write_weights(files / "copy" / "same.safetensors", 64)
    to = ("--bank", bank, "-o", tmp_path / "new" / "report")
    assert "crops of 128 pixels, but the databank's have 64" in str(mistake(large, *to))
    assert "not a complete safetensors file" in str(mistake(broken, *to))
    assert "There is no file" in str(mistake(files / "gone.safetensors", *to))
    assert "is no weights file" in str(mistake(other, *to))
    assert "would both be called 'hybrid same'" in str(mistake(same, twin, *to))
    assert "no clip in the split 'test'" in str(mistake("--split", "test", *to))
    assert "9 photos need 24 frames" in str(mistake("--shots", "9", *to))
    assert "no databank" in str(mistake("--bank", tmp_path, "-o", tmp_path / "new" / "report"))
    assert "is a file" in str(mistake("--bank", bank, "-o", other))
    wrong = mistake("--shots", "one,two", *to)
    assert isinstance(wrong, UsageError)
    assert "'one,two' is no list" in str(wrong)
    assert list((tmp_path / "new").iterdir()) == []


@pytest.mark.parametrize("missing", ["dlib", "face_recognition_models", "skimage.metrics"])
def test_a_missing_extra_is_named(
    bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    if missing == "face_recognition_models":
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    else:
        monkeypatch.setitem(sys.modules, missing, None)
    error = mistake("--bank", bank, "-o", tmp_path / "report")
    assert isinstance(error, MissingExtraError)
    assert missing in str(error)
    assert "enliven[evaluation]" in str(error)
    assert list(tmp_path.iterdir()) == []
