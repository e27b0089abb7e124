"""Which further photo a frame borrows from: the one that looks most like the frame, changed without a jump."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from enliven.model.strokes import outlined
from enliven.topology import FACE_OVAL, LEFT_EYE, OUTER_LIPS, RIGHT_EYE
from enliven.types import Floats

_WEIGHTS = np.array([2.0, 2.0, 1.0, 0.03, 0.03, 1.2, 0.8, 0.25, 0.7, 0.7, 0.7], np.float32)
"""Of the looks (yaw, pitch, roll, gaze, mouth, its width, eyes) and the place (x, y, size): a turned face is what a
mesh makes up worst."""
_AROUND = np.array([2.0, 2.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.7, 0.7, 0.7], np.float32)
"""Of the same, for what lies around the face."""
_BETTER = 0.8
"""A photo gives way to another one that is nearer to the frame than this share of its distance,"""
_MARGIN = 0.3
"""and by at least this much: between two that are near there is nothing to gain."""
_FADE_FRAMES = 4
"""In which a photo comes in and goes out."""
_LEAST_SHARE, _LEAST_REST = 1e-4, 0.02
_TAKES, _STAYS = 0.95, 1.05
"""A lender's surroundings come in when it is nearer than this share of the animated photo's distance, and stay until
it is farther than that one."""
_PARTS = (([5, 6], 0.3), ([3, 4, 7], 0.5), ([0, 1], 1.0))
"""Looks that matter at mouth, eyes and skin, and by how much nearer a lender must be to be preferred there, when it
was taken in another light; in the same light by nothing."""
_ODDS_PER_STEP, _MOST_ODDS = 5.0, 6.0


class Lending:
    """Goes along with the frames and keeps at most one lender at a time."""

    def __init__(self, base: Floats, lenders: Sequence[Floats], *, at_once: bool = False) -> None:
        """Looks and place (11,) of the animated photo and of the others, as :func:`looks_and_place` has them.

        ``at_once``: for pictures that do not follow each other; the nearest photo lends in each.
        """
        self._at_once = at_once
        self._everybody = np.stack([base, *lenders])  # (1 + N, 11)
        self._current: int | None = None
        self.share = 0.0
        """How far the lender has come in; 0 while there is none."""
        self._begun = False

    def step(self, looks: Floats) -> tuple[int, float] | None:
        """The lender for a frame that shall look so, and how far it has come in (0..1); None for nobody."""
        if len(self._everybody) == 1:
            return None
        wanted = self._wanted(looks)
        if not self._begun or self._at_once:
            self._begun, self._current, self.share = True, wanted, float(wanted is not None)
        elif wanted is not None and wanted == self._current:
            self.share = min(1.0, self.share + 1 / _FADE_FRAMES)
        elif self.share > 1 / _FADE_FRAMES:
            self.share -= 1 / _FADE_FRAMES
        else:
            self._current, self.share = wanted, 0.0
        return (self._current, self.share) if self._current is not None and self.share > 0 else None

    def _wanted(self, looks: Floats) -> int | None:
        away = np.linalg.norm((self._everybody - looks) * _WEIGHTS, axis=1)
        now = 0 if self._current is None else self._current + 1
        best = int(np.argmin(away))
        changes = away[best] < min(_BETTER * away[now], away[now] - _MARGIN)
        chosen = best if changes or self._at_once or not self._begun else now
        return chosen - 1 if chosen else None


class Around:
    """Whose hair, clothes and background are shown, the animated photo's or a lender's: two blended are no head."""

    def __init__(self, base: Floats, *, at_once: bool = False) -> None:
        """``base``: looks and place (11,) of the animated photo; ``at_once``: as of :class:`Lending`."""
        self._base, self._at_once = base, at_once
        self._number: int | None = None
        self._lends = False
        self._share = 0.0

    def step(self, number: int, lender: Floats, frame: Floats) -> float:
        """How far the lender's have come in (0..1) for a frame with these looks and place (11,).

        ``number``: which lender it is; another one comes in by its own share.
        """
        own, other = (float(np.linalg.norm((one - frame) * _AROUND)) for one in (self._base, lender))
        begins = number != self._number or self._at_once
        self._lends = other < (_STAYS if self._lends and not begins else _TAKES) * own
        self._number = number
        towards = 1.0 if self._lends else 0.0
        most = 1.0 if begins else 1 / _FADE_FRAMES
        self._share += float(np.clip(towards - self._share, -most, most))
        return self._share


def prior(
    points: Floats,
    size: int,
    share: float | Floats,
    odds: tuple[float, float, float],
    around: float | None = None,
) -> Floats:
    """(2, S/4, S/4) log weights of the animated photo and of a lender that has come in by ``share``, (S/4, S/4) or one.

    ``points``: (478, 2) of the frame, in pixels of the crop of side S; ``odds``: of mouth, eyes and skin; ``around``:
    share of hair, clothes and background, see :class:`Around`; None for those that lend none.
    """
    inside = cv2.blur(cv2.erode(outlined(points, FACE_OVAL, size, 4), np.ones((3, 3), np.uint8)), (5, 5))
    skin = odds[2] if around is None else max(odds[2], _log_odds(around))  # one head, not two
    favour = np.full_like(inside, skin)
    for part, value in ((OUTER_LIPS, odds[0]), (RIGHT_EYE, odds[1]), (LEFT_EYE, odds[1])):
        where = cv2.dilate(outlined(points, part, size, 4), np.ones((5, 5), np.uint8))
        where = cv2.blur(where, (3, 3))
        favour += (value - favour) * where
    if around is None:
        lent = np.log(np.maximum(inside * share, _LEAST_SHARE)) + favour
    else:
        face = np.log(np.maximum(share, _LEAST_SHARE)) + favour
        lent = face + (_log_odds(share * around) - face) * (1.0 - inside)
    return np.asarray(np.stack([np.zeros_like(lent), lent]), np.float32)


def _log_odds(share: float | Floats) -> Floats:
    """Log weight beside a weight of one."""
    return np.asarray(
        np.log(np.maximum(share, _LEAST_SHARE) / np.maximum(1.0 - np.asarray(share), _LEAST_REST)), np.float32
    )


def odds_of(frame: Floats, base: Floats, lender: Floats, alike: float = 0.0) -> tuple[float, float, float]:
    """Log odds for the lender at mouth, eyes and skin: how much nearer to the frame its looks (11,) are there.

    ``alike``: 1 when its face has the animated one's light, down to 0 in a light of its own; then what it does not show
    much better, the animated photo shows: seams cost more than small gains.
    """
    found = []
    for part, margin in _PARTS:
        own, other = (float(np.linalg.norm((one - frame)[part])) for one in (base, lender))
        gain = own - other - margin * (1.0 - alike)
        found.append(float(np.clip(_ODDS_PER_STEP * gain, -_MOST_ODDS, _MOST_ODDS)))
    return found[0], found[1], found[2]
