"""A folder of numbered images as a video; ``times.json`` beside them keeps exact times."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fractions import Fraction
from math import lcm
from pathlib import Path

from enliven.errors import MediaError
from enliven.media.image import read_photo
from enliven.media.reader import VideoInfo, VideoReader, require_before_end
from enliven.types import Frame

IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"}
TIMES_FILE = "times.json"


class FolderReader(VideoReader):
    """Images in the order of the numbers in their names."""

    def __init__(self, path: Path, start: Fraction | None, end: Fraction | None, rate: Fraction) -> None:
        super().__init__()
        self._path = path
        names = [
            p for p in path.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and not p.name.startswith(".")
        ]
        images = sorted(names, key=_natural)
        if not images:
            raise MediaError(
                f"There is no image in the folder {path}. Numbered images such as 000001.png are needed."
            )
        times = _stored_times(path, len(images)) or [i / rate for i in range(len(images))]
        length = times[-1] + (times[-1] - times[-2] if len(times) > 1 else 1 / rate)
        require_before_end(start, length, path)
        self._shown = [
            (image, time - (start or 0))
            for image, time in zip(images, times, strict=True)
            if time >= (start or 0) and (end is None or time < end)
        ]
        if not self._shown:
            raise MediaError(f"{path} shows no image in the chosen range. Choose another --start or --end.")
        first = read_photo(self._shown[0][0])
        self.info = VideoInfo(
            size_wh=(first.shape[1], first.shape[0]),
            rate=Fraction(len(images)) / length,
            time_base=Fraction(1, lcm(*(time.denominator for _, time in self._shown))),
            duration=length,
            frame_count=len(self._shown),
            rotation_deg=0,
            has_sound=False,
            kind="folder of images",
        )

    def __iter__(self) -> Iterator[Frame]:
        """Raises MediaError naming the image that differs in size or cannot be read."""
        for path, time in self._shown:
            image = read_photo(path)
            if (image.shape[1], image.shape[0]) != self.info.size_wh:
                wide, high = self.info.size_wh
                raise MediaError(
                    f"{path} is {image.shape[1]} x {image.shape[0]} pixels, but the first image is {wide} x {high}. "
                    "All images of a folder must have one size."
                )
            yield Frame(image, time)


def _natural(path: Path) -> list[tuple[int, int, str]]:
    """Sorts 2 before 10."""
    parts = re.findall(r"\d+|\D+", path.name)
    return [(0, int(part), "") if part.isdigit() else (1, 0, part.lower()) for part in parts]


def _stored_times(path: Path, count: int) -> list[Fraction] | None:
    """The exact times that our own writer left beside the images, if they fit."""
    file = path / TIMES_FILE
    if not file.exists():
        return None
    try:
        times = [Fraction(text) for text in json.loads(file.read_text())["times"]]
    except (ValueError, KeyError, TypeError) as error:
        raise MediaError(
            f"{file} is damaged ({error}). Remove it to read the images at 25 a second."
        ) from None
    if len(times) != count:
        raise MediaError(
            f"{file} names {len(times)} times, but there are {count} images. Remove it to read them at 25 a second."
        )
    return times
