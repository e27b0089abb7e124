"""The `.motion` file: landmarks over time, small, exact in time, without any picture.

The stream inside is that of :mod:`enliven.motion.packets`; here it lies on a disk, complete or not at all.
"""

from __future__ import annotations

import json
import os
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from enliven.errors import MotionFileError, OutputError
from enliven.motion.packets import END, MotionDecoder, MotionEncoder
from enliven.types import JsonObject, TrackedFace


@dataclass(frozen=True)
class MotionInfo:
    """What a motion file says of itself."""

    version: int
    size_wh: tuple[int, int]
    """Of the driving picture."""
    rate: Fraction | None
    time_base: Fraction
    """Every frame's time is a whole multiple of this many seconds."""
    frame_count: int
    frames_lost: int
    duration: Fraction
    file_bytes: int
    source: str
    made_with: str

    @property
    def kbit_per_s(self) -> float:
        """Of the whole file over its duration."""
        return self.file_bytes * 8 / 1000 / max(float(self.duration), 1e-6)

    def facts(self) -> JsonObject:
        """For people and programs, in the order to show them."""
        return {
            "duration_s": round(float(self.duration), 3),
            "frames": self.frame_count,
            "frames_lost": self.frames_lost,
            "rate": str(self.rate) if self.rate else "variable",
            "driving_size": list(self.size_wh),
            "bytes": self.file_bytes,
            "kbit_per_s": round(self.kbit_per_s, 2),
            "source": self.source,
            "made_with": self.made_with,
            "format_version": self.version,
        }


class MotionWriter(AbstractContextManager["MotionWriter"]):
    """A motion file on disk; it appears complete when the block ends, or not at all."""

    def __init__(
        self,
        path: Path,
        *,
        size_wh: tuple[int, int],
        rate: Fraction | None,
        time_base: Fraction,
        source: str = "",
        made_with: str = "enliven",
        overwrite: bool = False,
    ) -> None:
        """Raises OutputError when ``path`` exists or its folder cannot be written to."""
        if path.suffix.lower() != ".motion":
            raise OutputError(
                f"{path} does not end in .motion, by which motion files are known. Rename it so."
            )
        if path.exists() and not overwrite:
            raise OutputError(f"{path} exists. Choose another name, or pass --overwrite to replace it.")
        self._path = path
        try:
            descriptor, name = tempfile.mkstemp(prefix=".enliven-", suffix=".part", dir=path.parent)
        except OSError as error:
            raise OutputError(f"{path} could not be written: {error.strerror or error}.") from None
        self._temporary = Path(name)
        self._temporary.chmod(0o666 & ~_umask())  # mkstemp's 0600 is not what a user expects of a file
        self._file = os.fdopen(descriptor, "wb")
        self._encoder = MotionEncoder(
            self._file, size_wh=size_wh, rate=rate, time_base=time_base, source=source, made_with=made_with
        )

    @property
    def rms_error_px(self) -> float:
        """See :attr:`MotionEncoder.rms_error_px`."""
        return self._encoder.rms_error_px

    def write(self, tracked: TrackedFace) -> None:
        """Append one frame. Raises OutputError when the disk refuses."""
        try:
            self._encoder.write(tracked)
        except OSError as error:
            raise OutputError(f"{self._path} could not be written: {error.strerror or error}.") from None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._encoder.finish()
            self._file.close()
            if error is None:
                self._temporary.replace(self._path)
        except OSError as refusal:
            raise OutputError(f"{self._path} could not be written: {refusal.strerror or refusal}.") from None
        finally:
            self._file.close()
            self._temporary.unlink(missing_ok=True)


def _umask() -> int:
    """The process's file mode mask; there is no way to read it but to set it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


class MotionReader(AbstractContextManager["MotionReader"]):
    """The frames of a motion file within a range; times count from its start."""

    def __init__(self, path: Path, *, start: Fraction | None = None, end: Fraction | None = None) -> None:
        """Raises MotionFileError for a missing, damaged, truncated or newer file, and a start past its end."""
        self.info = read_motion_info(path)
        self._start, self._end = start or Fraction(0), end
        if self._start >= self.info.duration:
            raise MotionFileError(
                f"The start at {float(self._start):g} s lies past the end of {path}, which lasts "
                f"{float(self.info.duration):.2f} s. Choose an earlier --start."
            )
        self._start = (self._start // self.info.time_base) * self.info.time_base
        self._file = path.open("rb")
        self._decoder = MotionDecoder(self._file, str(path))

    def __iter__(self) -> Iterator[TrackedFace]:
        """In order of time."""
        for face in self._decoder:
            if self._end is not None and face.time >= self._end:
                return
            if face.time >= self._start:
                yield TrackedFace(face.time - self._start, face.landmarks, face.found, face.scene_cut)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def read_motion_info(path: Path) -> MotionInfo:
    """What the file says of itself, by its header and end. Raises MotionFileError like the reader."""
    if not path.is_file():
        raise MotionFileError(f"There is no such file: {path}. A .motion file was expected; check the path.")
    try:
        with path.open("rb") as file:
            decoder = MotionDecoder(file, str(path))
            summary = _read_end(file, path)
    except OSError as error:
        raise MotionFileError(f"{path} could not be read: {error.strerror or error}.") from None
    return MotionInfo(
        version=decoder.version,
        size_wh=decoder.size_wh,
        rate=decoder.rate,
        time_base=decoder.time_base,
        frame_count=int(summary["frames"]),
        frames_lost=int(summary["frames_lost"]),
        duration=Fraction(summary["duration"]),
        file_bytes=path.stat().st_size,
        source=decoder.source,
        made_with=decoder.made_with,
    )


def _read_end(file: BinaryIO, path: Path) -> JsonObject:
    tail = len(END) + 8
    size = path.stat().st_size
    file.seek(max(size - tail, 0))
    end = file.read(tail)
    length = int.from_bytes(end[4:8], "big")
    if end[8:] != END or length > size - tail:
        raise MotionFileError(f"{path} is truncated: its end is missing. Copy or record it again.")
    file.seek(size - tail - length)
    body = file.read(length)
    try:
        if zlib.crc32(body) != int.from_bytes(end[:4], "big"):
            raise ValueError("checksum")
        summary: JsonObject = json.loads(body)
        Fraction(summary["duration"])
        int(summary["frames"]) + int(summary["frames_lost"])
    except (ValueError, KeyError, TypeError):
        raise MotionFileError(
            f"{path} is corrupt: its end cannot be read. Copy or record it again."
        ) from None
    return summary
