"""The inside of the mouth as a layer of its own.

What the photo shows between the lips hangs from the upper lip, as upper teeth do, and is neither stretched
nor squeezed; where the mouth opens further than that, the inside is painted as mouths look that are held so
(`mouth_inside`).
"""

from __future__ import annotations

import cv2
import numpy as np

from enliven.geometry import Similarity
from enliven.model.mouth_inside import Tones, painted
from enliven.model.opening import Grid, Opening
from enliven.model.strokes import polygon_mask, soft_line
from enliven.topology import INNER_LIPS, OUTER_LIPS, STABLE
from enliven.types import Floats, Overlay, Picture

_SHOWS_INSIDE = 0.018
"""Mean lip gap over the face's height from which the photo shows the inside of the mouth."""
_ROWS, _COLUMNS = 6, 9
_WHITE, _BRIGHT = (0.9, 1.05), (0.5, 0.7)
"""What is seen below the upper lip is teeth, none to sure, when it is so much less yellow and red than the skin and so
bright beside it."""
_FARTHER = (1.5, 2.5)
"""Times its own gap, from which on and by which a mouth has opened so far that what is no teeth tells nothing of it."""
_RING, _INNER = list(OUTER_LIPS), list(INNER_LIPS)


class MouthLayer:
    """One photo's mouth, opened and shut."""

    def __init__(self, photo: Picture, points: Floats) -> None:
        """``photo``: RGB (H, W, 3); ``points``: (478, 3) landmarks in photo pixels."""
        self._photo = photo
        self._own = Opening(points)
        self._shows_inside = self._own.gap_px > _SHOWS_INSIDE * self._own.face_px
        self._tones = tones_of(photo, points)
        self._teeth = _teeth_in(photo, self._own, self._tones) if self._shows_inside else 0.0
        self._seam_colour = 0.72 * self._tones.lips

    def overlay(self, points: Floats, head_scale: float) -> Overlay | None:
        """The inside for landmarks at ``points`` (478, 3) photo pixels, or None where the photo's own will do."""
        mouth = Opening(points)
        strength, seam = self._need(mouth, head_scale)
        if max(strength, seam) <= 0.0:
            return None
        polygon = points[_INNER, :2]
        sigma = max(0.08 * mouth.gap_px, 0.5)
        margin = int(np.ceil(3 * sigma)) + 2
        x0, y0 = np.floor(polygon.min(axis=0)).astype(int) - margin
        x1, y1 = np.ceil(polygon.max(axis=0)).astype(int) + margin + 1
        size_wh = (int(x1 - x0), int(y1 - y0))
        local = polygon - [x0, y0]
        alpha = cv2.GaussianBlur(polygon_mask(local, size_wh), (0, 0), sigma) * np.float32(strength)
        pixels = np.stack(np.meshgrid(np.arange(x0, x1), np.arange(y0, y1)), axis=-1).astype(np.float64)
        picture = painted(mouth, self._tones, pixels)
        if self._shows_inside:
            shown, trust = self._from_photo(mouth, pixels, head_scale)
            picture += (shown - picture) * trust[..., None]
        if seam > 0.0:
            picture += (self._seam_colour - picture) * seam
            alpha = np.maximum(alpha, _line(local, size_wh, mouth.face_px) * np.float32(seam))
        image = np.asarray(np.clip(np.round(picture), 0, 255), np.uint8)
        return Overlay(image, alpha, Similarity(shift_px=(float(x0), float(y0))))

    def _need(self, mouth: Opening, head_scale: float) -> tuple[float, float]:
        """(inside, seam), 0 to 1 each.

        The inside is needed where the mesh alone would smear; the seam where lips meet that stand open in
        the photo: there the mesh has squeezed a row of teeth into a line.
        """
        gap, own = mouth.gap_px, self._own.gap_px * head_scale
        unit = 0.012 * mouth.face_px
        if not self._shows_inside:
            return float(np.clip((gap - 1.3 * own) / unit, 0.0, 1.0)), 0.0
        moved = float(np.clip((abs(gap - own) - 0.1 * own) / (0.15 * own), 0.0, 1.0))
        opened = float(np.clip(gap / unit, 0.0, 1.0))
        return moved * opened, moved * (1.0 - opened)

    def _from_photo(self, mouth: Opening, pixels: Grid, head_scale: float) -> tuple[Grid, Grid]:
        """The photo's inside hung from the upper lip, and where it goes on: (h, w, 3) and (h, w)."""
        shares, _, below = mouth.shares(pixels)
        along, below = shares[..., 0] * self._own.width_px, below / head_scale  # photo pixels from here on
        top, bottom = self._own.edges(along)
        at = self._own.at(along, top + np.maximum(below, -2.0)).astype(np.float32)
        shown = cv2.remap(self._photo, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        room = bottom - top
        soft = np.maximum(0.25 * room, 1.0)
        trust = np.clip((0.92 * room - below) / soft, 0.0, 1.0) * np.clip(room / 2.0, 0.0, 1.0)
        return shown.astype(np.float64), trust * self._tells(mouth.gap_px / head_scale)

    def _tells(self, gap: float) -> float:
        """0 to 1: how much the photo's inside tells of a mouth open by ``gap``, in photo pixels."""
        farther = gap / self._own.gap_px
        return max(self._teeth, 1.0 - _ramp(farther, _FARTHER))


def _teeth_in(photo: Picture, opening: Opening, tones: Tones) -> float:
    """0 to 1: whether the photo shows teeth in the upper half of its open mouth."""
    at, *_ = opening.places(_ROWS, _COLUMNS)
    middle = at[: _ROWS // 2, _COLUMNS // 3 : _COLUMNS - _COLUMNS // 3].reshape(-1, 2)
    seen, skin = _median_colour(photo, middle), tones.skin
    white = (seen[2] / max(seen[0], 1.0)) / max(skin[2] / max(skin[0], 1.0), 0.05)
    return _ramp(white, _WHITE) * _ramp(float(seen.mean()) / tones.light, _BRIGHT)


def _ramp(value: float, ends: tuple[float, float]) -> float:
    """0 up to the first end, 1 from the second on."""
    return float(np.clip((value - ends[0]) / (ends[1] - ends[0]), 0.0, 1.0))


def _line(polygon: Floats, size_wh: tuple[int, int], face_px: float) -> Floats:
    """(h, w) 0..1 a soft line where closed lips meet, fading towards the corners of the mouth."""
    middle = (polygon[1:10] + polygon[:10:-1]) / 2
    points = np.vstack([polygon[:1], middle, polygon[10:11]])
    return soft_line(points, size_wh, 0.009 * face_px, 0.003 * face_px)


def tones_of(photo: Picture, points: Floats) -> Tones:
    """Of the lips and the skin; ``points``: (478, 2 or more) landmarks in pixels of ``photo``, RGB (H, W, 3)."""
    xy = points[:, :2]
    lips = _median_colour(photo, (xy[_RING] + xy[_INNER]) / 2)
    return Tones(lips, _median_colour(photo, xy[list(STABLE)]))


def _median_colour(photo: Picture, places: Floats | Grid) -> Grid:
    """(3,) median of the photo's colours at (N, 2) places."""
    at = np.round(places).astype(int)
    columns = np.clip(at[:, 0], 0, photo.shape[1] - 1)
    rows = np.clip(at[:, 1], 0, photo.shape[0] - 1)
    return np.asarray(np.median(photo[rows, columns].astype(np.float64), axis=0), np.float64)
