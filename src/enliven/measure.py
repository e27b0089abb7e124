"""Numbers read off landmarks: how open eyes and mouth are, where the head points.

All are free of size, place and in-plane turn of the face, so that two people can be compared.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from enliven.geometry import RigidPose, fit_rigid_pose, yaw_pitch_roll_deg
from enliven.topology import (
    INNER_LIPS,
    INNER_LOWER_LIP,
    INNER_UPPER_LIP,
    LEFT_EYE,
    LEFT_IRIS,
    LEFT_LOWER_LID,
    LEFT_UPPER_LID,
    RIGHT_EYE,
    RIGHT_IRIS,
    RIGHT_LOWER_LID,
    RIGHT_UPPER_LID,
    STABLE,
    mean_shape,
)
from enliven.types import Floats, Landmarks


@dataclass(frozen=True)
class HeadPose:
    """Angles of the head; signs as in :func:`enliven.geometry.yaw_pitch_roll_deg`."""

    yaw_deg: float
    pitch_deg: float
    roll_deg: float


def rigid_pose(landmarks: Landmarks) -> RigidPose:
    """The pose that moves the mean face onto this one, fitted on the points that speech leaves alone."""
    stable = list(STABLE)
    return fit_rigid_pose(mean_shape()[stable], landmarks.points[stable])


def head_pose(landmarks: Landmarks) -> HeadPose:
    """Yaw, pitch and roll in degrees; good to a few degrees, since the depth is estimated."""
    return HeadPose(*yaw_pitch_roll_deg(rigid_pose(landmarks).rotation))


def head_radius_px(points: Floats) -> float:
    """RMS radius of the points that speech leaves alone, in three dimensions: free of turns. ``points``: (478, 3)."""
    stable = points[list(STABLE)]
    return float(np.sqrt(((stable - stable.mean(axis=0)) ** 2).sum(axis=1).mean()))


def face_height_px(landmarks: Landmarks) -> float:
    """Forehead to chin in pixels, along the face."""
    return float(np.linalg.norm(landmarks.xy[10] - landmarks.xy[152]))


def mean_gap(points: Floats, upper: tuple[int, ...], lower: tuple[int, ...]) -> float:
    """Mean distance of two rows of landmarks, point for point; ``points``: (478, 2 or 3)."""
    distances = np.linalg.norm(points[list(upper)] - points[list(lower)], axis=1)
    return float(distances.mean())


def _eye_openness(
    points: Floats, eye: tuple[int, ...], upper: tuple[int, ...], lower: tuple[int, ...]
) -> float:
    width = float(np.linalg.norm(points[eye[0]] - points[eye[8]]))
    return mean_gap(points, upper, lower) / max(width, 1e-6)


def eye_openness(points: Floats) -> tuple[float, float]:
    """(right, left): mean lid gap over eye width, in 3-D; about 0.25 when open, under 0.08 when shut.

    ``points``: (478, 3).
    """
    return (
        _eye_openness(points, RIGHT_EYE, RIGHT_UPPER_LID, RIGHT_LOWER_LID),
        _eye_openness(points, LEFT_EYE, LEFT_UPPER_LID, LEFT_LOWER_LID),
    )


def mouth_openness(points: Floats) -> float:
    """Mean inner-lip gap over the distance between the outer eye corners; about 0.01 when shut.

    ``points``: (478, 3). The eyes' distance, not the mouth's width, since speech changes the latter.
    """
    eyes = float(np.linalg.norm(points[RIGHT_EYE[0]] - points[LEFT_EYE[0]]))
    return mean_gap(points, INNER_UPPER_LIP, INNER_LOWER_LIP) / max(eyes, 1e-6)


def mouth_width(points: Floats) -> float:
    """Inner corner to inner corner over the distance between the outer eye corners."""
    eyes = float(np.linalg.norm(points[RIGHT_EYE[0]] - points[LEFT_EYE[0]]))
    return float(np.linalg.norm(points[INNER_LIPS[0]] - points[INNER_LIPS[10]])) / max(eyes, 1e-6)


def gaze(points: Floats) -> tuple[float, float]:
    """(x, y) irises off the middle of their eyes' corners over the eye's width, mean of both; image axes.

    About -0.2 to 0.2. ``points``: (478, 3).
    """
    offsets = []
    for eye, iris in ((RIGHT_EYE, RIGHT_IRIS), (LEFT_EYE, LEFT_IRIS)):
        corners = points[[eye[0], eye[8]], :2]
        width = max(float(np.linalg.norm(corners[1] - corners[0])), 1e-6)
        offsets.append((points[iris[0], :2] - corners.mean(axis=0)) / width)
    x, y = np.mean(offsets, axis=0)
    return float(x), float(y)


LOOKS = ("yaw", "pitch", "roll", "gaze_x", "gaze_y", "mouth", "mouth_width", "eyes")
"""What two pictures of one face can differ in; see :func:`looks`."""
_STEPS = np.array([20.0, 15.0, 30.0, 0.12, 0.12, 0.12, 0.1, 0.1], np.float32)
"""Of each of them, a difference that one sees at a glance."""


def turn(landmarks: Landmarks) -> Floats:
    """(3,) float32: the first three looks, yaw, pitch and roll."""
    pose = head_pose(landmarks)
    return np.asarray([pose.yaw_deg, pose.pitch_deg, pose.roll_deg], np.float32) / _STEPS[:3]


def looks(landmarks: Landmarks) -> Floats:
    """(8,) float32: pose, gaze, mouth and eyes, each in units of a difference that one sees at a glance."""
    points = landmarks.points
    mouth, eyes = (mouth_openness(points), mouth_width(points)), float(np.mean(eye_openness(points)))
    mimic = np.asarray([*gaze(points), *mouth, eyes], np.float32) / _STEPS[3:]
    return np.concatenate([turn(landmarks), mimic])
