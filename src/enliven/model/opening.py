"""The opening between the lips as a grid of places that every mouth has alike, and what its shape tells."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from enliven.measure import mean_gap
from enliven.topology import CHIN, FOREHEAD, INNER_LIPS, INNER_LOWER_LIP, INNER_UPPER_LIP
from enliven.types import Floats

_INNER = list(INNER_LIPS)
_UPPER, _LOWER = slice(0, 11), [*range(10, 20), 0]
"""Of the inner lips, corner to corner."""
_SPANS: tuple[tuple[int, int, float], ...] = (
    (2, 0, 0.1),  # under the nose: what is above the upper lip
    (2, 13, 0.15),
    (14, CHIN, 0.25),
    (61, 291, 0.35),  # outer corners
    (78, 308, 0.3),  # inner corners
    (13, 14, 0.1),
    (0, 13, 0.05),  # the lips themselves
    (14, 17, 0.05),
)
"""Landmarks whose distance tells how the mouth is held, and what it usually is in face heights."""
_NEAR = 0.02
"""Distance from a lip, in face heights, within which its shadow lies."""
_UNIT = 0.1

Grid = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Opening:
    """The inside of one pair of lips."""

    points: Floats
    """(478, 3) landmarks in pixels."""

    @cached_property
    def face_px(self) -> float:
        """Height of the face, whichever way it is turned."""
        return max(self._span(FOREHEAD, CHIN), 1e-3)

    @cached_property
    def gap_px(self) -> float:
        """Mean distance of the inner lips as the picture shows it."""
        return mean_gap(self.points[:, :2], INNER_UPPER_LIP, INNER_LOWER_LIP)

    @cached_property
    def width_px(self) -> float:
        """From corner to corner as the picture shows it."""
        return max(float(np.linalg.norm(self._corner[1] - self._corner[0])), 1e-3)

    @cached_property
    def foreshortening(self) -> float:
        """By what a turn of the head makes the mouth narrower, 0 to 1."""
        return min(self.width_px / max(self._span(_INNER[0], _INNER[10]), 1e-3), 1.0)

    @cached_property
    def middle_px(self) -> float:
        """Where the upper lip's middle is, along the mouth from its first corner."""
        return float(self._along(self.points[13, :2].astype(np.float64))[0])

    @cached_property
    def shape_facts(self) -> Grid:
        """(9,) numbers about 0 that tell how the mouth is held, whatever the turn of the head."""
        spans = [self._span(a, b) / self.face_px / usual - 1.0 for a, b, usual in _SPANS]
        return np.array([self.gap_px / self.face_px / _UNIT, *spans])

    def places(self, rows: int, columns: int) -> tuple[Grid, Grid, Grid, Grid]:
        """A grid over the opening: (R, C, 2) where its places lie in pixels, (R, C, 5) what there is to know of each,
        and (R, C) how far below the upper lip and above the lower one it is in face heights.

        Rows go from the upper lip to the lower, columns from the right corner of the mouth to the left.
        """
        share_x = (np.arange(columns) + 0.5) / columns
        share_y = ((np.arange(rows) + 0.5) / rows)[:, None]
        x = np.broadcast_to(share_x * self.width_px, (rows, columns))
        top, bottom = self.edges(x)
        below, above = share_y * (bottom - top), (1.0 - share_y) * (bottom - top)
        at = self.at(x, top + below)
        below, above = below / self.face_px, above / self.face_px
        aside = np.abs(2.0 * x / self.width_px - 1.0)
        near = (np.minimum(each, _NEAR) / _NEAR for each in (below, above))
        facts = np.stack([aside, below / _UNIT, above / _UNIT, *near], axis=-1)
        return at, facts, below, above

    def shares(self, xy: Grid) -> tuple[Grid, Grid, Grid]:
        """Where pixels lie in that grid: (..., 2) shares of its columns and rows; how far along the mouth from its
        first corner and how far below the upper lip they are, both in pixels."""
        along = self._along(xy)
        top, bottom = self.edges(along[..., 0])
        below = along[..., 1] - top
        shares = np.stack([along[..., 0] / self.width_px, below / np.maximum(bottom - top, 1e-3)], axis=-1)
        return shares, along[..., 0], below

    def edges(self, along: Grid) -> tuple[Grid, Grid]:
        """How far down the upper and the lower lip's edges are, so far along the mouth, in pixels; they never cross."""
        top, bottom = (np.interp(along, lip[:, 0], lip[:, 1]) for lip in self._lips)
        return np.asarray(top), np.maximum(bottom, top)

    def at(self, along: Grid, down: Grid) -> Grid:
        """(..., 2) the pixels so far along the mouth from its first corner and so far down from there."""
        return np.asarray(np.stack([along, down], axis=-1) @ self._axes + self._corner[0], np.float64)

    @cached_property
    def _corner(self) -> Grid:
        """(2, 2) the corners of the mouth."""
        return self.points[[_INNER[0], _INNER[10]], :2].astype(np.float64)

    @cached_property
    def _axes(self) -> Grid:
        """(2, 2) directions along the mouth and down; in a profile the mouth may run the other way."""
        x, y = (self._corner[1] - self._corner[0]) / self.width_px
        down = np.array([-y, x])
        chinwards = self.points[CHIN, :2] - self.points[FOREHEAD, :2]
        return np.array([[x, y], down if down @ chinwards >= 0.0 else -down])

    def _along(self, xy: Grid) -> Grid:
        return np.asarray((xy - self._corner[0]) @ self._axes.T, np.float64)

    @cached_property
    def _lips(self) -> tuple[Grid, ...]:
        """Both lips' edges from corner to corner, along the mouth and down."""
        lips = self._along(self.points[_INNER, :2].astype(np.float64))
        return tuple(lip[np.argsort(lip[:, 0], kind="stable")] for lip in (lips[_UPPER], lips[_LOWER]))

    def _span(self, a: int, b: int) -> float:
        return float(np.linalg.norm(self.points[a] - self.points[b]))
