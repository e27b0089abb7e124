"""Videos, animated pictures and folders of images as frames with exact times."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType

from enliven.errors import MediaError
from enliven.media.image import check_readable
from enliven.types import Frame


@dataclass(frozen=True)
class VideoInfo:
    """What is known of a video before it is decoded."""

    size_wh: tuple[int, int]
    """Of the upright picture with square pixels."""
    rate: Fraction | None
    """Average frames a second, None when unknown."""
    time_base: Fraction
    """Every frame's time is a whole multiple of this many seconds."""
    duration: Fraction | None
    """Seconds from zero to the end of the picture, None when unknown."""
    frame_count: int | None
    """An estimate for progress bars."""
    rotation_deg: int
    """By which the stored picture was turned to stand upright, clockwise."""
    has_sound: bool
    kind: str
    """Container and codec, for people."""


class VideoReader(AbstractContextManager["VideoReader"]):
    """Iterates once over the frames of a video; holds one frame at a time."""

    info: VideoInfo

    def __init__(self) -> None:
        self.warnings: list[str] = []
        """What went wrong without ending the video; complete after the iteration."""

    def __iter__(self) -> Iterator[Frame]:
        raise NotImplementedError

    def close(self) -> None:
        """Closes the file."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_video(
    path: Path,
    *,
    start: Fraction | None = None,
    end: Fraction | None = None,
    folder_rate: Fraction = Fraction(25),
    threads: int = 0,
) -> VideoReader:
    """A reader for a video file, an animated picture or a folder of numbered images.

    ``start``, ``end``: seconds on the common clock of picture and sound; frame times count from ``start``.
    ``folder_rate``: images a second for a folder without ``times.json``; ``threads``: for decoding, 0 lets
    the codec choose. Raises MediaError for what is missing, empty, no video, or ends before ``start``.
    """
    if start is not None and end is not None and end <= start:
        raise MediaError(f"The end at {float(end):g} s does not lie after the start at {float(start):g} s.")
    if path.is_dir():
        from enliven.media.folder import FolderReader

        return FolderReader(path, start, end, folder_rate)
    check_readable(path, "video")
    if path.suffix.lower() in {".gif", ".webp", ".apng"}:
        from enliven.media.animated import AnimatedReader

        return AnimatedReader(path, start, end)
    from enliven.media.file_reader import FileReader

    return FileReader(path, start, end, threads)


def require_before_end(start: Fraction | None, duration: Fraction | None, path: Path) -> None:
    """Raises MediaError when a start lies at or past the end of the material."""
    if start is not None and duration is not None and start >= duration:
        raise MediaError(
            f"The start at {float(start):g} s lies past the end of {path}, which lasts {float(duration):.2f} s. "
            "Choose an earlier --start."
        )
