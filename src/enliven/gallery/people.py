"""Which of many pictures show the same person."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from enliven.pixels import Mask
from enliven.types import Floats

SAME = 0.6
"""Largest distance of dlib's descriptors at which two faces are taken for one person's (King 2017)."""
_SURELY_SAME = 0.5
"""At which a picture that the person is already known by vouches for another one: profiles are far from fronts.

On 40 people of YouTube Faces, two strangers are never nearer than that in 61,781 pairs but one.
"""


def distances(descriptors: Sequence[Floats]) -> npt.NDArray[np.float64]:
    """(N, N) between all pairs of (128,) descriptors."""
    stacked = np.stack(descriptors).astype(np.float64)
    between: npt.NDArray[np.float64] = np.linalg.norm(stacked[:, None] - stacked[None], axis=2)
    return between


def person_around(between: npt.NDArray[np.float64], reference: int) -> Mask:
    """(N,) True for the pictures that show whom the ``reference`` shows.

    Those nearer to it than 0.6, and step by step those nearer than 0.5 to one that is already in.
    """
    inside = between[reference] < SAME
    inside[reference] = True
    while True:
        grown: Mask = inside | (between[inside].min(axis=0) < _SURELY_SAME)
        if (grown == inside).all():
            return grown
        inside = grown


def largest_person(between: npt.NDArray[np.float64]) -> Mask:
    """(N,) True for the person whom most of the pictures show."""
    left = np.ones(len(between), bool)
    best = np.zeros(len(between), bool)
    while left.any():
        centre = int(np.flatnonzero(left)[(between[left][:, left] < SAME).sum(axis=1).argmax()])
        group = person_around(between, centre)
        best = group if group.sum() > best.sum() else best
        left &= ~group
    return best
