"""Dense flow from the landmark mesh: each triangle of the face carries its pixels along.

Exact at every landmark, and a turned head hides what it should: triangles facing away are dropped and
nearer ones are drawn over farther ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from enliven.geometry import Similarity
from enliven.topology import (
    INNER_LIPS,
    INNER_LOWER_LIP,
    INNER_UPPER_LIP,
    LEFT_EYE,
    LEFT_LOWER_LID,
    LEFT_UPPER_LID,
    OUTER_LIPS,
    RIGHT_EYE,
    RIGHT_LOWER_LID,
    RIGHT_UPPER_LID,
    Indices,
    mean_shape,
    triangles,
)
from enliven.types import FaceCrop, Floats

_SUBPIXEL_BITS = 4
_RIM_PX = np.float32(1.0)
"""So far outside of its triangle a pixel on the triangle's rim may be read, in grid pixels."""
_FINER = 3
"""So many times finer the mouth is drawn: closed lips are thinner than a cell, and a staircase of cells is seen."""
_MOUTH_MARGIN_PX = 2
_LEAST_AREA_PX = 0.02
"""Triangles below this cover no pixel centre worth having, and their affine map is unstable."""


def closing_strip(corners: tuple[int, int], upper: Indices, lower: Indices) -> npt.NDArray[np.int64]:
    """(2n, 3) triangles that fill a hole between an upper and a lower contour of n points each."""
    above = (corners[0], *upper, corners[1])
    below = (corners[0], *lower, corners[1])
    faces = []
    for i in range(len(above) - 1):
        faces.append((above[i], above[i + 1], below[i]))
        faces.append((above[i + 1], below[i + 1], below[i]))
    # At the corners both contours meet, so one triangle of the pair has two equal points.
    strip = np.array([face for face in faces if len(set(face)) == 3])
    runs_backwards = doubled_areas(mean_shape()[:, :2], strip).sum() > 0
    return strip[:, ::-1] if runs_backwards else strip


@cache
def closed_mesh() -> npt.NDArray[np.int64]:
    """(N, 3) the skin's triangles and those that close eyes and mouth, all running the same way round."""
    faces = np.concatenate(
        [
            triangles(),
            closing_strip((RIGHT_EYE[0], RIGHT_EYE[8]), RIGHT_UPPER_LID, RIGHT_LOWER_LID),
            closing_strip((LEFT_EYE[0], LEFT_EYE[8]), LEFT_UPPER_LID, LEFT_LOWER_LID),
            closing_strip((INNER_LIPS[0], INNER_LIPS[10]), INNER_UPPER_LIP, INNER_LOWER_LIP),
        ]
    )
    faces.setflags(write=False)
    return faces


def doubled_areas(xy: Floats, faces: npt.NDArray[np.int64]) -> Floats:
    """(N,) twice the signed area of each triangle; negative faces the camera."""
    a, b, c = xy[faces[:, 0]], xy[faces[:, 1]], xy[faces[:, 2]]
    ab, ac = b - a, c - a
    areas: Floats = ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]
    return areas


@dataclass(frozen=True, eq=False)
class Labels:
    """Which triangle of a moved face is seen where."""

    numbers: npt.NDArray[np.int32]
    """(g, g) number of the triangle, -1 where there is none."""
    crop: FaceCrop
    """Where the grid lies in a picture."""

    def read_by(self, to_own: Similarity, crop: FaceCrop) -> Labels:
        """The nearest triangle for every cell of a coarser grid over another picture, in which the face lies alike.

        ``to_own``: from this picture's pixels to the other's; ``crop``: the grid there.
        """
        place = (to_own @ self.crop.to_picture).inverse() @ crop.to_picture
        read = cv2.warpAffine(
            self.numbers,
            place.matrix,
            (crop.size, crop.size),
            flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP,
            borderValue=-1,
        )
        return Labels(np.asarray(read, np.int32), crop)


class MeshFlow:
    """The flow that moves one person's face mesh to new places."""

    def __init__(self, source: Floats) -> None:
        """``source``: (478, 3) landmarks in grid pixels."""
        self._faces = closed_mesh()
        self._source = np.ascontiguousarray(source[:, :2], np.float32)
        corners = self._source[self._faces]  # (N, 3, 2)
        # Pixels on the rim of a sliver, as pressed lips have them, would be read from far away.
        self._bounds = (corners.min(axis=1) - _RIM_PX, corners.max(axis=1) + _RIM_PX)

    def label(self, target: Floats, size: int) -> npt.NDArray[np.int32]:
        """(size, size) number of the triangle seen at each pixel, -1 where there is none.

        ``target``: (478, 3) landmarks in grid pixels.
        """
        return self._drawn(target, (size, size))

    def _drawn(
        self, target: Floats, size_hw: tuple[int, int], *, within: bool = False
    ) -> npt.NDArray[np.int32]:
        """See :meth:`label`; ``within``: most of the mesh lies outside, and is not worth a call for each triangle."""
        areas = doubled_areas(target[:, :2], self._faces)
        visible = np.nonzero(areas < -_LEAST_AREA_PX)[0]
        if within:
            bounds = target[:, :2][self._faces[visible]]  # (V, 3, 2)
            low, high = bounds.min(axis=1), bounds.max(axis=1)
            visible = visible[(high >= 0).all(axis=1) & (low <= size_hw[::-1]).all(axis=1)]
        depth = target[:, 2][self._faces[visible]].mean(axis=1)
        far_first = visible[np.argsort(-depth, kind="stable")]
        corners = np.round(target[:, :2] * (1 << _SUBPIXEL_BITS)).astype(np.int32)[self._faces]
        drawn = np.full(size_hw, -1, np.int32)
        for face in far_first.tolist():
            cv2.fillConvexPoly(drawn, corners[face], face, lineType=cv2.LINE_8, shift=_SUBPIXEL_BITS)
        return drawn

    def flow_of(
        self, target: Floats, labels: npt.NDArray[np.int32], corner_xy: tuple[int, int] = (0, 0)
    ) -> Floats:
        """(h, w, 2) flow, source minus target in grid pixels, zero where no triangle is seen.

        ``target``: (478, 3) landmarks in grid pixels; ``labels``: what :meth:`label` gave for them, (h, w) of it from
        ``corner_xy`` on.
        """
        facts = self._facts(target)
        flow = self._read(facts, labels, 1.0, (float(corner_xy[0]), float(corner_xy[1])))
        lips = target[list(OUTER_LIPS), :2] - np.array(corner_xy, np.float32)
        size_wh = labels.shape[1::-1]
        x0, y0 = np.clip(np.floor(lips.min(axis=0)).astype(int) - _MOUTH_MARGIN_PX, 0, size_wh)
        x1, y1 = np.clip(np.ceil(lips.max(axis=0)).astype(int) + _MOUTH_MARGIN_PX + 1, 0, size_wh)
        if (labels[y0:y1, x0:x1] >= 0).any():
            first, last = np.array([x0, y0]) + corner_xy, np.array([x1, y1]) + corner_xy
            box = (int(first[0]), int(first[1]), int(last[0]), int(last[1]))
            flow[y0:y1, x0:x1] = self._averaged(target, facts, box)
        return flow

    def _averaged(self, target: Floats, facts: Floats, box_xyxy: tuple[int, int, int, int]) -> Floats:
        """(h, w, 2) flow in a box of the grid, each cell the mean over finer ones."""
        x0, y0, x1, y1 = box_xyxy
        first = ((np.array([x0, y0]) - 0.5) + 0.5 / _FINER).astype(np.float32)
        finer = target.copy()
        finer[:, :2] = (target[:, :2] - first) * _FINER
        size_hw = ((y1 - y0) * _FINER, (x1 - x0) * _FINER)
        labels = self._drawn(finer, size_hw, within=True)
        flow = self._read(facts, labels, 1.0 / _FINER, (float(first[0]), float(first[1])))
        averaged: Floats = cv2.resize(flow, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)
        return averaged

    def _facts(self, target: Floats) -> Floats:
        """(10, N) of each triangle its map from target to source, row by row, and the bounds of what may be read."""
        maps = self._affine_maps(target).reshape(-1, 6)
        return np.ascontiguousarray(np.concatenate([maps, *self._bounds], axis=1).T)

    def _read(
        self, facts: Floats, labels: npt.NDArray[np.int32], step: float, first_xy: tuple[float, float]
    ) -> Floats:
        """(h, w, 2) the flow of the labelled cells, which lie ``step`` grid pixels apart from ``first_xy`` on."""
        flat = labels.ravel()
        cells = np.flatnonzero(flat >= 0)
        a, b, c, d, e, f, low_x, low_y, high_x, high_y = facts.take(flat[cells], axis=1)  # (P,) each
        rows, columns = np.divmod(cells.astype(np.int32), np.int32(labels.shape[1]))
        x = columns.astype(np.float32) * np.float32(step) + np.float32(first_xy[0])
        y = rows.astype(np.float32) * np.float32(step) + np.float32(first_xy[1])
        flow = np.zeros((flat.size, 2), np.float32)
        flow[cells, 0] = np.minimum(np.maximum(a * x + b * y + c, low_x), high_x) - x
        flow[cells, 1] = np.minimum(np.maximum(d * x + e * y + f, low_y), high_y) - y
        return flow.reshape(*labels.shape, 2)

    def _affine_maps(self, target: Floats) -> Floats:
        """(N, 2, 3) for each triangle the map from target to source; identity where degenerate."""
        t = target[:, :2][self._faces].astype(np.float64)  # (N, 3, 2)
        s = self._source[self._faces].astype(np.float64)  # (N, 3, 2)
        edges_t = np.stack([t[:, 1] - t[:, 0], t[:, 2] - t[:, 0]], axis=2)  # (N, 2, 2)
        edges_s = np.stack([s[:, 1] - s[:, 0], s[:, 2] - s[:, 0]], axis=2)
        determinant = edges_t[:, 0, 0] * edges_t[:, 1, 1] - edges_t[:, 0, 1] * edges_t[:, 1, 0]
        safe = np.where(np.abs(determinant) < _LEAST_AREA_PX, np.inf, determinant)
        inverse = np.empty_like(edges_t)
        inverse[:, 0, 0], inverse[:, 1, 1] = edges_t[:, 1, 1], edges_t[:, 0, 0]
        inverse[:, 0, 1], inverse[:, 1, 0] = -edges_t[:, 0, 1], -edges_t[:, 1, 0]
        linear = edges_s @ (inverse / safe[:, None, None])  # (N, 2, 2)
        shift = s[:, 0] - np.einsum("nij,nj->ni", linear, t[:, 0])
        maps: Floats = np.concatenate([linear, shift[:, :, None]], axis=2).astype(np.float32)
        return maps
