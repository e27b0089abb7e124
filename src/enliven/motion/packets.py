"""The stream of a motion file: a header, then one packet a frame, each readable when it arrives.

Layout (all numbers big-endian)::

    "ENLVMOTN"  version u16  header length u32  header JSON  CRC32 of it u32
    packets:    length (LEB128, > 0)  flags u8  ticks since the last frame (LEB128)  landmarks  CRC16
    end:        length 0  summary JSON  its CRC32 u32  its length u32  "END."

A key packet every four seconds bounds what a lost one costs; a stream for calls (``joinable``) tells the whole
face in each. Nothing in it is executable.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from fractions import Fraction
from math import sqrt
from typing import BinaryIO

from enliven.errors import MotionFileError
from enliven.motion.codec import FrameDecoder, FrameEncoder
from enliven.types import Floats, JsonObject, Landmarks, TrackedFace

MAGIC, END = b"ENLVMOTN", b"END."
VERSION = 1
_KEY_SECONDS = Fraction(4)
_FOUND, _CUT, _KEY, _ANCHOR, _HAS_POINTS = 1, 2, 4, 8, 16
_LONGEST_PACKET = 1 << 16
_LONGEST_HEADER = 1 << 20


class MotionEncoder:
    """Writes the stream of a motion file to anything that takes bytes, frame by frame."""

    def __init__(
        self,
        sink: BinaryIO,
        *,
        size_wh: tuple[int, int],
        rate: Fraction | None,
        time_base: Fraction,
        source: str = "",
        made_with: str = "enliven",
        joinable: bool = False,
    ) -> None:
        """``time_base``: frame times must be whole multiples of it.

        ``joinable``: tell the whole face every four seconds (about 2.5 kbit/s more), so that a receiver who
        lost any packet is right again from the next of them on; for calls, not for files.
        """
        self._joinable = joinable
        self._sink = sink
        self._size_wh, self._time_base = size_wh, time_base
        self._rate = rate
        self._coder = FrameEncoder()
        self._ticks, self._last_key = 0, Fraction(-1000)
        self._is_first = True
        self.frames = self.frames_lost = 0
        self._squared_errors = 0.0
        header: JsonObject = {
            "size_wh": list(size_wh),
            "rate": str(rate) if rate else None,
            "time_base": str(time_base),
            "source": source,
            "made_with": made_with,
        }
        body = json.dumps(header).encode()
        lead = MAGIC + VERSION.to_bytes(2, "big") + len(body).to_bytes(4, "big")
        sink.write(lead + body + zlib.crc32(body).to_bytes(4, "big"))

    @property
    def rms_error_px(self) -> float:
        """Of all stored x and y against the given ones, in pixels at a face 256 high."""
        return sqrt(self._squared_errors / max(self.frames - self.frames_lost, 1))

    def write(self, tracked: TrackedFace) -> None:
        """Append one frame. Raises ValueError for a time that does not fit or does not rise."""
        ticks = tracked.time / self._time_base
        if ticks.denominator != 1:
            raise ValueError(f"time {tracked.time} is no multiple of the time base {self._time_base}")
        if not self._is_first and ticks.numerator <= self._ticks:
            raise ValueError(f"times must rise: {tracked.time} after {self._ticks * self._time_base}")
        flags = _FOUND * tracked.found + _CUT * tracked.scene_cut
        body = b""
        if tracked.found and tracked.landmarks is not None:
            is_key = tracked.scene_cut or tracked.time - self._last_key >= _KEY_SECONDS
            body, is_anchor = self._coder.encode(
                tracked.landmarks.points, key=is_key, anchor=is_key and self._joinable
            )
            self._squared_errors += self._coder.rms_error_px(tracked.landmarks.points) ** 2
            flags |= _HAS_POINTS + _KEY * is_key + _ANCHOR * is_anchor
            if is_key or is_anchor:
                self._last_key = tracked.time
        else:
            self.frames_lost += 1
        packet = bytes([flags]) + _varint(ticks.numerator - self._ticks) + body
        self._sink.write(_varint(len(packet)) + packet + _crc16(packet))
        self._ticks, self._is_first = ticks.numerator, False
        self.frames += 1

    def finish(self) -> None:
        """Write the end: without it a reader calls the file truncated."""
        last = self._ticks * self._time_base
        length = last + (1 / self._rate if self._rate else self._time_base) if self.frames else Fraction(0)
        summary = {"frames": self.frames, "frames_lost": self.frames_lost, "duration": str(length)}
        body = json.dumps(summary).encode()
        self._sink.write(
            _varint(0) + body + zlib.crc32(body).to_bytes(4, "big") + len(body).to_bytes(4, "big") + END
        )


class MotionDecoder:
    """Reads the stream of a motion file as it arrives; iterate for its frames."""

    def __init__(self, stream: BinaryIO, name: str = "the stream") -> None:
        """Raises MotionFileError for what is no motion stream, damaged, or newer than this program."""
        self._stream, self._name = stream, name
        if self._take(len(MAGIC)) != MAGIC:
            raise MotionFileError(
                f"{name} is not a motion file. Record one with: enliven motion record VIDEO."
            )
        self.version = int.from_bytes(self._take(2), "big")
        if self.version > VERSION:
            raise MotionFileError(
                f"{name} has format version {self.version}, this program reads up to {VERSION}. Update enliven."
            )
        length = int.from_bytes(self._take(4), "big")
        if length > _LONGEST_HEADER:
            raise self._corrupt("its header is too long")
        body = self._take(length)
        if zlib.crc32(body) != int.from_bytes(self._take(4), "big"):
            raise self._corrupt("the checksum of its header differs")
        try:
            header = json.loads(body)
            self.size_wh = (int(header["size_wh"][0]), int(header["size_wh"][1]))
            self.rate = Fraction(header["rate"]) if header["rate"] else None
            self.time_base = Fraction(header["time_base"])
            self.source, self.made_with = str(header["source"]), str(header["made_with"])
        except (ValueError, KeyError, TypeError, IndexError, ZeroDivisionError):
            raise self._corrupt("its header cannot be read") from None
        self.is_complete = False

    def __iter__(self) -> Iterator[TrackedFace]:
        """Raises MotionFileError where the stream is damaged or breaks off."""
        coder, ticks, points = FrameDecoder(), 0, None
        while (length := self._take_varint()) > 0:
            if length > _LONGEST_PACKET:
                raise self._corrupt("a frame is too long")
            packet = self._take(length)
            if _crc16(packet) != self._take(2):
                raise self._corrupt("the checksum of a frame differs")
            flags, (step, used) = packet[0], _read_varint(packet[1:])
            ticks += step
            if flags & _HAS_POINTS:
                key, anchor = bool(flags & _KEY), bool(flags & _ANCHOR)
                points = coder.decode(packet[1 + used :], key=key, anchor=anchor)
            yield self._face(flags, ticks * self.time_base, points)
        self.is_complete = True

    def _face(self, flags: int, time: Fraction, points: Floats | None) -> TrackedFace:
        landmarks = None if points is None else Landmarks(points, self.size_wh)
        return TrackedFace(time, landmarks, bool(flags & _FOUND), bool(flags & _CUT))

    def _take(self, count: int) -> bytes:
        data = self._stream.read(count)
        if len(data) < count:
            raise MotionFileError(
                f"{self._name} is truncated: it ends in the middle. Copy or record it again."
            )
        return data

    def _take_varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._take(1)[0]
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
            if shift > 35:
                raise self._corrupt("a length is too long")

    def _corrupt(self, why: str) -> MotionFileError:
        return MotionFileError(f"{self._name} is corrupt: {why}. Copy or record it again.")


def _varint(value: int) -> bytes:
    """LEB128."""
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _read_varint(data: bytes) -> tuple[int, int]:
    """(value, bytes used)."""
    value = shift = used = 0
    for byte in data:
        value |= (byte & 127) << shift
        shift += 7
        used += 1
        if byte < 128:
            break
    return value, used


def _crc16(data: bytes) -> bytes:
    """The low half of CRC32: enough for one frame."""
    return (zlib.crc32(data) & 0xFFFF).to_bytes(2, "big")
