"""Further photos of the person, of which a frame borrows what the animated photo does not show."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import cv2
import numpy as np

from enliven.geometry import Similarity
from enliven.model.correction import corrected
from enliven.model.displaced import displaced
from enliven.model.guess import Guess, GuessReader, laid_over, layers_under
from enliven.model.nearest import looks_and_place
from enliven.model.warp_engine import WarpEngine
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

    def move(self, points: Floats) -> Moved:
        """For landmarks (478, 3) in pixels of the networks' crop."""
        if self._warp is None:  # few of 32 are ever needed
            side = self.picture.shape[0]
            self._warp = self._engine(Landmarks(self.points, (side, side)))
        rendering = self._warp.render(self._moved(points, self._to_own))
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

    def overlay(self, moved: Moved, flow: Floats, alpha: Floats, crop: FaceCrop) -> Overlay | None:
        """What it lends: its own pixels, at its own resolution, moved by the networks' ``flow``.

        ``flow``: (S/2, S/2, 2) half crop sides; ``alpha``: (S, S) its share; ``crop``: where the square of the
        animated photo lies. None where it lends nothing.
        """
        rows, columns = (np.nonzero(alpha.max(axis=axis) > _LEAST_ALPHA)[0] for axis in (1, 0))
        if rows.size == 0:
            return None
        factor = self._to_own.scale
        y0, y1 = int(rows[0] * factor), int((rows[-1] + 1) * factor)
        x0, x1 = int(columns[0] * factor), int((columns[-1] + 1) * factor)
        full = corrected(moved.rendering, flow, moved.guess, self.crop)
        picture = self._read(full, (x0, y0, x1, y1))
        shift = Similarity(1.0, 0.0, (float(x0), float(y0)))
        window = FaceCrop(shift, max(x1 - x0, y1 - y0))
        layers = layers_under(moved.rendering.overlays, window)[:, : y1 - y0, : x1 - x0]
        _lay(layers, picture)
        to_small = self._to_own.inverse() @ shift
        share = cv2.warpAffine(
            alpha, to_small.matrix, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        )
        return Overlay(picture, np.asarray(share, np.float32), crop.to_picture @ to_small)

    def _read(self, rendering: Rendering, box_xyxy: tuple[int, int, int, int]) -> Picture:
        """(h, w, 3) the moved photo under a box of its own pixels."""
        x0, y0, x1, y1 = box_xyxy
        to_grid = rendering.crop.to_picture.inverse() @ Similarity(1.0, 0.0, (float(x0), float(y0)))
        size_wh, way = (x1 - x0, y1 - y0), cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        maps = cv2.warpAffine(rendering.flow, to_grid.matrix, size_wh, flags=way)
        maps[..., 0] += np.arange(x0, x1, dtype=np.float32)
        maps[..., 1] += np.arange(y0, y1, dtype=np.float32)[:, None]
        border = cv2.BORDER_REPLICATE
        read = cv2.remap(self.picture, maps[..., 0], maps[..., 1], cv2.INTER_CUBIC, borderMode=border)
        picture = np.asarray(read, np.uint8)
        return picture if rendering.backdrop is None else _before(picture, maps, rendering.backdrop, (x0, y0))

    @staticmethod
    def _moved(points: Floats, by: Similarity) -> Floats:
        """(478, 3) points, depth along."""
        return np.column_stack([by.apply(points[:, :2]), points[:, 2] * by.scale]).astype(np.float32)


def square_in(side: int, size: int) -> Similarity:
    """From pixels of the networks' square, ``size`` wide, to those of the same square ``side`` wide."""
    scale = side / size
    return Similarity(scale, 0.0, (0.5 * scale - 0.5, 0.5 * scale - 0.5))


def _before(moved: Picture, maps: Floats, backdrop: Backdrop, corner_xy: tuple[int, int]) -> Picture:
    """(h, w, 3) of the moved pixels only the person; elsewhere the backdrop, which reaches over the whole picture."""
    left, top = corner_xy[0] - backdrop.corner_xy[0], corner_xy[1] - backdrop.corner_xy[1]
    height, width = moved.shape[:2]
    read = maps - np.array(backdrop.corner_xy, np.float32)
    person = cv2.remap(backdrop.alpha, read, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    share = person.astype(np.float32) * np.float32(1 / 255)
    plate = np.ascontiguousarray(backdrop.plate[top : top + height, left : left + width])
    return np.asarray(cv2.blendLinear(moved, plate, share, 1.0 - share), np.uint8)


def _lay(layers: Floats, picture: Picture) -> None:
    """Lays (4, h, w) layers over the picture (h, w, 3), in place: on the part that they cover."""
    rows, columns = (np.nonzero(layers[3].max(axis=axis) > 0.0)[0] for axis in (1, 0))
    if rows.size:
        part = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        picture[part] = laid_over(picture[part], layers[:, part[0], part[1]])
