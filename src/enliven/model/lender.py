"""Further photos of the person, of which a frame borrows what the animated photo does not show."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import cv2
import numpy as np

from enliven.geometry import Similarity
from enliven.model.correction import corrected
from enliven.model.displaced import displaced
from enliven.model.guess import Guess, GuessReader
from enliven.model.mesh_flow import Labels
from enliven.model.nearest import looks_and_place
from enliven.model.warp_engine import WarpEngine
from enliven.pixels import before, common, places_read, strips
from enliven.types import Backdrop, FaceCrop, Floats, Landmarks, Overlay, Picture, Rendering

_LEAST_ALPHA = 0.02


@dataclass(frozen=True, eq=False)
class Moved:
    """A lender as its mesh alone moves it for one frame."""

    rendering: Rendering
    guess: Guess


class Lender(ABC):
    """One further photo: an upright square around the face."""

    lends_around = False
    """Whether it lends hair, clothes and background too."""
    alike: float
    """1 when its face has the animated photo's light, down to 0 in a light of its own."""

    def __init__(self, picture: Picture, points: Floats, size: int) -> None:
        """``picture``: RGB (L, L, 3) with landmarks ``points`` in its pixels; ``size``: side S of the networks."""
        self.picture = picture
        self.points = points
        side = picture.shape[0]
        self._to_own = square_in(side, size)
        self.crop = FaceCrop(self._to_own, size)
        small = self._moved(points, self._to_own.inverse())
        self.looks = looks_and_place(small, size)
        """Looks and place (11,)."""
        self._small_points = small
        self._reader = GuessReader(self.crop)
        self._warp: WarpEngine | None = None

    def seen(self) -> tuple[Picture, Floats]:
        """What the networks read: picture (S, S, 3) and points (478, 3) in its pixels."""
        small = cv2.resize(self.picture, (self.crop.size, self.crop.size), interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.uint8), self._small_points

    def move(self, points: Floats, labels: Labels | None = None) -> Moved:
        """For landmarks (478, 3) in pixels of the networks' crop; ``labels``: the triangles seen there, where known."""
        if self._warp is None:  # few of 32 are ever needed
            side = self.picture.shape[0]
            self._warp = self._engine(Landmarks(self.points, (side, side)))
        own = None if labels is None else labels.read_by(self._to_own, self._warp.crop)
        rendering = self._warp.render(self._moved(points, self._to_own), own)
        return Moved(rendering, self._reader.read(rendering))

    @abstractmethod
    def _engine(self, landmarks: Landmarks) -> WarpEngine:
        """What moves it."""

    @abstractmethod
    def shown(self, moved: Moved) -> Floats:
        """(S/4, S/4) 1 where the frame reads what this photo shows, down to 0 where it does not."""

    def _read_cells(self, cells: Floats, moved: Moved) -> Floats:
        """(S/4, S/4) what the frame reads of it."""
        side = cells.shape[0]
        flow = cv2.resize(moved.guess.flow, (side, side), interpolation=cv2.INTER_AREA) * np.float32(side / 2)
        return displaced(cells, flow)

    def overlays(
        self,
        moved: Moved,
        flow: Floats,
        alpha: Floats,
        crop: FaceCrop,
        photo_wh: tuple[int, int],
        behind: Backdrop | None = None,
    ) -> tuple[Overlay, ...]:
        """What it lends, to lay over the animated photo in this order: its own pixels, moved by the networks' ``flow``
        and read once, at the photo's resolution; then its eyes, mouth and far cheek.

        ``flow``: (S/2, S/2, 2) half crop sides; ``alpha``: (S, S) its share; ``crop``: where the square of the
        animated photo lies, which is so large; ``behind``: the animated photo's backdrop, shown behind the lender's
        person too. Nothing where it lends nothing.
        """
        lent = alpha > _LEAST_ALPHA
        windows = strips(lent, crop.to_picture, (0, 0, *photo_wh))
        if not windows:
            return ()
        to_square = crop.to_picture.inverse()
        full = corrected(moved.rendering, flow, moved.guess, self.crop)
        ends = np.array(windows)
        (x0, y0), (x1, y1) = ends[:, :2].min(axis=0).tolist(), ends[:, 2:].max(axis=0).tolist()
        picture, shown = np.zeros((y1 - y0, x1 - x0, 3), np.uint8), np.zeros((y1 - y0, x1 - x0), np.float32)
        for window in windows:
            left, top, right, bottom = window
            place = to_square @ Similarity(shift_px=(float(left), float(top)))
            size_wh = (right - left, bottom - top)
            part = (slice(top - y0, bottom - y0), slice(left - x0, right - x0))
            plate = None
            if behind is not None and common(window, behind.box_xyxy) == window:
                plate = behind.plate_in(window)
            picture[part] = self._read(full, self._to_own @ place, size_wh, plate)
            shown[part] = _seen_under(alpha, place, size_wh)
        own_to_photo = crop.to_picture @ self._to_own.inverse()
        layers = [replace(layer, to_picture=own_to_photo @ layer.to_picture) for layer in full.overlays]
        return (
            Overlay(picture, shown, Similarity(shift_px=(float(x0), float(y0)))),
            *(_shared(layer, alpha, to_square @ layer.to_picture) for layer in layers),
        )

    def _read(
        self, rendering: Rendering, to_own: Similarity, size_wh: tuple[int, int], plate: Picture | None
    ) -> Picture:
        """(h, w, 3) the moved photo under pixels of another grid; ``to_own``: from those to its own, not turned.

        ``plate``: (h, w, 3) what stays behind its person; None for what its own backdrop says.
        """
        maps = places_read(rendering.flow, rendering.crop.to_picture, to_own, size_wh)
        moved = cv2.remap(self.picture, maps, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        picture = np.asarray(moved, np.uint8)
        if rendering.backdrop is None:
            return picture
        if plate is None:
            x, y = rendering.backdrop.corner_xy
            to_plate = Similarity(shift_px=(-float(x), -float(y))) @ to_own
            plate = np.asarray(_seen_under(rendering.backdrop.plate, to_plate, size_wh), np.uint8)
        return before(picture, maps, rendering.backdrop, plate)

    @staticmethod
    def _moved(points: Floats, by: Similarity) -> Floats:
        """(478, 3) points, depth along."""
        return np.column_stack([by.apply(points[:, :2]), points[:, 2] * by.scale]).astype(np.float32)


def square_in(side: int, size: int) -> Similarity:
    """From pixels of the networks' square, ``size`` wide, to those of the same square ``side`` wide."""
    scale = side / size
    return Similarity(scale, 0.0, (0.5 * scale - 0.5, 0.5 * scale - 0.5))


def _seen_under(values: Floats | Picture, place: Similarity, size_wh: tuple[int, int]) -> Floats:
    """(h, w) or (h, w, C) the values as another grid reads them; ``place``: from that grid to theirs."""
    way = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    read: Floats = cv2.warpAffine(values, place.matrix, size_wh, flags=way)
    return read


def _shared(layer: Overlay, share: Floats, place: Similarity) -> Overlay:
    """A layer that shows as far as its photo lends; ``place``: from its pixels to those of ``share``."""
    height, width = layer.alpha.shape
    return replace(layer, alpha=layer.alpha * _seen_under(share, place, (width, height)))
