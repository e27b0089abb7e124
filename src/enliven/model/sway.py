"""How hair, neck and shoulders go with the head: residual flow around the face, regressed on the head's motion.

Landmarks end at the face's outline, and what lies around it follows by a rule (`head_flow`). What the rule gets
wrong is mostly alike each time that the head moves so: hair before and behind the face's depth shifts, shoulders
lean along. It is linear in the change of pose, place by place, and so can be learned: once from many people
(``tools/make_sway.py``), and from further pictures of one person in one scene (`model/sway_learner`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources

import cv2
import numpy as np

from enliven.measure import head_radius_px, turn
from enliven.model.displaced import displaced
from enliven.topology import STABLE
from enliven.types import Floats, Landmarks

CELLS = 64
"""Side G of the grid over the engine's moving square, in which sway is told."""
MOVES = 6
"""Changes that it depends on: yaw, pitch, roll, x, y, size; with products of them they are ``CAUSES``."""
CAUSES = 12
_STEEPEST = 0.5
"""Cells by which sway, all of it together, may change from one cell to the next; more would fold what it moves, or draw
it out: it meets moves, and everyone's photos too, unlike any that it was learned from."""
_AROUND = 9
"""Cells around a steep place in which all is made smaller alike."""
_FOLLOWED, _LEAST_SHARE = 0.3, 0.2
"""A change from one frame to the next, all six together, that is followed at once; the least share of one that is."""
_PLACE_STEP, _SIZE_STEP = 0.2, 0.1
"""Of the head's radius, and of the logarithm of its size: changes that count as one."""


@dataclass(frozen=True, eq=False)
class Posture:
    """Where a head is and how it is turned."""

    turn: Floats
    """(3,) yaw, pitch and roll as :func:`enliven.measure.turn` has them."""
    middle_xy: Floats
    """(2,) pixels."""
    radius_px: float

    @classmethod
    def of(cls, points: Floats) -> Posture:
        """``points``: (478, 3) in pixels of any picture."""
        middle_xy = points[list(STABLE), :2].mean(axis=0)
        # The picture's size does not matter to angles.
        return cls(turn(Landmarks(points, (1, 1))), middle_xy, max(head_radius_px(points), 1e-3))

    def causes(self, now: Posture) -> Floats:
        """(12,) what has changed when the head is as ``now`` says, in units of a change that one sees at a glance."""
        yaw, pitch, roll = now.turn - self.turn
        x, y = (now.middle_xy - self.middle_xy) / (self.radius_px * _PLACE_STEP)
        size = np.log(now.radius_px / self.radius_px) / _SIZE_STEP
        products = (yaw * self.turn[0], yaw**2, abs(yaw), pitch**2, x * yaw, pitch * self.turn[1])
        return np.array([yaw, pitch, roll, x, y, size, *products], np.float32)


@dataclass(frozen=True, eq=False)
class Sway:
    """Residual flow as a linear function of causes, at places of the photo."""

    table: Floats
    """(J, G, G, 2) cells per cause, for the first J of them."""
    least: Floats
    """(J,) what was seen when it was learned; beyond, causes count as these."""
    most: Floats

    def flow(self, causes: Floats, around: Floats) -> Floats:
        """(G, G, 2) to be added to the flow ``around`` (G, G, 2), both in cells: place to read minus place to write.

        ``causes``: (12,). The table is of the photo's places, so it is read where ``around`` reads the photo.
        """
        size = around.shape[0]
        known = np.clip(causes[: len(self.table)], self.least, self.most).astype(np.float32)
        told = (known @ self.table.reshape(len(known), -1)).reshape(size, size, 2)
        return displaced(told, around, cv2.BORDER_REPLICATE)

    def carried(self, places: Floats, scale: float, causes: Floats) -> Sway:
        """The same of another picture of the person: one that shows at its cells what this photo shows at ``places``.

        ``places``: (G, G, 2) in cells; ``scale``: size of this photo's cells in the other's; ``causes``: (12,) what has
        changed from this photo to the other.
        """
        read = [cv2.remap(each, places, None, cv2.INTER_LINEAR) for each in self.table]
        since = causes[: len(self.table)]
        table = np.asarray(np.stack(read) * scale, np.float32)
        return Sway(table, self.least - since, self.most - since)


def calmed(flow: Floats, steepest: float = _STEEPEST) -> Floats:
    """(G, G, 2) the flow made smaller about the places where it changes by more than this from one cell to the next."""
    share = np.minimum(1.0, steepest / np.maximum(_steepness(flow), 1e-6)).astype(np.float32)
    kernel = np.ones((_AROUND, _AROUND), np.uint8)
    return np.asarray(flow * cv2.blur(cv2.erode(share, kernel), (_AROUND, _AROUND))[..., None], np.float32)


def _steepness(flow: Floats) -> Floats:
    """(G, G) most that the flow changes to a neighbouring cell."""
    down, right = (np.abs(np.diff(flow, axis=axis)).max(axis=-1) for axis in (0, 1))
    steep = np.zeros(flow.shape[:2], np.float32)
    for part, change in (
        (steep[1:], down),
        (steep[:-1], down),
        (steep[:, 1:], right),
        (steep[:, :-1], right),
    ):
        np.maximum(part, change, out=part)
    return steep


class Unhurried:
    """Causes of frames that follow each other: what changes little waits for more, since landmarks tremble and bodies
    do not; what changes much is followed at once."""

    def __init__(self) -> None:
        self._last: Floats | None = None

    def step(self, causes: Floats) -> Floats:
        """The causes (12,) that count for this frame."""
        if self._last is None:
            self._last = causes
        change = causes - self._last
        share = float(np.clip(np.linalg.norm(change[:MOVES]) / _FOLLOWED, _LEAST_SHARE, 1.0))
        self._last = self._last + change * np.float32(share)
        return self._last


@cache
def everyones() -> Sway:
    """As learned from many people, for a photo of anybody."""
    with resources.files("enliven").joinpath("assets/sway.npz").open("rb") as file:
        arrays = np.load(file, allow_pickle=False)
        table, least, most = (arrays[name].astype(np.float32) for name in ("table", "least", "most"))
    return Sway(table, least, most)
