"""Which of a person's many photos a frame is made of: those that look most like it.

Thirty-two photos averaged are a blur; the four nearest, the nearest most, are sharp, and cost no more than four.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from enliven.measure import face_height_px, looks
from enliven.model.strokes import outlined
from enliven.topology import FACE_OVAL, STABLE
from enliven.types import Floats, Landmarks

_FACE = np.array(STABLE)
MOST = 4
"""Photos that a frame is made of."""
_WEIGHTS = np.array([2.0, 2.0, 1.0, 0.3, 0.3, 1.2, 0.8, 0.8, 0.7, 0.7, 0.7], np.float32)
"""Of the looks: yaw, pitch, roll, gaze (2), mouth, its width, eyes; and of the place: x, y, size."""
_PLACE_STEP = 0.05
"""Crop sides (and share of the size) by which a head must have moved to count as one."""
_STEP = 0.25
"""A photo that is farther by this much, in differences seen at a glance, counts e times less."""
_LEAST = 1e-4
_BEYOND = 3.0
"""So many times farther apart are log weights outside of the face."""


class Nearest:
    """Chooses among the photos of one person, frame by frame, without jumps."""

    def __init__(self, points: Sequence[Floats], size: int) -> None:
        """``points``: (478, 3) of every photo, in pixels of crops of side ``size``."""
        self._size_wh = (size, size)
        self._photos = np.stack([self._looks(each) for each in points])  # (K, 11)

    def choose(self, points: Floats) -> tuple[npt.NDArray[np.int64], Floats]:
        """The numbers of at most four photos for a frame with landmarks (478, 3), and log weights of them.

        A photo's weight is nothing at the moment in which it comes in or goes out.
        """
        away = np.linalg.norm((self._photos - self._looks(points)) * _WEIGHTS, axis=1)
        order = np.argsort(away, kind="stable")
        favour = np.exp((away[order[0]] - away[order]) / _STEP)
        next_best = favour[MOST] if len(order) > MOST else 0.0
        weights = np.maximum(favour[:MOST] - next_best, _LEAST)
        return order[:MOST], np.log(weights / weights.max()).astype(np.float32)

    def shares(self, points: Floats) -> tuple[npt.NDArray[np.int64], Floats]:
        """The same, place by place: log weights (K, S/4, S/4) for the networks.

        Outside of the face they are much farther apart: hair and shoulders of two photos never lie on one another, and
        half of each is seen twice.
        """
        chosen, log_weights = self.choose(points)
        inside = outlined(np.asarray(points[:, :2]), FACE_OVAL, self._size_wh[0], 4)
        inside = cv2.blur(inside, (5, 5))
        power = inside + _BEYOND * (1.0 - inside)
        return chosen, np.asarray(log_weights[:, None, None] * power, np.float32)

    def _looks(self, points: Floats) -> Floats:
        """(11,) looks and place."""
        landmarks = Landmarks(np.asarray(points, np.float32), self._size_wh)
        middle = landmarks.xy[_FACE].mean(axis=0) / self._size_wh[0]
        size = float(np.log(max(face_height_px(landmarks), 1.0)))
        place = np.array([*middle, size], np.float32) / np.float32(_PLACE_STEP)
        return np.concatenate([looks(landmarks), place])
