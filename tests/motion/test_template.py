"""Motion files: small, exact, readable as they arrive, and clear about what is wrong with them."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.motion.people import SIZE_WH, Look, looking, person, tracked

from enliven.assets import builtin_motion
from enliven.errors import MotionFileError, OutputError
from enliven.motion.bits import BitReader, BitWriter, RiceVector
from enliven.motion.packets import MotionDecoder, MotionEncoder
from enliven.motion.template import MotionReader, MotionWriter, read_motion_info
from enliven.types import TrackedFace

FRAMES = 60


def talk(number: int) -> Look:
    swing = np.sin(number / 4)
    return Look(
        mouth=0.15 + 0.15 * swing, yaw_deg=8 * np.sin(number / 15), eyes=0.0 if number % 30 == 7 else 1.0,
        x=256 + 3 * swing, scale=70,
    )  # fmt: skip


def clip() -> list[TrackedFace]:
    someone = person(1)
    faces = [tracked(looking(someone, talk(n)), n) for n in range(FRAMES)]
    faces[20] = TrackedFace(faces[20].time, faces[19].landmarks, found=False)
    faces[40] = TrackedFace(faces[40].time, faces[40].landmarks, found=True, scene_cut=True)
    return faces


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("motion") / "talk.motion"
    with MotionWriter(
        path, size_wh=SIZE_WH, rate=Fraction(25), time_base=Fraction(1, 25), source="made up"
    ) as out:
        for face in clip():
            out.write(face)
        assert out.rms_error_px < 0.2
    return path


def write_all(out: MotionWriter, faces: list[TrackedFace]) -> None:
    for face in faces:
        out.write(face)


@given(st.lists(st.lists(st.integers(-300_000, 300_000), min_size=11, max_size=11), min_size=1, max_size=5))
def test_rice_vectors_come_back(vectors: list[list[int]]) -> None:
    writer, coder = BitWriter(), RiceVector(11)
    for vector in vectors:
        coder.write(writer, vector)
    reader, decoder = BitReader(writer.to_bytes()), RiceVector(11)
    assert [decoder.read(reader) for _ in vectors] == vectors


def test_every_frame_comes_back_with_its_time_and_flags(file: Path) -> None:
    with MotionReader(file) as reader:
        back = list(reader)
    for was, now in zip(clip(), back, strict=True):
        assert (was.time, was.found, was.scene_cut) == (now.time, now.found, now.scene_cut)
        assert was.landmarks is not None
        assert now.landmarks is not None
        error = (was.landmarks.xy - now.landmarks.xy) if was.found else np.zeros(1)
        assert np.sqrt((error**2).mean()) < 0.25


def test_the_info_needs_no_decoding_and_names_the_source(file: Path) -> None:
    info = read_motion_info(file)
    assert (info.frame_count, info.frames_lost, info.source) == (FRAMES, 1, "made up")
    assert info.duration == Fraction(FRAMES, 25)
    assert info.size_wh == SIZE_WH


def test_a_range_counts_from_its_start(file: Path) -> None:
    with MotionReader(file, start=Fraction(1), end=Fraction(2)) as reader:
        assert [face.time for face in reader] == [Fraction(n, 25) for n in range(25)]


def test_the_built_in_motion_keeps_to_its_budget() -> None:
    info = read_motion_info(builtin_motion())
    assert info.kbit_per_s < 16
    assert 5 < info.duration < 7
    assert "GRID" in info.source


def test_a_stream_is_read_frame_by_frame_while_it_is_written() -> None:
    pipe = io.BytesIO()
    encoder = MotionEncoder(pipe, size_wh=SIZE_WH, rate=Fraction(25), time_base=Fraction(1, 25))
    decoder = frames = None
    seen = 0
    for face in clip()[:10]:
        at = pipe.tell()
        encoder.write(face)
        if decoder is None:
            pipe.seek(0)
            decoder = MotionDecoder(pipe)
            frames = iter(decoder)
        else:
            pipe.seek(at)
        assert frames is not None
        assert next(frames).time == face.time
        seen += 1
    assert seen == 10


def test_any_time_base_keeps_exact_times(tmp_path: Path) -> None:
    base = Fraction(1001, 30000)
    someone = looking(person(2), Look())
    times = [n * base for n in (0, 1, 2, 5, 9)]
    path = tmp_path / "v.motion"
    with MotionWriter(path, size_wh=SIZE_WH, rate=None, time_base=base) as out:
        for time in times:
            out.write(TrackedFace(time, someone, True))
    with MotionReader(path) as reader:
        assert [face.time for face in reader] == times


def test_every_flipped_byte_is_noticed_or_harmless(file: Path, tmp_path: Path) -> None:
    whole = file.read_bytes()
    rng = np.random.default_rng(3)
    damaged = tmp_path / "damaged.motion"
    for at in rng.choice(len(whole), 60, replace=False):
        broken = bytearray(whole)
        broken[at] ^= 0x55
        damaged.write_bytes(bytes(broken))
        with pytest.raises(MotionFileError), MotionReader(damaged) as reader:
            list(reader)


@pytest.mark.parametrize("keep", [0, 4, 12, 100, -1, -30])
def test_a_truncated_file_says_so(file: Path, tmp_path: Path, keep: int) -> None:
    short = tmp_path / "short.motion"
    short.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(MotionFileError, match="truncated"), MotionReader(short) as reader:
        list(reader)


def test_a_newer_version_and_other_files_are_refused(file: Path, tmp_path: Path) -> None:
    newer = bytearray(file.read_bytes())
    newer[9] = 99
    (tmp_path / "newer.motion").write_bytes(bytes(newer))
    with pytest.raises(MotionFileError, match="version 99"):
        read_motion_info(tmp_path / "newer.motion")
    (tmp_path / "text.motion").write_text("this is a letter, not a motion")
    with pytest.raises(MotionFileError, match="not a motion file"):
        read_motion_info(tmp_path / "text.motion")
    with pytest.raises(MotionFileError, match="no such file"):
        read_motion_info(tmp_path / "nowhere.motion")


def test_a_writer_that_is_left_by_an_error_leaves_nothing(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="rise"),
        MotionWriter(tmp_path / "a.motion", size_wh=SIZE_WH, rate=None, time_base=Fraction(1, 25)) as out,
    ):
        write_all(out, clip()[1::-1])
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_is_kept(file: Path) -> None:
    with pytest.raises(OutputError, match="exists"):
        MotionWriter(file, size_wh=SIZE_WH, rate=None, time_base=Fraction(1, 25))
