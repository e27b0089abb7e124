"""Frames of a video side by side in one picture, to look at."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from enliven.media.image import write_picture
from enliven.media.reader import open_video
from enliven.types import Picture


def write_contact_sheet(video: Path, out: Path, *, columns: int = 4, rows: int = 3, width: int = 320) -> None:
    """``rows`` x ``columns`` frames spread evenly over ``video``, each ``width`` pixels wide, as a PNG."""
    with open_video(video) as reader:
        total = sum(1 for _ in reader)
    wanted = set(np.linspace(0, max(total - 1, 0), columns * rows).round().astype(int).tolist())
    with open_video(video) as reader:
        tiles = [_tile(frame.image, width) for number, frame in enumerate(reader) if number in wanted]
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    lines = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]
    write_picture(out, np.vstack(lines))


def _tile(image: Picture, width: int) -> Picture:
    height = round(image.shape[0] * width / image.shape[1])
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
