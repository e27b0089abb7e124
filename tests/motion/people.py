"""Made-up people with known landmarks: a deformed mean face, an expression, a pose."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from enliven.motion.regions import lip_weights
from enliven.topology import (
    INNER_LOWER_LIP,
    INNER_UPPER_LIP,
    LEFT_IRIS,
    LEFT_LOWER_LID,
    LEFT_UPPER_LID,
    RIGHT_IRIS,
    RIGHT_LOWER_LID,
    RIGHT_UPPER_LID,
    mean_shape,
)
from enliven.types import Floats, Landmarks, TrackedFace

SIZE_WH = (512, 512)
LIDS = ((RIGHT_UPPER_LID, RIGHT_LOWER_LID), (LEFT_UPPER_LID, LEFT_LOWER_LID))


@dataclass(frozen=True)
class Look:
    """Expression and pose of one moment."""

    mouth: float = 0.0
    """Inner lip gap in mean-face units."""
    eyes: float = 1.0
    """1 open, 0 shut."""
    gaze: float = 0.0
    """Irises to the right of the picture, in mean-face units."""
    brows: float = 0.0
    yaw_deg: float = 0.0
    roll_deg: float = 0.0
    scale: float = 80.0
    x: float = 256.0
    y: float = 256.0


def person(seed: int) -> Floats:
    """(478, 3) a face of its own: proportions and a smooth, symmetric deformation; lips shut."""
    rng = np.random.default_rng(seed)
    shape = mean_shape() * rng.uniform(0.93, 1.07, 3)
    a, b = rng.uniform(-0.04, 0.04, 2)
    shape = shape + np.stack(
        [a * np.sin(2 * shape[:, 0]), b * np.cos(2 * shape[:, 0] ** 2), 0 * shape[:, 2]], 1
    )
    upper, lower = list(INNER_UPPER_LIP), list(INNER_LOWER_LIP)
    middle = (shape[upper] + shape[lower]) / 2
    shape[upper] = shape[lower] = middle
    return shape.astype(np.float32)


def looking(shape: Floats, look: Look) -> Landmarks:
    """The person at one moment."""
    points = shape.astype(np.float64).copy()
    upper_lip, lower_lip = lip_weights()
    points[:, 1] += look.mouth * (0.75 * lower_lip - 0.25 * upper_lip)
    for upper, lower in LIDS:
        points[list(upper)] = points[list(lower)] + look.eyes * (points[list(upper)] - points[list(lower)])
    points[list(RIGHT_IRIS + LEFT_IRIS), 0] += look.gaze
    points[:, 1] -= look.brows * np.exp(-0.5 * ((points[:, 1] + 0.9) / 0.1) ** 2)
    points = points @ (_about_y(look.yaw_deg) @ _about_z(look.roll_deg)).T
    placed = points * look.scale + [look.x, look.y, 0.0]
    return Landmarks(placed.astype(np.float32), SIZE_WH)


def tracked(
    landmarks: Landmarks | None, number: int = 0, *, found: bool = True, cut: bool = False
) -> TrackedFace:
    """The face in frame ``number`` of a clip of 25 a second."""
    return TrackedFace(Fraction(number, 25), landmarks, found, cut)


def mirrored(landmarks: Landmarks) -> Landmarks:
    """In a mirror."""
    from enliven.topology import mirror_permutation

    points = landmarks.points[mirror_permutation()].copy()
    points[:, 0] = landmarks.image_size_wh[0] - 1 - points[:, 0]
    return Landmarks(points, landmarks.image_size_wh)


def _about_y(angle_deg: float) -> Floats:
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    return np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])


def _about_z(angle_deg: float) -> Floats:
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
