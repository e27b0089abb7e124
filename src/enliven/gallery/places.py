"""Which pictures the user's photos, folders and videos hold, before any is looked at."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from enliven.errors import MediaError
from enliven.media.image import check_readable, read_photo
from enliven.media.reader import open_video
from enliven.types import Picture

PHOTO_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".heic", ".heif", ".hif", ".jfif"}
)
VIDEO_SUFFIXES = frozenset(
    {".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".wmv", ".flv", ".3gp", ".gif"}
)
_LEAST_APART = Fraction(1, 10)
"""Seconds between the frames of a video that are looked at; neighbours hardly differ."""


@dataclass(frozen=True)
class Source:
    """One thing that the user named."""

    path: Path
    photos: tuple[Path, ...]
    """The photo itself, or those in the folder; none for a video."""

    @property
    def is_video(self) -> bool:
        return not self.photos

    @property
    def is_photo(self) -> bool:
        """True for a photo that was named itself, not by its folder."""
        return self.photos == (self.path,)


@dataclass(frozen=True, eq=False)
class Sight:
    """One picture, read."""

    name: str
    """What the user calls it."""
    file: Path
    time: Fraction | None
    """Seconds into the video; None of a photo."""
    picture: Picture | None
    """RGB (H, W, 3); None when it could not be read."""
    problem: str = ""


def sources_of(paths: Sequence[Path]) -> list[Source]:
    """What each path is. Raises MediaError for one that is not there and for a folder without photos."""
    return [_source_of(path) for path in paths]


def _source_of(path: Path) -> Source:
    if path.is_dir():
        return Source(path, tuple(_photos_in(path)))
    if path.suffix.lower() in VIDEO_SUFFIXES:
        check_readable(path, "photo or video")
        return Source(path, ())
    check_readable(path, "photo")
    return Source(path, (path,))


def _photos_in(folder: Path) -> list[Path]:
    found = [
        file
        for file in folder.iterdir()
        if file.suffix.lower() in PHOTO_SUFFIXES and not file.name.startswith(".")
    ]
    if not found:
        raise MediaError(
            f"There is no photo in the folder {folder}. Photos of one person (JPEG, PNG, WebP, TIFF, BMP, HEIC) are "
            "needed; folders inside of it are not searched."
        )
    return sorted(found, key=lambda file: [int(p) if p.isdigit() else p for p in _parts(file.name)])


def _parts(name: str) -> list[str]:
    """Numbers and the text between them, text first, so that 2 stands before 10."""
    return re.split(r"(\d+)", name.lower())


def spread(count: int, most: int) -> list[int]:
    """At most ``most`` of ``count`` numbers, evenly spread, ascending."""
    if count <= most:
        return list(range(count))
    return sorted({int(place) for place in np.linspace(0, count - 1, most).round()})


def sights(source: Source, most: int) -> Iterator[Sight]:
    """At most ``most`` pictures of a source, evenly spread.

    A photo of a folder that cannot be read comes with its problem; one that was named raises MediaError.
    """
    if source.is_video:
        yield from _frames(source.path, most)
        return
    for index in spread(len(source.photos), most):
        file = source.photos[index]
        name = file.name if source.is_photo else f"{source.path.name}/{file.name}"
        try:
            picture = read_photo(file)
        except MediaError as error:
            if source.is_photo:
                raise
            yield Sight(name, file, None, None, f"it cannot be read: {error}")
        else:
            yield Sight(name, file, None, picture)


def _frames(path: Path, most: int) -> Iterator[Sight]:
    with open_video(path) as video:
        step = _step(video.info.frame_count, video.info.rate, most)
        shown = 0
        for number, frame in enumerate(video):
            if number % step:
                continue
            if shown == most:
                return
            shown += 1
            yield Sight(f"{path.name} at {float(frame.time):.2f} s", path, frame.time, frame.image)


def _step(frame_count: int | None, rate: Fraction | None, most: int) -> int:
    """Frames from one that is looked at to the next."""
    apart = max(1, round(_LEAST_APART * rate)) if rate else 1
    return max(apart, math.ceil(frame_count / most) if frame_count else 10)


def frame_at(path: Path, time: Fraction) -> Picture:
    """The frame of a video that is shown at exactly this time."""
    with open_video(path) as video:
        for frame in video:
            if frame.time == time:
                return frame.image
    raise MediaError(f"{path} has no frame at {float(time):.2f} s any more; was it changed meanwhile?")
