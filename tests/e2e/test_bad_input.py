"""Each bad input gets one clear sentence, its exit code, and no output file."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from tests.e2e.conftest import Run

from enliven.assets import builtin_motion, builtin_photo

PHOTO, MOTION = builtin_photo(), builtin_motion()


def refused(done: subprocess.CompletedProcess[str], *words: str, code: int = 1) -> None:
    assert done.returncode == code, (done.returncode, done.stderr, done.stdout)
    message = done.stderr.strip()
    assert "Traceback" not in message
    assert message.startswith("enliven: ")
    for word in words:
        assert word.lower() in message.lower(), message


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "result" / "out.mp4"


@pytest.fixture(autouse=True)
def nothing_is_left_behind(tmp_path: Path) -> object:
    (tmp_path / "result").mkdir()
    yield
    left = [p for p in (tmp_path / "result").iterdir() if p.name != "kept.mp4"]
    assert left == [], "no output and no temporary file"


def blank_video(path: Path, frames: int = 12) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width = stream.height = 128
        stream.pix_fmt = "yuv420p"
        for i in range(frames):
            picture = np.full((128, 128, 3), 40 + i, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def huge_png(path: Path, side: int = 20_000) -> Path:
    """A PNG whose header promises side x side pixels; nothing behind it would decode."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    )
    return path


def photo_file(path: Path, kind: str) -> Path:
    if kind == "no face":
        Image.new("RGB", (300, 300), (90, 120, 150)).save(path)
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("I am not a picture.")
    elif kind == "truncated":
        path.write_bytes(PHOTO.read_bytes()[:20_000])
    elif kind == "animated":
        pictures = [Image.new("RGB", (64, 64), (i * 80, 0, 0)) for i in range(3)]
        pictures[0].save(path, save_all=True, append_images=pictures[1:], format="GIF")
    elif kind == "small face":
        Image.open(PHOTO).resize((128, 128)).save(path)
    elif kind == "huge":
        huge_png(path)
    return path


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("missing", "no such file"),
        ("no face", "no face"),
        ("empty", "empty"),
        ("text", "not a picture"),
        ("truncated", "truncated"),
        ("animated", "animated"),
        ("small face", "64"),
        ("huge", "400"),
    ],
)
def test_a_photo_that_cannot_be_used(enliven: Run, tmp_path: Path, out: Path, kind: str, word: str) -> None:
    photo = photo_file(tmp_path / "photo.png", kind)
    refused(enliven("animate", photo, "-d", MOTION, "-o", out), word)


def driving_file(folder: Path, kind: str) -> Path:
    path = folder / "driving.mp4"
    if kind == "no face":
        return blank_video(path)
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("I am not a video, whatever my name says.\n" * 50)
    elif kind == "truncated":
        whole = blank_video(folder / "whole.mp4", 60).read_bytes()
        path.write_bytes(whole[: len(whole) // 3])
    elif kind == "sound only":
        with av.open(str(path), "w") as container:
            stream = container.add_stream("aac", rate=44100)
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.rate = 44100
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    elif kind == "empty folder":
        path = folder / "frames"
        path.mkdir()
    elif kind == "corrupt motion":
        path = folder / "talk.motion"
        body = bytearray(MOTION.read_bytes())
        body[len(body) // 2] ^= 0xFF
        path.write_bytes(bytes(body))
    elif kind == "truncated motion":
        path = folder / "talk.motion"
        path.write_bytes(MOTION.read_bytes()[:500])
    return path


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("missing", "no such file"),
        ("no face", "no face"),
        ("empty", "empty"),
        ("text", "not a video"),
        ("truncated", ""),
        ("sound only", "no picture"),
        ("empty folder", "no image"),
        ("corrupt motion", "corrupt"),
        ("truncated motion", "truncated"),
    ],
)
def test_a_driving_source_that_cannot_be_used(
    enliven: Run, tmp_path: Path, out: Path, kind: str, word: str
) -> None:
    driving = driving_file(tmp_path, kind)
    refused(enliven("animate", PHOTO, "-d", driving, "-o", out), word)


def test_an_output_that_exists_is_kept(enliven: Run, out: Path) -> None:
    kept = out.with_name("kept.mp4")
    kept.write_text("mine")
    refused(enliven("animate", PHOTO, "-d", MOTION, "-o", kept), "exists", "--overwrite")
    assert kept.read_text() == "mine"


def test_what_the_user_gave_is_never_replaced(enliven: Run, tmp_path: Path) -> None:
    made = enliven("animate", PHOTO, "-d", MOTION, "-o", tmp_path / "talk.mp4", "--end", "0.4")
    assert made.returncode == 0
    before = (tmp_path / "talk.mp4").read_bytes()
    video = tmp_path / "talk.mp4"
    refused(enliven("animate", PHOTO, "-d", video, "-o", video, "--overwrite"), "made from")
    assert video.read_bytes() == before


def test_a_folder_that_is_missing(enliven: Run, tmp_path: Path) -> None:
    refused(enliven("animate", PHOTO, "-d", MOTION, "-o", tmp_path / "nowhere" / "out.mp4"), "folder")


def test_an_unknown_extension_names_the_known_ones(enliven: Run, out: Path) -> None:
    refused(enliven("animate", PHOTO, "-d", MOTION, "-o", out.with_suffix(".avi")), ".avi", ".mp4", ".webm")


def test_a_start_past_the_end(enliven: Run, out: Path) -> None:
    refused(enliven("animate", PHOTO, "-d", MOTION, "-o", out, "--start", "3600"), "3600")


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--regions", "ears"), "mouth"),
        (("--strength", "9"), "between 0 and 2"),
        (("--motion", "sideways"), "relative"),
        (("--on-lost", "cry"), "hold"),
        (("--size", "3"), "64"),
        (("--start", "soon"), "seconds"),
        (("--engine", "steam"), "warp"),
        (("--device", "abacus"), "cpu"),
    ],
)
def test_options_that_make_no_sense_exit_with_2(
    enliven: Run, out: Path, options: tuple[str, str], word: str
) -> None:
    refused(enliven("animate", PHOTO, "-d", MOTION, "-o", out, *options), word, code=2)


def test_a_face_that_is_not_there(enliven: Run, out: Path) -> None:
    refused(enliven("animate", PHOTO, "-d", MOTION, "-o", out, "--photo-face", "7"), "face")


def test_ctrl_c_removes_the_temporary_file_and_exits_with_130(tmp_path: Path, out: Path) -> None:
    command = [sys.executable, "-m", "enliven", "animate", PHOTO, "-d", MOTION, "-o", out]
    # Where tests run in the background of a shell, it is ignored, and processes inherit that.
    found = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen([*map(str, command), "--size", "2000"], stderr=subprocess.PIPE, text=True)
    signal.signal(signal.SIGINT, found)
    deadline = time.monotonic() + 60
    while not any(out.parent.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, message = process.communicate(timeout=60)
    assert process.returncode == 130, message
    assert "Traceback" not in message
    assert "unfinished files were removed" in message


@pytest.mark.skipif(os.name != "posix", reason="needs a limit on file sizes")
def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, out: Path) -> None:
    limited = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000)); "
        "from enliven.apps.cli.main import main; sys.argv = ['enliven', *sys.argv[1:]]; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", limited, "animate", PHOTO, "-d", MOTION, "-o", out, "-q", "--end", "1"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    refused(done, "could not be written")
