"""Every command and the Python block of the README do what they say."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.videos import write_video

from enliven.assets import builtin_motion, builtin_photo

SLOWED = 6
"""The talk has few frames and lasts as long as if there were this many times as many: the README starts three seconds
into it."""
README = (Path(__file__).parents[1] / "README.md").read_text()


def commands() -> list[str]:
    """The indented lines that call the program, without their comments, in order.

    Databanks, training and what is made of it take longer and have their own tests.
    """
    lines = [line.split("#")[0].strip() for line in re.findall(r"^    (enliven .*)$", README, re.MULTILINE)]
    return [line for line in lines if line.split()[1] not in {"databank", "train", "export", "evaluate"}]


def run(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], cwd=folder, capture_output=True, text=True, check=False, timeout=180
    )


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the README speaks of; the talk has few frames, so that it is quick."""
    folder = tmp_path_factory.mktemp("desk")
    portrait = Image.open(builtin_photo()).convert("RGB").crop((96, 0, 352, 256))
    portrait.save(folder / "me.jpg", quality=95)
    Image.fromarray(np.hstack([np.asarray(portrait)] * 2)).save(folder / "group.jpg", quality=95)
    (folder / "more").mkdir()
    portrait.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / "more" / "other.jpg", quality=95)
    shutil.copy(builtin_motion(), folder / "talk.motion")
    words = ["-m", "enliven", "animate", "me.jpg", "-d", "talk.motion", "-o", "frames"]
    done = run([*words, "--start", "1", "--end", "1.6"], folder)
    assert done.returncode == 0, done.stderr
    frames = sorted((folder / "frames").glob("*.png"))
    talk = [np.asarray(Image.open(frame).convert("RGB")) for frame in frames]
    write_video(folder / "talk.mp4", talk, Fraction(25, SLOWED))
    (folder / "frames" / "times.json").unlink()
    (folder / "talk.motion").unlink()
    return folder


def test_the_readme_shows_the_main_commands() -> None:
    shown = " ".join(commands())
    for word in ("animate", "learn", "verify", "detect", "motion record", "motion show", "doctor"):
        assert f"enliven {word}" in shown


def test_every_command_works_in_its_order(desk: Path) -> None:
    for command in commands():
        words = shlex.split(command)
        if words[1] in {"animate", "motion"} and "-o" in words:
            words.append("--overwrite")
        if words[1] == "learn":
            words += ["--overwrite", "--steps", "2"]
        done = run(["-m", *words], desk)
        assert done.returncode == 0, f"{command}\n{done.stderr}"


def test_the_python_block_runs(desk: Path) -> None:
    block = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[0]
    (desk / "me.mp4").unlink(missing_ok=True)
    if not (desk / "talk.motion").exists():
        shutil.copy(builtin_motion(), desk / "talk.motion")
    done = run(["-c", block], desk)
    assert done.returncode == 0, done.stderr
    assert (desk / "me.mp4").stat().st_size > 10_000
