"""Help, version, doctor, motion files: quick, and readable by people and programs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.e2e.conftest import Run

from enliven.assets import builtin_motion, builtin_photo

HEAVY = ("torch", "mediapipe", "cv2", "av", "ray", "numpy")


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["animate", "--help"], ["motion", "--help"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    script = (
        "import sys, contextlib; from enliven.apps.cli.main import main\n"
        f"sys.argv = ['enliven', *{words!r}]\n"
        "with contextlib.suppress(SystemExit): main()\n"
        f"heavy = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "nliven" in done.stdout


def test_importing_the_package_loads_no_engine() -> None:
    script = f"import sys, enliven; sys.exit(any(name in sys.modules for name in {HEAVY!r}))"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_doctor_finds_what_the_main_job_needs(enliven: Run) -> None:
    done = enliven("doctor", "--json")
    assert done.returncode == 0, done.stdout
    findings = {finding["what"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert findings["landmark model"]["ok"]
    assert "H.264" in findings["video codecs"]["found"]
    assert all(finding["advice"] for finding in findings.values() if not finding["ok"])


def test_the_demo_writes_video_and_contact_sheet(enliven: Run, tmp_path: Path) -> None:
    done = enliven("demo", "--output-folder", tmp_path / "demo")
    assert done.returncode == 0, done.stderr
    written = {path.suffix for path in (tmp_path / "demo").iterdir()}
    assert {".mp4", ".png"} <= written
    assert "frames/s" in done.stdout
    assert "demo" in done.stdout


def test_motion_show_tells_what_a_file_holds(enliven: Run) -> None:
    done = enliven("motion", "show", builtin_motion(), "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert 5.0 < facts["duration_s"] < 7.0
    assert facts["kbit_per_s"] < 16.0
    assert "GRID" in facts["source"]


def test_a_recorded_motion_drives_like_its_video(enliven: Run, tmp_path: Path) -> None:
    video, motion, out = tmp_path / "talk.mp4", tmp_path / "talk.motion", tmp_path / "out.mp4"
    made = enliven("animate", builtin_photo(), "-d", builtin_motion(), "-o", video, "--end", "0.4")
    assert made.returncode == 0, made.stderr
    recorded = enliven("motion", "record", video, "-o", motion, "--source", "our own demo")
    assert recorded.returncode == 0, recorded.stderr
    assert "kbit/s" in recorded.stdout
    assert "RMS error" in recorded.stdout
    driven = enliven("animate", builtin_photo(), "-d", motion, "-o", out, "--json")
    assert driven.returncode == 0, driven.stderr
    assert json.loads(driven.stdout)["frames"] == 10
