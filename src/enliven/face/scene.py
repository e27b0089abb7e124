"""Scene cuts: how much the whole picture changed since the last frame."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from enliven.types import Floats, Picture

_SAMPLES = 64
_THUMB = 16
_BINS = 4
_BLANK_STD = 3.0
"""Grey levels; a picture flatter than this shows nothing (fades, drop-outs) and is no scene."""


@dataclass(frozen=True)
class Change:
    """Distance of two pictures, each 0 (same) to about 1 (nothing in common)."""

    colours: float
    """Share of the pixels that would have to change their coarse colour."""
    layout: float
    """One minus the correlation of two small grey pictures; brightness and contrast do not matter."""
    blank: bool = False
    """The new picture shows nothing."""

    @property
    def is_total(self) -> bool:
        """Nothing of the old scene is left."""
        return self.layout > 0.6 or (self.layout > 0.3 and self.colours > 0.35)

    @property
    def is_large(self) -> bool:
        """Perhaps another scene, perhaps fast motion or a flash."""
        return self.layout > 0.25 or self.colours > 0.35


class SceneWatch:
    """Compares every frame with the last one that showed anything."""

    def __init__(self) -> None:
        self._colours: Floats | None = None
        self._layout: Floats | None = None

    def update(self, image: Picture) -> Change:
        """How far this picture (RGB uint8) is from the one before; the first is no change."""
        sampled = _sampled(image)
        layout = cv2.resize(sampled, (_THUMB, _THUMB), interpolation=cv2.INTER_AREA).mean(axis=2)
        if float(layout.std()) < _BLANK_STD:
            return Change(0.0, 0.0, blank=True)
        layout = ((layout - layout.mean()) / layout.std()).astype(np.float32)
        colours = _histogram(sampled)
        change = Change(0.0, 0.0)
        if self._colours is not None and self._layout is not None:
            change = Change(
                float(np.abs(colours - self._colours).sum() / 2), 1.0 - float((layout * self._layout).mean())
            )
        self._colours, self._layout = colours, layout
        return change


def _sampled(image: Picture) -> Picture:
    """About 64 x 64 pixels of the picture, a little averaged."""
    height, width = image.shape[:2]
    coarse = image[:: max(1, height // (2 * _SAMPLES)), :: max(1, width // (2 * _SAMPLES))]
    small = cv2.resize(np.ascontiguousarray(coarse), (_SAMPLES, _SAMPLES), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def _histogram(image: Picture) -> Floats:
    ranges = [0, 256] * 3
    counts = cv2.calcHist([image], [0, 1, 2], None, [_BINS] * 3, ranges)
    return np.asarray(counts / counts.sum(), np.float32)
