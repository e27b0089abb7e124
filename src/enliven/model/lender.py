"""Further photos of the person, of which a frame borrows what the animated photo does not show."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from enliven.geometry import Similarity, facing
from enliven.measure import looks
from enliven.model.correction import corrected
from enliven.model.displaced import displaced
from enliven.model.guess import Guess, guess_of, laid_over, layers_under
from enliven.model.light import alike_in_light, recoloured
from enliven.model.mesh_flow import closed_mesh
from enliven.model.warp_engine import WarpEngine
from enliven.topology import triangles
from enliven.types import FaceCrop, Floats, Landmarks, Overlay, Picture, Rendering

_LEAST_ALPHA = 0.02
_SEEN = 0.15
"""Cosine to the viewer from which on skin is seen."""
_RIM = 2
"""Pixels of the networks' crop by which a photo's visible face is made smaller, and in which it fades."""
_GRID = 128
"""Side of the mesh's flow: it costs time at every frame."""
_HEIGHTS = 1.7
"""Side of the square under it, in face heights: what lends is the face alone."""


@dataclass(frozen=True, eq=False)
class Moved:
    """A lender as its mesh alone moves it for one frame."""

    rendering: Rendering
    guess: Guess


class Lender:
    """One further photo: an upright square around the face, coloured like the animated photo."""

    def __init__(self, picture: Picture, points: Floats, size: int, like: tuple[Picture, Floats]) -> None:
        """``picture``: RGB (L, L, 3) with landmarks ``points`` in its pixels; ``size``: side S of the networks.

        ``like``: picture and points of the animated photo's square.
        """
        self.picture = recoloured(picture, points, *like)
        self._like = like
        self.points = points
        side = picture.shape[0]
        self._to_own = Similarity(side / size, 0.0, (0.5 * side / size - 0.5, 0.5 * side / size - 0.5))
        self.crop = FaceCrop(self._to_own, size)
        self.looks = looks(Landmarks(points, (side, side)))
        self._warp: WarpEngine | None = None

    @cached_property
    def alike(self) -> float:
        """1 when its face has the animated one's light, down to 0 in a light of its own."""
        return alike_in_light((self.picture, self.points), self._like)

    @cached_property
    def _shown(self) -> Floats:
        return _shown(self._moved(self.points, self._to_own.inverse()), self.crop.size)

    def seen(self) -> tuple[Picture, Floats]:
        """What the networks read: picture (S, S, 3) and points (478, 3) in its pixels."""
        small = cv2.resize(self.picture, (self.crop.size, self.crop.size), interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.uint8), self._moved(self.points, self._to_own.inverse())

    def move(self, points: Floats) -> Moved:
        """For landmarks (478, 3) in pixels of the networks' crop."""
        if self._warp is None:  # few of 32 are ever needed
            side = self.picture.shape[0]
            landmarks = Landmarks(self.points, (side, side))
            self._warp = WarpEngine(self.picture, landmarks, finest=_GRID, heights=_HEIGHTS, sway=())
        rendering = self._warp.render(self._moved(points, self._to_own))
        return Moved(rendering, guess_of(rendering, self.crop))

    def shown(self, moved: Moved) -> Floats:
        """(S/4, S/4) 1 where the frame reads skin that turns to the viewer in this photo, 0 where it reads what lies
        behind: landmarks of a hidden cheek lie on hair, collar or background."""
        cells = self.crop.size // 4
        flow = cv2.resize(moved.guess.flow, (cells, cells), interpolation=cv2.INTER_AREA) * np.float32(
            cells / 2
        )
        return displaced(self._shown, flow)

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
        image = laid_over(picture, layers)
        to_small = self._to_own.inverse() @ shift
        share = cv2.warpAffine(
            alpha, to_small.matrix, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        )
        return Overlay(image, np.asarray(share, np.float32), crop.to_picture @ to_small)

    def _read(self, rendering: Rendering, box_xyxy: tuple[int, int, int, int]) -> Floats:
        """(h, w, 3) float32 the moved photo under a box of its own pixels."""
        x0, y0, x1, y1 = box_xyxy
        to_grid = rendering.crop.to_picture.inverse() @ Similarity(1.0, 0.0, (float(x0), float(y0)))
        size_wh, way = (x1 - x0, y1 - y0), cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        maps = cv2.warpAffine(rendering.flow, to_grid.matrix, size_wh, flags=way)
        maps[..., 0] += np.arange(x0, x1, dtype=np.float32)
        maps[..., 1] += np.arange(y0, y1, dtype=np.float32)[:, None]
        border = cv2.BORDER_REPLICATE
        read = cv2.remap(self.picture, maps[..., 0], maps[..., 1], cv2.INTER_CUBIC, borderMode=border)
        return np.asarray(read, np.float32)

    @staticmethod
    def _moved(points: Floats, by: Similarity) -> Floats:
        """(478, 3) points, depth along."""
        return np.column_stack([by.apply(points[:, :2]), points[:, 2] * by.scale]).astype(np.float32)


def _shown(points: Floats, size: int) -> Floats:
    """(S/4, S/4) 1 on the part of a face that turns to the viewer; ``points``: (478, 3) in a picture of side S."""
    mask = np.zeros((size, size), np.uint8)
    faces = closed_mesh()
    seen = facing(points, faces) > _SEEN
    seen[len(triangles()) :] = True  # eyes and mouth: what closes them has no side of its own
    for corners in np.rint(points[:, :2]).astype(np.int32)[faces[seen]]:
        cv2.fillConvexPoly(mask, corners, 255)
    mask = cv2.erode(mask, np.ones((2 * _RIM + 1, 2 * _RIM + 1), np.uint8))
    soft = cv2.blur(mask, (2 * _RIM + 1, 2 * _RIM + 1)).astype(np.float32) / 255
    return np.asarray(cv2.resize(soft, (size // 4, size // 4), interpolation=cv2.INTER_AREA), np.float32)
