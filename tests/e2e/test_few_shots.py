"""Several photos and heads on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
from tests.e2e.conftest import Run

from enliven.assets import builtin_motion, builtin_photo
from enliven.model.tensor_file import write_arrays

PHOTO, MOTION = builtin_photo(), builtin_motion()


def test_several_photos_give_one_video_and_it_is_told_which_were_used(enliven: Run, tmp_path: Path) -> None:
    dark = (255 * (cv2.imread(str(PHOTO)) / 255.0) ** 1.4).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "dark.png"), dark)
    cv2.imwrite(str(tmp_path / "wall.png"), np.full((90, 90, 3), 80, np.uint8))
    out = tmp_path / "out.mp4"
    done = enliven(
        "animate", PHOTO, tmp_path, "-d", MOTION, "-o", out, "--end", "0.2", "--engine", "warp", "--json"
    )
    assert done.returncode == 0, done.stderr
    told = " ".join(json.loads(done.stdout)["warnings"])
    assert "astronaut.png is animated; 2 of 2 pictures are used" in told
    assert "wall.png (no face was found)" in told
    assert "Engine warp moves the animated picture alone" in told


def test_heads_that_cannot_be_used_are_refused_in_one_sentence(enliven: Run, tmp_path: Path) -> None:
    new, cut = tmp_path / "new.head", tmp_path / "cut.head"
    about = {"format": "enliven-head", "version": 9}
    write_arrays(new, {"psi": np.zeros(3, np.float32)}, {"enliven": json.dumps(about)})
    cut.write_bytes(new.read_bytes()[:40])
    for words, code, message in (
        (("head", "show", new), 1, "version 9"),
        (("head", "show", cut), 1, "truncated"),
        (("animate", "--head", cut, "-d", MOTION, "-o", tmp_path / "o.mp4"), 1, "truncated"),
        (("animate", PHOTO, "--head", new, "-d", MOTION, "-o", tmp_path / "o.mp4"), 2, "not both"),
        (("learn", PHOTO, "-o", tmp_path / "x.png"), 1, ".head"),
    ):
        done = enliven(*words)
        assert done.returncode == code, done.stderr
        assert message in done.stderr
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "o.mp4").exists()
