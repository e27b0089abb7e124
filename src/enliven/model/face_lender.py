"""Further photos of the person from anywhere: they lend their faces."""

from __future__ import annotations

from functools import cached_property

import cv2
import numpy as np

from enliven.geometry import facing
from enliven.model.lender import Lender, Moved
from enliven.model.light import alike_in_light, recoloured
from enliven.model.mesh_flow import closed_mesh
from enliven.model.warp_engine import WarpEngine
from enliven.topology import triangles
from enliven.types import Floats, Landmarks, Picture

_SEEN = 0.15
"""Cosine to the viewer from which on skin is seen."""
_RIM = 2
"""Pixels of the networks' crop by which a photo's visible face is made smaller, and in which it fades."""
_GRID = 128
"""Side of the mesh's flow: it costs time at every frame."""
_HEIGHTS = 1.7
"""Side of the square under it, in face heights: what lends is the face alone."""


class FaceLender(Lender):
    """A lender of its face alone, coloured like the animated photo."""

    def __init__(self, picture: Picture, points: Floats, size: int, like: tuple[Picture, Floats]) -> None:
        """As :class:`Lender`; ``like``: picture and points of the animated photo's square."""
        super().__init__(recoloured(picture, points, *like), points, size)
        self._like = like

    @cached_property
    def alike(self) -> float:  # type: ignore[override]
        """1 when its face has the animated one's light, down to 0 in a light of its own."""
        return alike_in_light((self.picture, self.points), self._like)

    def shown(self, moved: Moved) -> Floats:
        """(S/4, S/4) 1 where the frame reads skin that turns to the viewer in this photo, 0 where it reads what lies
        behind: landmarks of a hidden cheek lie on hair, collar or background."""
        return self._read_cells(self._shown, moved)

    @cached_property
    def _shown(self) -> Floats:
        return _shown(self._small_points, self.crop.size)

    def _engine(self, landmarks: Landmarks) -> WarpEngine:
        return WarpEngine(self.picture, landmarks, finest=_GRID, heights=_HEIGHTS, sway=())


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
