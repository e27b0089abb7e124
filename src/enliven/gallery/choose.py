"""Which pictures are used when there are more than can be: those that differ most, sharp ones first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from enliven.measure import looks, rigid_pose
from enliven.types import Floats, Landmarks

_LEAST_WORTH, _MOST_WORTH = 0.5, 1.25
"""A picture half as sharp as the typical one must differ twice as much to be chosen."""
_FRONTAL = 4
"""Of the looks, those that the most frontal picture has small: yaw, pitch, roll, and the gaze to the side."""
_EYES = 7
_GRIMACE = 0.06
"""RMS distance of landmarks from where they mostly are, in units of the mean face, that one sees at a glance."""


def most_different(seen: Sequence[Floats], sharpness: Sequence[float], first: int, count: int) -> list[int]:
    """``count`` numbers, ``first`` first: farthest-point selection (Gonzalez 1985).

    Each next one has the largest product of worth and distance from all chosen so far. The distance is that of
    ``seen`` (8,), their :func:`enliven.measure.looks`; the worth is the sharpness over the median one, within 0.5 to
    1.25.
    """
    points = np.stack(seen)
    worth = np.clip(np.asarray(sharpness) / max(float(np.median(sharpness)), 1e-6), _LEAST_WORTH, _MOST_WORTH)
    chosen = [first]
    nearest = np.linalg.norm(points - points[first], axis=1)
    while len(chosen) < min(count, len(points)):
        value = nearest * worth
        value[chosen] = -1.0
        chosen.append(int(value.argmax()))
        nearest = np.minimum(nearest, np.linalg.norm(points - points[chosen[-1]], axis=1))
    return chosen


def most_fitting(faces: Sequence[Landmarks], sharpness: Sequence[float]) -> int:
    """The number of the picture to animate when the user named none.

    It is frontal, sharp, its eyes are open as usual, and it shows no face that the person seldom makes: what moves
    relative to the animated picture makes that face ever after.
    """
    points = np.stack([looks(face) for face in faces])
    shapes = np.stack([rigid_pose(face).inverse().apply(face.points)[:, :2] for face in faces])
    odd = np.sqrt(((shapes - np.median(shapes, axis=0)) ** 2).sum(axis=2).mean(axis=1)) / _GRIMACE
    turned = np.linalg.norm(points[:, :_FRONTAL], axis=1)
    shut = np.clip(np.median(points[:, _EYES]) - points[:, _EYES], 0.0, None)
    soft = np.clip(1.0 - np.asarray(sharpness) / max(float(np.median(sharpness)), 1e-6), 0.0, None)
    return int((turned + odd + shut + 2.0 * soft).argmin())
