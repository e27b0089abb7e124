"""Dense flow from the landmark mesh: each triangle of the face carries its pixels along.

Exact at every landmark, and a turned head hides what it should: triangles facing away are dropped and
nearer ones are drawn over farther ones.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

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
from enliven.types import Floats

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


def closed_mesh() -> npt.NDArray[np.int64]:
    """(N, 3) the skin's triangles and those that close eyes and mouth, all running the same way round."""
    return np.concatenate(
        [
            triangles(),
            closing_strip((RIGHT_EYE[0], RIGHT_EYE[8]), RIGHT_UPPER_LID, RIGHT_LOWER_LID),
            closing_strip((LEFT_EYE[0], LEFT_EYE[8]), LEFT_UPPER_LID, LEFT_LOWER_LID),
            closing_strip((INNER_LIPS[0], INNER_LIPS[10]), INNER_UPPER_LIP, INNER_LOWER_LIP),
        ]
    )


def doubled_areas(xy: Floats, faces: npt.NDArray[np.int64]) -> Floats:
    """(N,) twice the signed area of each triangle; negative faces the camera."""
    a, b, c = xy[faces[:, 0]], xy[faces[:, 1]], xy[faces[:, 2]]
    ab, ac = b - a, c - a
    areas: Floats = ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]
    return areas


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

    def flow_of(self, target: Floats, labels: npt.NDArray[np.int32]) -> Floats:
        """(g, g, 2) flow, source minus target in grid pixels, zero where no triangle is seen.

        ``target``: (478, 3) landmarks in grid pixels; ``labels``: what :meth:`label` gave for them.
        """
        maps = self._affine_maps(target)
        flow = self._read(maps, labels, 1.0, (0.0, 0.0))
        lips = target[list(OUTER_LIPS), :2]
        size = labels.shape[0]
        x0, y0 = np.clip(np.floor(lips.min(axis=0)).astype(int) - _MOUTH_MARGIN_PX, 0, size)
        x1, y1 = np.clip(np.ceil(lips.max(axis=0)).astype(int) + _MOUTH_MARGIN_PX + 1, 0, size)
        if (labels[y0:y1, x0:x1] >= 0).any():
            flow[y0:y1, x0:x1] = self._averaged(target, maps, (int(x0), int(y0), int(x1), int(y1)))
        return flow

    def _averaged(self, target: Floats, maps: Floats, box_xyxy: tuple[int, int, int, int]) -> Floats:
        """(h, w, 2) flow in a box of the grid, each cell the mean over finer ones."""
        x0, y0, x1, y1 = box_xyxy
        first = ((np.array([x0, y0]) - 0.5) + 0.5 / _FINER).astype(np.float32)
        finer = target.copy()
        finer[:, :2] = (target[:, :2] - first) * _FINER
        size_hw = ((y1 - y0) * _FINER, (x1 - x0) * _FINER)
        labels = self._drawn(finer, size_hw, within=True)
        flow = self._read(maps, labels, 1.0 / _FINER, (float(first[0]), float(first[1])))
        averaged: Floats = cv2.resize(flow, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)
        return averaged

    def _read(
        self, maps: Floats, labels: npt.NDArray[np.int32], step: float, first_xy: tuple[float, float]
    ) -> Floats:
        """(h, w, 2) the flow of the labelled cells, which lie ``step`` grid pixels apart from ``first_xy`` on."""
        rows, columns = np.nonzero(labels >= 0)
        seen = labels[rows, columns]
        of_each = maps[seen]  # (P, 2, 3)
        flow = np.zeros((*labels.shape, 2), np.float32)
        x = columns.astype(np.float32) * np.float32(step) + np.float32(first_xy[0])
        y = rows.astype(np.float32) * np.float32(step) + np.float32(first_xy[1])
        low, high = (bound[seen] for bound in self._bounds)  # (P, 2)
        read_x = of_each[:, 0, 0] * x + of_each[:, 0, 1] * y + of_each[:, 0, 2]
        read_y = of_each[:, 1, 0] * x + of_each[:, 1, 1] * y + of_each[:, 1, 2]
        flow[rows, columns, 0] = np.clip(read_x, low[:, 0], high[:, 0]) - x
        flow[rows, columns, 1] = np.clip(read_y, low[:, 1], high[:, 1]) - y
        return flow

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
