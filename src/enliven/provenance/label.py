"""The visible label: a small "AI" in the lower right corner, legible on light and on dark."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from enliven.types import Floats, Picture

TEXT = "AI"
SHARE = 0.055
"""Height of the label as a share of the picture's shorter side."""
LEAST_PX, MOST_PX = 14, 72
INK, PAPER = (255, 255, 255, 245), (18, 20, 24, 178)
RIM = (255, 255, 255, 110)
_FINER = 4
"""Drawn so many times larger, then scaled down, for smooth edges."""


class Label:
    """Lays the label over pictures of one size; drawn once."""

    def __init__(self, size_wh: tuple[int, int]) -> None:
        width, height = size_wh
        tall = int(np.clip(round(SHARE * min(size_wh)), LEAST_PX, MOST_PX))
        drawn = _drawn(tall)
        margin = max(2, tall // 2)
        self._top = max(0, height - margin - drawn.shape[0])
        self._left = max(0, width - margin - drawn.shape[1])
        drawn = drawn[: height - self._top, : width - self._left]
        alpha: Floats = drawn[:, :, 3:].astype(np.float32) / 255
        self._added: Floats = drawn[:, :, :3].astype(np.float32) * alpha  # (h, w, 3)
        self._kept: Floats = 1 - alpha  # (h, w, 1)

    def show(self, picture: Picture) -> Picture:
        """A labelled copy of an RGB uint8 picture (H, W, 3)."""
        labelled = picture.copy()
        height, width = self._kept.shape[:2]
        corner = labelled[self._top : self._top + height, self._left : self._left + width]
        corner[:] = (corner * self._kept + self._added).round()
        return labelled


def _drawn(tall: int) -> Picture:
    """(h, w, 4) the label on a transparent ground."""
    high, wide = tall * _FINER, round(tall * 1.55) * _FINER
    image = Image.new("RGBA", (wide, high), (0, 0, 0, 0))
    pen = ImageDraw.Draw(image)
    rim = max(1, high // 24)
    pen.rounded_rectangle((0, 0, wide - 1, high - 1), radius=high // 3, fill=PAPER, outline=RIM, width=rim)
    font = ImageFont.load_default(size=high * 0.68)
    pen.text(
        (wide / 2, high / 2), TEXT, font=font, fill=INK, anchor="mm", stroke_width=high // 60, stroke_fill=INK
    )
    pixels = np.asarray(image, np.float32)
    pixels[:, :, :3] *= pixels[:, :, 3:] / 255
    small = cv2.resize(pixels, (wide // _FINER, high // _FINER), interpolation=cv2.INTER_AREA)
    small[:, :, :3] /= np.maximum(small[:, :, 3:], 1) / 255
    return np.asarray(np.clip(small.round(), 0, 255), np.uint8)
