"""A contact sheet: the truth above, below it what every contender made of the same frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from enliven.media.image import write_picture
from enliven.types import Picture

COLUMNS = 5
"""Driving frames shown."""
_LABEL_PX, _HEAD_PX = 150, 24


def shown_frames(frames: Sequence[int]) -> list[int]:
    """A few, evenly spread."""
    places = np.unique(np.linspace(0, len(frames) - 1, min(len(frames), COLUMNS)).round().astype(int))
    return [frames[int(place)] for place in places]


@dataclass
class Sheet:
    """Grows row by row."""

    photo: Picture
    """The first photo; stands in front of every row that is made from it."""
    frames: list[int]
    """Of the driver."""
    _rows: list[Picture] = field(default_factory=list)

    def add(self, title: str, pictures: Mapping[int, Picture], *, from_photo: bool = True) -> None:
        """A row of the shown frames among ``pictures``."""
        first = self.photo if from_photo else np.full_like(self.photo, 255)
        label = _text(title, _LABEL_PX, self.photo.shape[0])
        self._rows.append(np.hstack([label, first, *(pictures[frame] for frame in self.frames)]))

    def write(self, path: Path) -> None:
        titles = ["photo", *(f"frame {frame}" for frame in self.frames)]
        head = [_text("", _LABEL_PX, _HEAD_PX)]
        head += [_text(title, self.photo.shape[1], _HEAD_PX) for title in titles]
        write_picture(path, np.vstack([np.hstack(head), *self._rows]))


def _text(words: str, width: int, height: int) -> Picture:
    """Black on white, one word a line where there is room."""
    field_ = np.full((height, width, 3), 255, np.uint8)
    lines = words.split() if height > _HEAD_PX else [words]
    for number, line in enumerate(lines):
        at = (6, 17 + 20 * number)
        cv2.putText(field_, line, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1, cv2.LINE_AA)
    return field_
