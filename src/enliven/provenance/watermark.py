"""The invisible watermark in the pixels of every frame: "made with enliven" and 32 bits.

Marking adds the tile of :mod:`enliven.provenance.watermark_pattern` to the luminance, stronger where the
picture is busy; reading adds up what is left of many frames without their content and searches that for
the tile (:mod:`enliven.provenance.watermark_search`). Figures: docs/watermark.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from enliven.provenance.watermark_pattern import TILE_PX, tile
from enliven.provenance.watermark_search import find_places, read_payload, trials
from enliven.types import Floats, Picture

FLAT_STRENGTH, BUSY_STRENGTH = 1.0, 2.6
"""Standard deviation of what is added, in grey levels, where nothing happens and where much does."""
BUSY_LEVELS = 12.0
"""Mean distance from the local mean, in grey levels, from which a place counts as busy."""
LOUDEST = 1.85
"""Upper bound for the root mean square of what is added: 42.8 dB."""
SHRINK = 4
"""The activity is measured on a picture this many times smaller."""
CREST = 2.5
"""The tile is clipped at this many standard deviations."""


class Watermark:
    """Marks the pictures of one output; the pattern is made once.

    ``payload``: 32 bits (16 of the key's id, 16 of the manifest's hash); ``size_wh``: of every picture.
    Raises ValueError for a payload that does not fit 32 bits.
    """

    def __init__(self, payload: int, size_wh: tuple[int, int]) -> None:
        if not 0 <= payload < 2**32:
            raise ValueError(f"A watermark's payload has 32 bits; {payload} does not fit.")
        self.payload = payload
        self.size_wh = size_wh
        width, height = size_wh
        one = np.clip(tile(payload), -CREST, CREST) * (255 / CREST)
        whole = np.tile(one, (-(-height // TILE_PX), -(-width // TILE_PX)))[:height, :width]
        self._brighter = np.maximum(whole, 0).round().astype(np.uint8)  # (H, W)
        self._darker = np.maximum(-whole, 0).round().astype(np.uint8)  # (H, W)

    def mark(self, picture: Picture) -> Picture:
        """A marked copy of an RGB uint8 picture (H, W, 3) of the size given at construction."""
        height, width = picture.shape[:2]
        if (width, height) != self.size_wh:
            raise ValueError(f"The watermark was made for {self.size_wh}, the picture is {(width, height)}.")
        strength = cv2.resize(_strength(picture), self.size_wh, interpolation=cv2.INTER_LINEAR)
        brighter = cv2.multiply(self._brighter, strength, scale=STRENGTH_UNIT * CREST / 255)
        darker = cv2.multiply(self._darker, strength, scale=STRENGTH_UNIT * CREST / 255)
        marked = cv2.add(picture, cv2.cvtColor(brighter, cv2.COLOR_GRAY2RGB))
        return np.asarray(cv2.subtract(marked, cv2.cvtColor(darker, cv2.COLOR_GRAY2RGB)), dtype=np.uint8)


STRENGTH_UNIT = BUSY_STRENGTH / 255
"""Grey levels of one step of the strength map, which is uint8 for speed."""


def _strength(picture: Picture) -> Picture:
    """(H / 4, W / 4) uint8 strength in steps of ``STRENGTH_UNIT``."""
    height, width = picture.shape[:2]
    size_wh = max(1, width // SHRINK), max(1, height // SHRINK)
    small = cv2.cvtColor(cv2.resize(picture, size_wh, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    activity = cv2.blur(cv2.absdiff(small, cv2.blur(small, (5, 5))), (5, 5))
    rise = (BUSY_STRENGTH - FLAT_STRENGTH) / BUSY_LEVELS
    strength = np.minimum(FLAT_STRENGTH + rise * activity.astype(np.float32), BUSY_STRENGTH)
    loudness = float(np.sqrt(np.mean(np.square(strength))))
    strength *= min(1.0, LOUDEST / loudness) / STRENGTH_UNIT
    return np.asarray(strength.round(), dtype=np.uint8)


SURE_SCORE = 7.8
"""Score of the sync carrier that says "marked" alone."""
LIKELY_SCORE = 6.4
"""Score from which a payload whose check bits fit says "marked"."""
SMALLEST_PX = 64
"""A shorter side than this is not searched: too little of a tile."""
LOOKS = (6, 24, 64)
"""The search runs when so many frames were added up, and at the end."""
STRIDE = 3
"""Every so-manieth frame of a video is used after the first six: neighbours are too alike to add much."""


@dataclass(frozen=True)
class WatermarkReading:
    """What was found in the pixels."""

    found: bool
    payload: int | None
    """32 bits, None when nothing was found or too little is left to read them."""
    confidence: float
    """0..1: one minus an upper bound for the probability that a picture without the mark scores as high."""
    frames: int
    """How many were added up."""


def read_watermark(pictures: Iterable[Picture]) -> WatermarkReading:
    """Looks for the mark in one picture or in the frames of a video, (H, W, 3) RGB uint8 of any size.

    Stops as soon as it is sure and reads at most 64 frames (of 180); holds one sum, never the video. When the size
    changes on the way, it begins anew.
    """
    total: Floats | None = None
    count = 0
    reading = WatermarkReading(False, None, 0.0, 0)
    for index, picture in enumerate(pictures):
        if index >= LOOKS[0] and index % STRIDE:
            continue
        residual = _residual(picture)
        if total is None or total.shape != residual.shape:
            total, count = residual, 0
        else:
            total += residual
        count += 1
        if count in LOOKS:
            reading = _read(total, count)
            if reading.payload is not None or count == LOOKS[-1]:
                return reading
    if total is not None and count not in LOOKS:
        return _read(total, count)
    return reading


def _residual(picture: Picture) -> Floats:
    """(H, W) what the local mean does not explain, evened out so that no place outweighs the others."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    detail = grey - cv2.GaussianBlur(grey, (0, 0), 4.0)
    level = cv2.blur(np.abs(detail), (15, 15)) + 1.0
    return np.asarray(np.clip(detail / level, -2, 2), dtype=np.float32)


def _read(total: Floats, count: int) -> WatermarkReading:
    if min(total.shape) < SMALLEST_PX:
        return WatermarkReading(False, None, 0.0, count)
    best_score = 0.0
    for place in find_places(total):
        best_score = max(best_score, place.score)
        payload = read_payload(total, place) if place.score >= LIKELY_SCORE else None
        if payload is not None:
            return WatermarkReading(True, payload, _confidence(place.score, read=True), count)
    return WatermarkReading(best_score >= SURE_SCORE, None, _confidence(best_score, read=False), count)


def _confidence(score: float, *, read: bool) -> float:
    """One minus the bound ``trials exp(-score^2 / 2)``, times the check bits' chance once they fit."""
    chance = len(LOOKS) * trials() * float(np.exp(-score * score / 2))
    if read:
        chance = min(1.0, chance) * 3**5 * 2**-18
    return 1.0 - min(1.0, chance)
