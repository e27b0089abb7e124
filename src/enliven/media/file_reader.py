"""Video files through PyAV: exact presentation times, upright pictures, right colours."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import av.error
import av.logging
import cv2
import numpy as np

from enliven.errors import MediaError
from enliven.media.reader import VideoInfo, VideoReader, require_before_end
from enliven.types import Frame, Picture

av.logging.set_level(None)
"""Any other level makes decoder threads wait for Python while Python waits for them to end: a dead lock."""

_ITU709, _ITU601, _UNKNOWN = 1, 5, 2
_HD_LINES = 720


class FileReader(VideoReader):
    """One pass over the picture of a video file."""

    def __init__(self, path: Path, start: Fraction | None, end: Fraction | None, threads: int) -> None:
        super().__init__()
        self._path = path
        self._container = _open(path)
        try:
            self._prepare(start, end, threads)
        except BaseException:
            self._container.close()
            raise

    def _prepare(self, start: Fraction | None, end: Fraction | None, threads: int) -> None:
        self._stream = _picture_of(self._container, self._path)
        self._stream.thread_type = "AUTO"
        self._stream.codec_context.thread_count = threads
        self._packets = self._decoded()
        first = next(self._packets, None)
        if first is None:
            raise MediaError(
                f"{self._path} holds no picture that can be decoded. It may be truncated; try to copy it again."
            )
        self._zero = zero_time(self._container, self._stream)
        self._aspect = self._stream.sample_aspect_ratio or Fraction(1)
        self._turns = round(first.rotation / 90) % 4  # counter-clockwise quarter turns
        self.info = self._describe(first)
        require_before_end(start, self._length(), self._path)
        # Whole ticks, so that every time stays a multiple of the time base.
        self._start = self._ticks(start or Fraction(0))
        self._end = end
        self._pending: av.VideoFrame | None = first
        if self._start > 0:
            self._seek()

    def _ticks(self, seconds: Fraction) -> Fraction:
        return math.floor(seconds / self.info.time_base) * self.info.time_base

    def _seek(self) -> None:
        """To the key frame before the start; what lies between is decoded and dropped."""
        time_base = self._stream.time_base or Fraction(1, 90000)
        target = int((self._zero + self._start) / time_base)
        try:
            self._container.seek(max(target, 0), stream=self._stream, backward=True)
        except av.error.FFmpegError:
            return  # containers that cannot seek are read from the beginning
        self._packets = self._decoded()
        self._pending = None

    def _describe(self, first: av.VideoFrame) -> VideoInfo:
        stream, container = self._stream, self._container
        size_wh = (max(1, round(first.width * self._aspect)), first.height)
        if self._turns % 2:
            size_wh = (size_wh[1], size_wh[0])
        length = self._length()
        rate = stream.average_rate or stream.guessed_rate
        count = stream.frames or (round(length * rate) if length and rate else None)
        return VideoInfo(
            size_wh=size_wh,
            rate=Fraction(rate) if rate else None,
            time_base=stream.time_base or Fraction(1, 90000),
            duration=length,
            frame_count=count or None,
            rotation_deg=(-90 * self._turns) % 360,
            has_sound=bool(container.streams.audio),
            kind=f"{container.format.name.split(',')[0]}, {stream.codec_context.name}",
        )

    def _length(self) -> Fraction | None:
        """Seconds from zero to the end of the picture."""
        stream = self._stream
        if stream.duration and stream.time_base:
            first = (stream.start_time or 0) * stream.time_base
            return Fraction(first - self._zero + stream.duration * stream.time_base)
        if self._container.duration:
            return Fraction(self._container.duration, av.time_base)
        return None

    def __iter__(self) -> Iterator[Frame]:
        """Raises MediaError when no frame lies in the range."""
        last = Fraction(-1)
        dropped = 0
        for decoded in self._in_order():
            time = decoded.pts * self._stream.time_base - self._zero - self._start
            if time < 0:  # between the key frame and the start
                continue
            if self._end is not None and time + self._start >= self._end:
                break
            if time <= last:
                dropped += 1
                continue
            last = time
            yield Frame(self._upright(decoded), Fraction(time))
        if dropped:
            self.warnings.append(f"{dropped} frames with repeated time stamps were left out.")
        if last < 0:
            raise MediaError(
                f"{self._path} shows no frame in the chosen range. Choose another --start or --end."
            )

    def _in_order(self) -> Iterator[av.VideoFrame]:
        if self._pending is not None:
            yield self._pending
            self._pending = None
        yield from self._packets

    def _decoded(self) -> Iterator[av.VideoFrame]:
        """Decoded frames that have a time; damaged packets are counted and passed over."""
        damaged = 0
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
                frames = packet.decode()
            except (StopIteration, av.error.EOFError):
                break
            except av.error.FFmpegError:
                damaged += 1
                if damaged > 1000:
                    break
                continue
            yield from (frame for frame in frames if frame.pts is not None)
        if damaged:
            self.warnings.append(f"{damaged} damaged packets of {self._path.name} were passed over.")

    def _upright(self, decoded: av.VideoFrame) -> Picture:
        picture = _rgb(decoded)
        if self._aspect != 1:
            width = max(1, round(picture.shape[1] * self._aspect))
            picture = np.asarray(cv2.resize(picture, (width, picture.shape[0]), interpolation=cv2.INTER_AREA))
        if self._turns:
            picture = np.ascontiguousarray(np.rot90(picture, self._turns))
        return picture

    def close(self) -> None:
        self._container.close()


def zero_time(container: av.container.InputContainer, picture: av.VideoStream) -> Fraction:
    """Where the common clock of picture and sound begins, in whole ticks of the picture's time base."""
    time_base = picture.time_base or Fraction(1, 90000)
    starts = [(picture.start_time or 0) * time_base]
    for sound in container.streams.audio[:1]:
        # Encoder delay may lie before zero; it is not heard, so it does not move the clock.
        starts.append(max((sound.start_time or 0) * (sound.time_base or Fraction(1)), Fraction(0)))
    return math.floor(min(starts) / time_base) * time_base


def _open(path: Path) -> av.container.InputContainer:
    try:
        return av.open(str(path), metadata_errors="ignore")
    except av.error.FFmpegError as error:
        raise MediaError(
            f"{path} is not a video that can be read, or it is truncated ({error.strerror or error}). "
            "A video such as .mp4, .mov, .webm or .mpg is needed."
        ) from None


def _picture_of(container: av.container.InputContainer, path: Path) -> av.VideoStream:
    if not container.streams.video:
        held = "only sound" if container.streams.audio else "nothing that can be shown"
        raise MediaError(f"{path} has no picture, {held}. A video with a face in it is needed.")
    return container.streams.video[0]


def _rgb(decoded: av.VideoFrame) -> Picture:
    """(H, W, 3) by the frame's own colour matrix; unmarked HD is BT.709, unmarked SD BT.601."""
    matrix = int(decoded.colorspace)
    if matrix == _UNKNOWN:
        matrix = _ITU709 if decoded.height >= _HD_LINES else _ITU601
    picture: Picture = decoded.to_ndarray(format="rgb24", src_colorspace=matrix, threads=1)
    return picture
