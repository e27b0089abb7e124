"""H.264 in mp4 and VP9 in webm, with exact times and the driving sound."""

from __future__ import annotations

import contextlib
import os
from fractions import Fraction
from math import lcm
from pathlib import Path

import av
import av.error
import cv2
import numpy as np

from enliven.media.audio import Sound, SoundTrack
from enliven.media.writer import Writer, not_written
from enliven.types import Frame, Picture

_BT709, _LIMITED_RANGE = 1, 1
_LARGEST_TICKS = 2**31 - 1
"""mp4 stores the ticks a second in 32 bits."""
_OPTIONS = {
    "libx264": {"preset": "veryfast", "crf": "17", "tune": "fastdecode"},
    "libvpx-vp9": {"crf": "28", "b": "0", "deadline": "realtime", "cpu-used": "6", "row-mt": "1"},
}
_CODECS = {".mp4": "libx264", ".webm": "libvpx-vp9"}


class VideoFileWriter(Writer):
    """One .mp4 or .webm file."""

    def __init__(
        self,
        path: Path,
        size_wh: tuple[int, int],
        rate: Fraction | None,
        time_base: Fraction | None,
        sound: Sound | None,
        threads: int,
        statement: str,
    ) -> None:
        super().__init__(path)
        suffix = path.suffix.lower()
        self._rate = rate or Fraction(25)
        self._tick = _tick(self._rate, time_base)
        self.size_wh = (size_wh[0] + size_wh[0] % 2, size_wh[1] + size_wh[1] % 2)
        if self.size_wh != size_wh:
            self.notes.append(
                f"The video is {self.size_wh[0]} x {self.size_wh[1]}: its codec wants even sides, so the last "
                "row or column is repeated."
            )
        self._last: Fraction | None = None
        self._reformatter = av.video.reformatter.VideoReformatter()
        self._container: av.container.OutputContainer | None = None
        self._sound: SoundTrack | None = None
        try:
            self._open(suffix, threads, sound, statement)
        except OSError as error:
            self.abort()
            raise not_written(path, error) from None
        except BaseException:
            self.abort()
            raise

    def _open(self, suffix: str, threads: int, sound: Sound | None, statement: str) -> None:
        # Without its own time scale, mp4 rounds the beginning of a late first frame to milliseconds.
        mp4 = {"movflags": "faststart", "movie_timescale": str(self._tick.denominator)}
        options = mp4 if suffix == ".mp4" else {}
        self._container = av.open(str(self.temporary), "w", options=options)
        if statement:
            self._container.metadata["comment"] = statement
        codec = _CODECS[suffix]
        self._stream = self._container.add_stream(codec, options=_OPTIONS[codec])
        self._stream.width, self._stream.height = self.size_wh
        self._stream.pix_fmt = "yuv420p"
        self._stream.time_base = self._stream.codec_context.time_base = self._tick
        context = self._stream.codec_context
        context.framerate = self._rate
        context.thread_count = threads or min(os.cpu_count() or 1, 4)
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = _LIMITED_RANGE
        if sound is not None:
            self._sound = SoundTrack(sound, self._container, suffix)

    def write(self, frame: Frame) -> None:
        try:
            self._mux(frame)
        except OSError as error:
            self.abort()
            raise not_written(self.path, error) from None

    def _mux(self, frame: Frame) -> None:
        assert self._container is not None
        if self._last is not None and frame.time <= self._last:
            raise ValueError(f"frame times must rise: {frame.time} after {self._last}")
        picture = av.VideoFrame.from_ndarray(_even(frame.image), format="rgb24")
        # By default every call starts threads of its own and waits for them: 7 ms beside work instead of one.
        picture = self._reformatter.reformat(
            picture, format="yuv420p", dst_colorspace=_BT709, dst_color_range=_LIMITED_RANGE, threads=1
        )
        picture.pts = round(frame.time / self._tick)
        picture.time_base = self._tick
        if self._sound is not None:
            self._sound.write_until(frame.time)
        for packet in self._stream.encode(picture):
            self._container.mux(packet)
        self._last = frame.time

    def close(self) -> None:
        if self._container is None:
            return
        for packet in self._stream.encode(None):
            self._container.mux(packet)
        if self._sound is not None and self._last is not None:
            # The sound ends with the picture, also when that was stopped early.
            self._sound.write_until(self._last + 1 / self._rate)
        self._container.close()
        self._container = None
        self._close_sound()

    def discard(self) -> None:
        container, self._container = self._container, None
        self._close_sound()
        if container is None:
            return
        # A disk that is full refuses the trailer too; the file is removed anyway.
        with contextlib.suppress(OSError, ValueError):
            container.close()

    def _close_sound(self) -> None:
        if self._sound is not None:
            self._sound.close()
            self._sound = None


def _tick(rate: Fraction, time_base: Fraction | None) -> Fraction:
    """Of which every frame time is a whole multiple, as fine as the container can hold."""
    wanted = lcm(rate.numerator, (time_base or Fraction(1, rate.numerator)).denominator)
    if wanted > _LARGEST_TICKS:
        wanted = (time_base or Fraction(1, 90000)).denominator
    return Fraction(1, min(wanted, _LARGEST_TICKS))


def _even(image: Picture) -> Picture:
    height, width = image.shape[:2]
    if height % 2 == 0 and width % 2 == 0:
        return np.ascontiguousarray(image)
    return np.asarray(cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE), np.uint8)
