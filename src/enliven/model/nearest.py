"""Which of a person's many photos a frame is made of: those that look most like it, place by place.

Thirty-two photos averaged are a blur; the few nearest, the nearest most, are sharp, and cost no more than a few. What
is near differs from place to place: for the mouth a photo with that mouth, for hair and shoulders one with the head at
that place.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from enliven.measure import face_height_px, looks
from enliven.model.strokes import outlined
from enliven.topology import FACE_OVAL, LEFT_EYE, OUTER_LIPS, RIGHT_EYE, STABLE
from enliven.types import Floats, Landmarks

_FACE = np.array(STABLE)
MOST = 6
"""Photos that a frame is made of."""
_WEIGHTS = np.array(
    [
        [2.0, 2.0, 1.0, 0.03, 0.03, 1.2, 0.8, 0.25, 0.2, 0.2, 0.2],  # skin
        [2.0, 2.0, 1.0, 0.0, 0.0, 3.6, 2.4, 0.1, 0.2, 0.2, 0.2],  # mouth
        [2.0, 2.0, 1.0, 1.5, 1.5, 0.25, 0.15, 2.4, 0.2, 0.2, 0.2],  # eyes
        [2.0, 2.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.7, 0.7, 0.7],  # hair, clothes, background
    ],
    np.float32,
)
"""Of the looks, region by region: yaw, pitch, roll, gaze (2), mouth, its width, eyes; and of the place: x, y, size."""
_PLACE_STEP = 0.05
"""Crop sides (and share of the size) by which a head must have moved to count as one."""
_STEP = 0.25
"""A photo that is farther by this much, in differences seen at a glance, counts e times less."""
_LEAST = 1e-5


class Nearest:
    """Chooses among the photos of one person, frame by frame, without jumps."""

    def __init__(self, points: Sequence[Floats], size: int) -> None:
        """``points``: (478, 3) of every photo, in pixels of crops of side ``size``."""
        self._size = size
        self._photos = np.stack([looks_and_place(each, size) for each in points])  # (K, 11)

    def among(self, numbers: Sequence[int]) -> Nearest:
        """The same of these photos alone, which are numbered anew."""
        fewer = copy.copy(self)
        fewer._photos = self._photos[list(numbers)]
        return fewer

    def choose(self, points: Floats) -> tuple[npt.NDArray[np.int64], Floats]:
        """The numbers of at most six photos for a frame with landmarks (478, 3), and their log weights (4, K).

        The rows are those of skin, mouth, eyes, and all that is outside of the face. A photo's weights are nothing at
        the moment in which it comes in or goes out.
        """
        away = np.linalg.norm(
            (self._photos - looks_and_place(points, self._size)) * _WEIGHTS[:, None], axis=2
        )  # (4, N)
        favour = np.exp((away.min(axis=1, keepdims=True) - away) / _STEP)
        best = favour.max(axis=0)
        order = np.argsort(-best, kind="stable")
        chosen = order[:MOST]
        next_best = best[order[MOST]] if len(order) > MOST else 0.0
        comes_in = 1.0 - next_best / np.maximum(best[chosen], _LEAST)
        weights = np.maximum(favour[:, chosen] * comes_in, _LEAST)
        return chosen, np.log(weights / weights.max(axis=1, keepdims=True)).astype(np.float32)

    def shares(self, points: Floats) -> tuple[npt.NDArray[np.int64], Floats]:
        """The same, place by place: log weights (K, S/4, S/4) for the networks."""
        chosen, log_weights = self.choose(points)
        skin, mouth, eyes, outside = log_weights[:, :, None, None]
        xy, side = np.asarray(points[:, :2]), self._size
        inside = cv2.blur(outlined(xy, FACE_OVAL, side, 4), (5, 5))
        found = outside + (skin - outside) * inside
        for part, value in ((OUTER_LIPS, mouth), (LEFT_EYE, eyes), (RIGHT_EYE, eyes)):
            where = cv2.dilate(outlined(xy, part, side, 4), np.ones((5, 5), np.uint8))
            found = found + (value - found) * cv2.blur(where, (3, 3))
        return chosen, np.asarray(found, np.float32)


def looks_and_place(points: Floats, size: int) -> Floats:
    """(11,) the looks (8,) of :func:`enliven.measure.looks`, then where the head is and how large, each in units of a
    difference that one sees at a glance. ``points``: (478, 3) in pixels of a crop of side ``size``."""
    landmarks = Landmarks(np.asarray(points, np.float32), (size, size))
    middle = landmarks.xy[_FACE].mean(axis=0) / size
    height = float(np.log(max(face_height_px(landmarks), 1.0)))
    place = np.array([*middle, height], np.float32) / np.float32(_PLACE_STEP)
    return np.concatenate([looks(landmarks), place])
