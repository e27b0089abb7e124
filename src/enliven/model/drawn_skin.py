"""Skin that a turning head draws wide: its even tones, without the noise and the rim that were drawn out with it.

A cheek at the edge of a frontal face is a few pixels wide, and the last of them are half ear, hair or wall. Turned to
the viewer they would be streaks and blots.
"""

from __future__ import annotations

from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from enliven.geometry import Similarity, facing, smoothstep
from enliven.model.mesh_flow import closed_mesh, doubled_areas
from enliven.model.shares import at_side, soft_alpha, softness, window_around
from enliven.topology import CHIN, FOREHEAD, mean_shape
from enliven.types import FaceCrop, Floats, Overlay, Picture

_DRAWN_WIDE = (1.4, 2.4)
"""Between these factors of growth of a triangle its own pixels give way to the even tones."""
_RIM_DRAWN = (1.15, 1.6)
"""The same for those that the photo shows at a slant, with something else in their pixels."""
_TURNED_IN = (1.12, 1.35)
"""The same for a whole side of the face: of what turns little everything is shown as it is."""
_SLIVER = 5e-4
"""Twice the area below which growth hardly counts, in squared heights of the face."""
_FACING = 0.3
"""Cosine to the viewer from which on a triangle shows skin alone."""
_INSIDE = 0.012
"""So far from other triangles and from the outline tones are taken, in heights of the face."""
_EVEN = 0.035
"""Standard deviation of what evens tones, in heights of the face."""
_NEAR = 0.12
"""Share of such triangles around a place, weighed so, from which on its tone is known."""
_ALIKE = 40.0
"""Grey levels by which a triangle's colour may differ from its even tone; more is a lock of hair or a beard's edge."""
_LEAST_ALPHA = 0.02


class DrawnSkin:
    """Of one photo's face."""

    def __init__(
        self, photo: Picture, source: Floats, crop: FaceCrop, besides: npt.NDArray[np.bool_] | None = None
    ) -> None:
        """``photo``: RGB; ``source``: (478, 3) landmarks in the crop's grid pixels; ``crop``: that grid.

        ``besides``: (N,) triangles that get better than even tones.
        """
        self._crop = crop
        self._faces = closed_mesh()
        self._sliver = _SLIVER * float(np.linalg.norm(source[FOREHEAD, :2] - source[CHIN, :2])) ** 2
        self._areas = np.maximum(-doubled_areas(source[:, :2], self._faces), 0.0) + self._sliver
        left = mean_shape()[self._faces, 0].mean(axis=1) > 0
        self._sides = np.stack([at_side() & left, at_side() & ~left]).astype(np.float32)  # (2, N)
        self._is_rim = facing(source, self._faces) <= _FACING
        self._besides = np.zeros(len(self._faces), bool) if besides is None else besides
        self._photo, self._source = photo, source

    @cached_property
    def _evened(self) -> tuple[Picture, Floats]:
        """(g, g, 3) the even tones, and (N,) 1 for triangles that may show them.

        Worked out when a cheek first turns: most photos are read for a frame or two, above all in training.
        """
        tones, may = _evened(self._photo, self._source, self._crop, self._is_rim)
        return tones, may * ~self._besides

    def overlay(self, target: Floats, labels: npt.NDArray[np.int32], flow: Floats) -> Overlay | None:
        """The even tones where skin is drawn wide; None where none is.

        ``target``: (478, 3) landmarks in grid pixels; ``labels``: (g, g) the triangle seen at each, -1 for none;
        ``flow``: (g, g, 2) what the mesh makes of it, in grid pixels.
        """
        areas = np.maximum(-doubled_areas(target[:, :2], self._faces), 0.0) + self._sliver
        sides = smoothstep(self._sides @ areas / (self._sides @ self._areas), *_TURNED_IN)
        growth = areas / self._areas
        drawn = np.where(self._is_rim, smoothstep(growth, *_RIM_DRAWN), smoothstep(growth, *_DRAWN_WIDE))
        wide = drawn * (sides @ self._sides)
        if wide.max() <= _LEAST_ALPHA:
            return None
        even, may = self._evened
        share = may * wide
        if share.max() <= _LEAST_ALPHA:
            return None
        window = window_around(target, share > 0, labels.shape[0])
        x0, y0, x1, y1 = window
        part = (slice(y0, y1), slice(x0, x1))
        alpha = soft_alpha(share, labels[part], softness(self._crop.size))
        x, y = np.meshgrid(np.arange(x0, x1, dtype=np.float32), np.arange(y0, y1, dtype=np.float32))
        tones = cv2.remap(even, flow[part] + np.stack([x, y], axis=-1), None, cv2.INTER_LINEAR)
        place = self._crop.to_picture @ Similarity(shift_px=(float(x0), float(y0)))
        return Overlay(np.asarray(tones, np.uint8), alpha, place)


def _evened(
    photo: Picture, source: Floats, crop: FaceCrop, is_rim: npt.NDArray[np.bool_]
) -> tuple[Picture, Floats]:
    """(g, g, 3) the even tones, and (N,) 1 for triangles that may show them; ``is_rim``: (N,)."""
    size, faces = (crop.size, crop.size), closed_mesh()
    way = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    grid = cv2.warpAffine(photo, crop.to_picture.matrix, size, flags=way, borderMode=cv2.BORDER_REPLICATE)
    mask = np.zeros(size, np.float32)
    for corners in np.round(source[faces[at_side() & ~is_rim], :2]).astype(np.int32):
        cv2.fillConvexPoly(mask, corners, 1.0)
    height = float(np.linalg.norm(source[FOREHEAD, :2] - source[CHIN, :2]))
    mask = cv2.erode(mask, np.ones((2 * round(_INSIDE * height) + 1,) * 2))
    even = _EVEN * height
    near = cv2.GaussianBlur(mask, (0, 0), even)
    sums = cv2.GaussianBlur(grid.astype(np.float32) * mask[..., None], (0, 0), even)
    tones = np.asarray(np.rint(sums / np.maximum(near, 1e-3)[..., None]), np.uint8)
    columns, rows = np.clip(np.round(source[faces, :2].mean(axis=1)).astype(int), 0, crop.size - 1).T
    own, evened = grid[rows, columns].astype(np.float32), tones[rows, columns].astype(np.float32)
    alike = np.abs(own - evened).max(axis=1) < _ALIKE
    gives_way = at_side() & (near[rows, columns] > _NEAR) & (alike | is_rim)
    return tones, gives_way.astype(np.float32)
