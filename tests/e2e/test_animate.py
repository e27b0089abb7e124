"""The main job, file to file, on the built-in photo and motion."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from tests.e2e.conftest import Run

import enliven as api
from enliven.assets import builtin_motion, builtin_photo

PHOTO, MOTION = builtin_photo(), builtin_motion()
ONE_SECOND = ("--start", "1", "--end", "2")


def frames_of(path: Path) -> tuple[list[np.ndarray], list[Fraction]]:
    with av.open(str(path)) as container:
        decoded = [(f.to_ndarray(format="rgb24"), f.pts * f.time_base) for f in container.decode(video=0)]
    return [picture for picture, _ in decoded], [time for _, time in decoded]


@pytest.fixture(scope="module")
def talking(enliven: Run, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, object]]:
    out = tmp_path_factory.mktemp("talking") / "out.mp4"
    done = enliven("animate", PHOTO, "-d", MOTION, "-o", out, *ONE_SECOND, "--json")
    assert done.returncode == 0, done.stderr
    return out, json.loads(done.stdout)


def test_a_photo_and_a_motion_give_a_talking_video(talking: tuple[Path, dict[str, object]]) -> None:
    out, summary = talking
    pictures, times = frames_of(out)
    assert len(pictures) == summary["frames"] == 25
    assert times == [Fraction(i, 25) for i in range(25)]
    assert pictures[0].shape == (512, 512, 3)
    photo = cv2.imread(str(PHOTO))[:, :, ::-1].astype(float)
    moved = [np.abs(p.astype(float) - photo)[80:260, 150:300].mean() for p in pictures]
    assert max(moved) > 2.0, "the face moves"
    corner = np.abs(np.mean(pictures, axis=0) - photo)[:, :40].mean()
    assert corner < 4.0, "what is far from the face stays, up to the codec"


def test_the_summary_tells_what_was_done(talking: tuple[Path, dict[str, object]]) -> None:
    _, summary = talking
    assert summary["faces_lost"] == summary["frames_lost"] == 0
    assert summary["fps"] > 0
    assert summary["duration"] == 1.0
    assert summary["size_wh"] == [512, 512]
    assert {"mesh", "networks", "compositing", "outlet"} <= set(summary["ms_per_frame"])


def test_the_background_beside_a_turning_head_stays_unless_it_shall_follow() -> None:
    """A strip of the built-in photo between head and flag, moved far."""
    photo = cv2.imread(str(PHOTO))[:, :, ::-1].astype(float)
    beside = (slice(40, 130), slice(305, 330))
    changed = {}
    for background in ("still", "follow"):
        settings = api.AnimateSettings(engine="warp", background=background, strength=2.0)
        frames = api.Animator(PHOTO, settings).frames(MOTION, end=Fraction(2), unmarked_because="a test")
        changed[background] = max(np.abs(f.image.astype(float) - photo)[beside].mean() for f in frames)
    assert changed["still"] < 1.0
    assert changed["follow"] > 2.0 * changed["still"] + 1.0


@pytest.mark.parametrize("suffix", [".webm", ".gif"])
def test_other_containers_hold_the_same_frames(enliven: Run, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"out{suffix}"
    done = enliven("animate", PHOTO, "-d", MOTION, "-o", out, "--end", "0.6", "--size", "256")
    assert done.returncode == 0, done.stderr
    pictures, _ = frames_of(out)
    assert len(pictures) >= 14
    assert pictures[0].shape == (256, 256, 3)


def test_a_folder_of_frames_comes_out_and_drives_again(enliven: Run, tmp_path: Path) -> None:
    out, again = tmp_path / "frames", tmp_path / "again.mp4"
    done = enliven("animate", PHOTO, "-d", MOTION, "-o", out, "--end", "0.4")
    assert done.returncode == 0, done.stderr
    assert len(list(out.glob("*.png"))) == 10
    done = enliven("animate", PHOTO, "-d", out, "-o", again)
    assert done.returncode == 0, done.stderr
    assert len(frames_of(again)[0]) == 10


def test_a_crop_is_square_and_of_the_size_asked_for(enliven: Run, tmp_path: Path) -> None:
    out = tmp_path / "crop.mp4"
    done = enliven("animate", PHOTO, "-d", MOTION, "-o", out, "--end", "0.2", "--output", "crop",
                   "--size", "200", "--json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert frames_of(out)[0][0].shape == (200, 200, 3)
    x0, y0, x1, y1 = json.loads(done.stdout)["crop_xyxy"]
    assert x1 - x0 == pytest.approx(y1 - y0, abs=0.5)


def test_strength_zero_leaves_the_photo_still() -> None:
    animator = api.Animator(PHOTO, api.AnimateSettings(strength=0.0))
    photo = cv2.imread(str(PHOTO))[:, :, ::-1]
    for frame in animator.frames(MOTION, end=Fraction(1, 5), unmarked_because="compared with the photo"):
        assert np.abs(frame.image.astype(int) - photo).mean() < 0.1


def test_a_driving_video_drives_with_its_sound(
    enliven: Run, talking: tuple[Path, dict[str, object]], tmp_path: Path
) -> None:
    with_sound = tmp_path / "with_sound.mp4"
    _add_tone(talking[0], with_sound)
    out = tmp_path / "out.mp4"
    done = enliven("animate", PHOTO, "-d", with_sound, "-o", out, "--motion", "absolute")
    assert done.returncode == 0, done.stderr
    with av.open(str(out)) as container:
        sound = container.streams.audio[0]
        assert sound.codec_context.name == "aac"
        seconds = sum(frame.samples for frame in container.decode(sound)) / sound.rate
    assert seconds == pytest.approx(1.0, abs=0.1)


def test_absolute_motion_lies_exactly_on_the_driving_frame(
    enliven: Run, talking: tuple[Path, dict[str, object]], tmp_path: Path
) -> None:
    out = tmp_path / "out.mp4"
    done = enliven("animate", PHOTO, "-d", talking[0], "-o", out, "--motion", "absolute", "--json")
    assert done.returncode == 0, done.stderr
    for made, driven in zip(frames_of(out)[0], frames_of(talking[0])[0], strict=True):
        face = np.abs(made.astype(float) - driven.astype(float))[115:210, 185:262]
        assert face.mean() < 7.0, (
            "up to the codec and the watermarks of the two; hair and collar follow by pose"
        )


def _add_tone(video: Path, out: Path) -> None:
    """The same video with a second of 440 Hz as AAC."""
    with av.open(str(video)) as source, av.open(str(out), "w") as target:
        picture = target.add_stream_from_template(source.streams.video[0])
        sound = target.add_stream("aac", rate=44100)
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = picture
                target.mux(packet)
        tone = (0.2 * np.sin(2 * np.pi * 440 * np.arange(44100) / 44100)).astype(np.float32)
        for i in range(0, 44100, 1024):
            frame = av.AudioFrame.from_ndarray(tone[None, i : i + 1024], format="fltp", layout="mono")
            frame.rate, frame.pts = 44100, i
            target.mux(sound.encode(frame))
        target.mux(sound.encode(None))
