"""Lips and lids: whether they touch is a fact of the driver, not a difference.

Differences carry the driver's motion to another face, but two faces differ in shape, and a gap that is
nearly closed by differences is seen at once. So the gaps of lips and lids are set.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from enliven.geometry import smoothstep
from enliven.measure import eye_openness
from enliven.motion.driver import OPEN_LEAST, OPEN_PRIOR, SHUT_PRIOR
from enliven.motion.regions import lip_weights
from enliven.topology import (
    INNER_LOWER_LIP,
    INNER_UPPER_LIP,
    LEFT_EYE,
    LEFT_LOWER_LID,
    LEFT_UPPER_LID,
    OUTER_LIPS,
    RIGHT_EYE,
    RIGHT_LOWER_LID,
    RIGHT_UPPER_LID,
    mean_shape,
)
from enliven.types import Floats

_UPPER, _LOWER = list(INNER_UPPER_LIP), list(INNER_LOWER_LIP)
_LIDS = (
    (RIGHT_EYE, list(RIGHT_UPPER_LID), list(RIGHT_LOWER_LID)),
    (LEFT_EYE, list(LEFT_UPPER_LID), list(LEFT_LOWER_LID)),
)
_TOUCH = (0.006, 0.016)
"""Mouth openness at and below which lips touch, and above which their gap is taken as it is."""
_LEAST_OPENING_PX = 0.25
_OWN_WAY = 0.1
"""Lips apart by more than this, in mouth widths, open further the way they are apart; those that touch, along the face:

the far corner of a turned mouth is a few pixels wide, and its points lie beside each other by chance.
"""
_LOWER_LID_SHARE = 0.15
"""Of the way that the lower lid goes when the eye shuts."""
_LID_REACH = 0.10
"""How far beside the lid its skin goes along, in units of the mean face."""


def lip_gaps(points: Floats) -> Floats:
    """(9,) distance in the picture of each inner upper point to the lower one below it.

    ``points``: (478, 2 or 3).
    """
    gaps: Floats = np.linalg.norm(points[_UPPER, :2] - points[_LOWER, :2], axis=1)
    return gaps


def touched(gaps: Floats, openness: float) -> Floats:
    """The gaps, drawn to zero where the mouth as a whole is as good as shut."""
    return gaps * np.float32(smoothstep(openness, *_TOUCH))


def set_lips(points: Floats, gaps: Floats) -> Floats:
    """The face with its inner lips ``gaps`` (9,) apart; lips and chin go along.

    ``points``: (478, 3), not turned sideways against the photo. Where a gap shrinks the lower lip and the
    chin come up; an opening is shared between both lips as the points already have it.
    """
    down = _down(points)
    between = points[_UPPER] - points[_LOWER]  # (9, 3)
    # Differences may have carried an upper point below its lower one: that is an opening below zero.
    side = np.where(between @ down > 0, -1.0, 1.0)
    opening = side * lip_gaps(points)
    change = gaps - opening  # (9,)
    width = float(np.linalg.norm(points[OUTER_LIPS[0]] - points[OUTER_LIPS[len(OUTER_LIPS) // 2]]))
    apart = side[:, None] * between * [1, 1, 0] - down * max(_OWN_WAY * width, _LEAST_OPENING_PX)
    apart /= np.linalg.norm(apart, axis=1, keepdims=True)
    # Lips that must close do so mostly by the jaw, the more the wider the photo's mouth stands open.
    lower_share = np.where(change < 0, 0.7, 0.5).astype(np.float32)
    move_upper = (apart * (change * (1 - lower_share))[:, None]).astype(np.float32)
    move_lower = (-apart * (change * lower_share)[:, None]).astype(np.float32)
    result = points.copy()
    upper_weights, lower_weights = lip_weights()
    result += _along_lips(_UPPER, move_upper) * upper_weights[:, None]
    result += _along_lips(_LOWER, move_lower) * lower_weights[:, None]
    result[_UPPER] = points[_UPPER] + move_upper
    result[_LOWER] = points[_LOWER] + move_lower
    # Lips that meet must meet in depth too, or a nod would part them.
    closed = np.clip(-change / np.maximum(np.abs(opening), _LEAST_OPENING_PX), 0.0, 1.0)
    result[_UPPER, 2] -= between[:, 2] / 2 * closed
    result[_LOWER, 2] += between[:, 2] / 2 * closed
    return result


def _along_lips(lip: list[int], moves: Floats) -> Floats:
    """(478, 3) for each point the move of the lip at its place across the mouth."""
    across = mean_shape()[:, 0]
    order = np.argsort(across[lip])
    at, values = across[lip][order], moves[order]
    return np.stack([np.interp(across, at, values[:, i]) for i in range(3)], axis=1).astype(np.float32)


def _down(points: Floats) -> npt.NDArray[np.float32]:
    """(3,) from forehead to chin, in the picture's plane."""
    axis = points[152] - points[10]
    axis = np.array([axis[0], axis[1], 0.0], np.float32)
    unit: npt.NDArray[np.float32] = (axis / max(float(np.linalg.norm(axis)), 1e-6)).astype(np.float32)
    return unit


class Lids:
    """The source's lids, which can be opened and shut by a fraction."""

    def __init__(self, source: Floats) -> None:
        """``source``: (478, 3) photo pixels."""
        self._source = source
        openness = eye_openness(source)
        self._open = [self._gaps_at_rest(side, openness[side]) for side in (0, 1)]
        self._shut_in_photo = [openness[side] < OPEN_LEAST for side in (0, 1)]
        self._skin = [_skin_weights(upper, lower) for _, upper, lower in _LIDS]

    def _gaps_at_rest(self, side: int, openness: float) -> npt.NDArray[np.float32]:
        """(7,) lid gaps of the open eye: the photo's, or a usual eye's when the photo shows it shut."""
        eye, upper, lower = _LIDS[side]
        gaps = np.linalg.norm(self._source[upper, :2] - self._source[lower, :2], axis=1)
        if openness >= OPEN_LEAST:
            return np.asarray(gaps, np.float32)
        mean = mean_shape()
        profile = np.linalg.norm(mean[upper, :2] - mean[lower, :2], axis=1)
        width = np.linalg.norm(self._source[eye[0]] - self._source[eye[8]])
        return np.asarray(profile / profile.mean() * OPEN_PRIOR * width, np.float32)

    def moved(self, points: Floats, fractions: tuple[float, float], strength: float) -> Floats:
        """The face with its lids opened to ``fractions`` (right, left) of their rest: 0 shut, 1 as at rest.

        ``points``: (478, 3), the source with its other expressions, not yet turned.
        """
        result = points.copy()
        for side, (eye, upper, lower) in enumerate(_LIDS):
            own = np.linalg.norm(self._source[upper, :2] - self._source[lower, :2], axis=1).astype(np.float32)
            width = np.float32(np.linalg.norm(self._source[eye[0]] - self._source[eye[8]]))
            floor = np.minimum(own, SHUT_PRIOR * width) if self._shut_in_photo[side] else np.zeros_like(own)
            wanted = floor + (self._open[side] - floor) * np.float32(np.clip(fractions[side], 0.0, 1.35))
            apart = self._apart(side)
            # (7, 3) by which the lids part further or come together, in depth too: or a nod would part them.
            change = apart * ((wanted - own) * np.float32(strength))[:, None]
            shift = (points[[eye[0], eye[8]]] - self._source[[eye[0], eye[8]]]).mean(axis=0)
            up_move, low_move = change * (1 - _LOWER_LID_SHARE), -change * _LOWER_LID_SHARE
            above, below = self._skin[side]
            result += above @ up_move + below @ low_move
            result[upper] = self._source[upper] + shift + up_move
            result[lower] = self._source[lower] + shift + low_move
        return result

    def _apart(self, side: int) -> Floats:
        """(7, 3) from each lower lid point to its upper one, one pixel long in the picture's plane."""
        _, upper, lower = _LIDS[side]
        if self._shut_in_photo[side]:
            return np.repeat(-_down(self._source)[None], len(upper), axis=0)
        between = self._source[upper] - self._source[lower]
        length = np.linalg.norm(between[:, :2], axis=1, keepdims=True)
        return np.asarray(between / np.maximum(length, 1e-6), np.float32)


def _skin_weights(upper: list[int], lower: list[int]) -> tuple[Floats, Floats]:
    """(478, 7) each: how the skin above and below takes part in the moves of the seven lid points."""
    xy = mean_shape()[:, :2]
    weights = []
    for lid, is_upper in ((upper, True), (lower, False)):
        distance = np.linalg.norm(xy[:, None] - xy[lid][None], axis=2)  # (478, 7)
        near = np.exp(-0.5 * (distance / _LID_REACH) ** 2)
        shares = near / np.maximum(near.sum(axis=1, keepdims=True), 1e-9)
        fade = np.exp(-0.5 * (distance.min(axis=1) / _LID_REACH) ** 2)
        beyond = xy[:, 1] < xy[lid, 1].max() if is_upper else xy[:, 1] > xy[lid, 1].min()
        table = shares * (fade * beyond)[:, None]
        table[[*upper, *lower]] = 0.0
        table[468:] = 0.0
        weights.append(table.astype(np.float32))
    return weights[0], weights[1]
