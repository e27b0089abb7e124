"""Frame times are exact and survive the way through a file; sound stays in step."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import av.error
import av.logging
import numpy as np
import pytest

from enliven.errors import MediaError
from enliven.media.audio import Sound
from enliven.media.reader import open_video
from enliven.media.writer import open_writer
from enliven.types import Frame, Picture

SIZE_WH = (64, 48)


def picture(level: int) -> Picture:
    return np.full((SIZE_WH[1], SIZE_WH[0], 3), level % 200 + 20, np.uint8)


def write_video(path: Path, times: list[Fraction], rate: Fraction, sound: Sound | None = None) -> Path:
    tick = Fraction(1, int(np.lcm.reduce([time.denominator for time in times])))
    with open_writer(path, size_wh=SIZE_WH, rate=rate, time_base=tick, sound=sound) as writer:
        for number, time in enumerate(times):
            writer.write(Frame(picture(number), time))
    return path


def times_of(path: Path, **span: Fraction) -> list[Fraction]:
    with open_video(path, **span) as reader:
        return [frame.time for frame in reader]


def add_sound(
    video: Path, out: Path, clicks: list[float], *, codec: str = "aac", offset: float = 0.0
) -> Path:
    """The video with silence that clicks at the given seconds; the sound begins ``offset`` late."""
    rate = 44100
    with av.open(str(video)) as source, av.open(str(out), "w") as target:
        shown = target.add_stream_from_template(source.streams.video[0])
        heard = target.add_stream(codec, rate=rate)
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = shown
                target.mux(packet)
        length = float(source.duration / av.time_base)
        samples = np.zeros(int(length * rate), np.float32)
        for click in clicks:
            samples[int(click * rate) : int(click * rate) + 200] = 0.9
        for at in range(0, len(samples), 1024):
            frame = av.AudioFrame.from_ndarray(samples[None, at : at + 1024], format="fltp", layout="mono")
            frame.sample_rate, frame.pts = rate, at + int(offset * rate)
            frame.time_base = Fraction(1, rate)
            target.mux(heard.encode(frame))
        target.mux(heard.encode(None))
    return out


def sound_frames(container: av.container.InputContainer) -> Iterator[av.AudioFrame]:
    for packet in container.demux(audio=0):
        with contextlib.suppress(av.error.InvalidDataError):
            yield from packet.decode()


def clicks_of(path: Path) -> list[float]:
    """Seconds of the clicks, on the clock of the file."""
    with av.open(str(path)) as container:
        loud = []
        for frame in sound_frames(container):
            samples = np.abs(frame.to_ndarray().astype(np.float32)).max(axis=0)
            at = np.nonzero(samples > (0.4 if samples.dtype.kind == "f" and samples.max() <= 2 else 12000))[0]
            loud.extend((float(frame.pts * frame.time_base) + at / frame.sample_rate).tolist())
    return [t for i, t in enumerate(loud) if i == 0 or t - loud[i - 1] > 0.05]


@pytest.mark.parametrize("rate", [Fraction(25), Fraction(24000, 1001), Fraction(30000, 1001), Fraction(60)])
@pytest.mark.parametrize("suffix", [".mp4", ""])
def test_every_time_stamp_survives(tmp_path: Path, rate: Fraction, suffix: str) -> None:
    times = [number / rate for number in range(40)]
    assert times_of(write_video(tmp_path / f"clip{suffix}", times, rate)) == times


def test_variable_rate_survives(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    steps = rng.integers(200, 2400, 50)
    times = [Fraction(0), *(Fraction(int(tick), 24000) for tick in np.cumsum(steps))]
    assert times_of(write_video(tmp_path / "vfr.mp4", times, Fraction(24))) == times


def test_webm_keeps_times_to_the_millisecond_it_stores(tmp_path: Path) -> None:
    rate = Fraction(30000, 1001)
    times = [number / rate for number in range(30)]
    back = times_of(write_video(tmp_path / "clip.webm", times, rate))
    assert max(abs(a - b) for a, b in zip(times, back, strict=True)) <= Fraction(1, 1000)


def test_a_late_first_frame_stays_late(tmp_path: Path) -> None:
    times = [Fraction(1, 2) + Fraction(n, 25) for n in range(10)]
    video = write_video(tmp_path / "late.mp4", times, Fraction(25))
    with_sound = add_sound(video, tmp_path / "late_sound.mp4", [0.2])
    assert times_of(with_sound)[0] == pytest.approx(0.5, abs=0.002)


def test_ten_minutes_of_2997_do_not_drift(tmp_path: Path) -> None:
    rate = Fraction(30000, 1001)
    times = [n / rate for n in range(0, 17982, 37)]
    back = times_of(write_video(tmp_path / "long.mp4", times, rate))
    assert back[-1] == times[-1] > 598


@pytest.mark.parametrize("codec", ["aac", "mp2"])
def test_clicks_and_pictures_stay_within_a_frame(tmp_path: Path, codec: str) -> None:
    rate = Fraction(30000, 1001)
    source = write_video(tmp_path / "v.mp4", [n / rate for n in range(300)], rate)
    clicks = [1.0, 4.0, 9.0]
    driving = add_sound(
        source, tmp_path / f"v_{codec}.{'mp4' if codec == 'aac' else 'mkv'}", clicks, codec=codec
    )
    before = clicks_of(driving)
    with open_video(driving) as reader:
        sound = Sound(driving)
        out = tmp_path / "out.mp4"
        with open_writer(
            out, size_wh=SIZE_WH, rate=rate, time_base=reader.info.time_base, sound=sound
        ) as writer:
            for frame in reader:
                writer.write(frame)
    with av.open(str(driving)) as container:
        zero = float((container.start_time or 0) / av.time_base)
    heard = clicks_of(out)
    assert len(heard) == len(before) == 3
    assert np.abs(np.array(heard) - (np.array(before) - zero)).max() < 1 / 30


def test_a_range_takes_its_own_picture_and_sound(tmp_path: Path) -> None:
    source = write_video(tmp_path / "v.mp4", [Fraction(n, 25) for n in range(250)], Fraction(25))
    driving = add_sound(source, tmp_path / "sound.mp4", [1.0, 5.0, 8.0])
    start, end = Fraction(4), Fraction(6)
    assert times_of(driving, start=start, end=end) == [Fraction(n, 25) for n in range(50)]
    out = tmp_path / "out.mp4"
    with (
        open_video(driving, start=start, end=end) as reader,
        open_writer(out, size_wh=SIZE_WH, rate=Fraction(25), sound=Sound(driving, start, end)) as writer,
    ):
        for frame in reader:
            writer.write(frame)
    heard = clicks_of(out)
    assert len(heard) == 1
    assert heard[0] == pytest.approx(1.0, abs=0.03)


def test_a_start_past_the_end_names_both(tmp_path: Path) -> None:
    video = write_video(tmp_path / "v.mp4", [Fraction(n, 25) for n in range(25)], Fraction(25))
    with pytest.raises(MediaError, match=r"7.*1\.00"):
        open_video(video, start=Fraction(7))


def test_an_upright_phone_video_is_read_upright(tmp_path: Path) -> None:
    video = write_video(tmp_path / "v.mp4", [Fraction(n, 25) for n in range(5)], Fraction(25))
    turned = tmp_path / "turned.mp4"
    turned.write_bytes(_turn_header(video.read_bytes()))
    with open_video(turned) as reader:
        assert reader.info.size_wh == (SIZE_WH[1], SIZE_WH[0])
        assert reader.info.rotation_deg == 90
        assert next(iter(reader)).size_wh == (SIZE_WH[1], SIZE_WH[0])


def _turn_header(mp4: bytes) -> bytes:
    """Writes a quarter turn clockwise into the track header's display matrix."""
    at = mp4.index(b"tkhd") + 4 + 40
    matrix = [0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000]
    return mp4[:at] + b"".join(v.to_bytes(4, "big", signed=True) for v in matrix) + mp4[at + 36 :]


def test_decoder_threads_never_wait_for_python() -> None:
    """With any level set, a decoder thread that logs while its video is closed never ends."""
    assert av.logging.get_level() is None
