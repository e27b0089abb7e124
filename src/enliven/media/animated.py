"""Animated GIF, WebP and PNG through Pillow, with the durations that the file states."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from enliven.errors import MediaError
from enliven.media.reader import VideoInfo, VideoReader, require_before_end
from enliven.types import Frame, Picture

_DEFAULT_MS = 100
"""What browsers show for a frame that states no duration, or less than 20 ms."""


class AnimatedReader(VideoReader):
    """The composed frames of an animated picture; its repetitions are not played."""

    def __init__(self, path: Path, start: Fraction | None, end: Fraction | None) -> None:
        super().__init__()
        self._path = path
        try:
            self._image = Image.open(path)
            durations = [self._duration(number) for number in range(getattr(self._image, "n_frames", 1))]
        except (UnidentifiedImageError, OSError, EOFError, ValueError) as error:
            raise MediaError(
                f"{path} is not a video or animated picture that can be read ({error})."
            ) from None
        self._durations = durations
        self._start, self._end = start or Fraction(0), end
        length = sum(durations, Fraction(0))
        require_before_end(start, length, path)
        self.info = VideoInfo(
            size_wh=self._image.size,
            rate=len(durations) / length,
            time_base=Fraction(1, 1000),
            duration=length,
            frame_count=len(durations),
            rotation_deg=0,
            has_sound=False,
            kind=f"animated {self._image.format}",
        )

    def _duration(self, number: int) -> Fraction:
        self._image.seek(number)
        stated = self._image.info.get("duration", 0)
        return Fraction(round(stated) if stated >= 20 else _DEFAULT_MS, 1000)

    def __iter__(self) -> Iterator[Frame]:
        """Raises MediaError when nothing lies in the range."""
        time, shown = Fraction(0), 0
        for number, duration in enumerate(self._durations):
            if time >= self._start and (self._end is None or time < self._end):
                yield Frame(self._picture(number), time - self._start)
                shown += 1
            time += duration
        if not shown:
            raise MediaError(
                f"{self._path} shows no frame in the chosen range. Choose another --start or --end."
            )

    def _picture(self, number: int) -> Picture:
        try:
            self._image.seek(number)
            frame = self._image.convert("RGBA")
        except (OSError, EOFError, SyntaxError) as error:
            raise MediaError(f"{self._path} is damaged at frame {number} ({error}).") from None
        paper = Image.new("RGBA", frame.size, (255, 255, 255, 255))
        return np.array(Image.alpha_composite(paper, frame).convert("RGB"), np.uint8)

    def close(self) -> None:
        self._image.close()
