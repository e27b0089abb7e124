"""What one frame of the driver shows, free of who they are and where they stand.

Everything is measured in a head-fixed frame: the driver's own reference frame, pose removed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from enliven.geometry import RigidPose, fit_rigid_pose, yaw_pitch_roll_deg
from enliven.measure import (
    HeadPose,
    eye_openness,
    head_pose,
    head_radius_px,
    mouth_openness,
    mouth_width,
    rigid_pose,
)
from enliven.motion.view_shape import ViewedFace
from enliven.topology import (
    LEFT_BROW,
    LEFT_EYE,
    LEFT_IRIS,
    LEFT_UPPER_LID,
    OUTER_LIPS,
    RIGHT_BROW,
    RIGHT_EYE,
    RIGHT_IRIS,
    RIGHT_UPPER_LID,
    STABLE,
    in_mirror,
)
from enliven.types import Floats, Landmarks

EYES = ((RIGHT_EYE, RIGHT_IRIS), (LEFT_EYE, LEFT_IRIS))
OPEN_PRIOR = 0.20
"""Openness of an eye at rest when nothing better is known: that of the mean face."""
OPEN_LEAST = 0.11
"""Below this an eye is not taken for one at rest."""
SHUT_PRIOR = 0.045
SHUT_MOST = 0.075
"""No matter what the clip shows, more than this is not shut."""

_EYES_PER_DEG = 0.0033
"""By which eyes turn against a head that turns, see :func:`past_camera`."""

_STABLE = list(STABLE)
_MIMIC = [*OUTER_LIPS, *RIGHT_BROW, *LEFT_BROW, *RIGHT_UPPER_LID, *LEFT_UPPER_LID]


def gaze(points: Floats) -> npt.NDArray[np.float64]:
    """(2, 2) for right and left eye: where the iris lies, along and across, in eye widths from the outer corner."""
    places = np.zeros((2, 2))
    for i, (eye, iris) in enumerate(EYES):
        outer, inner = points[eye[0], :2], points[eye[8], :2]
        axis = (inner - outer) @ [1, 1j] or 1.0
        place = (points[iris[0], :2] - outer) @ [1, 1j] / axis
        # The left eye's axis runs against the right one's: so that "across" points up in both.
        places[i] = place.real, place.imag * (1 if i else -1)
    return places


def past_camera(landmarks: Landmarks) -> float:
    """How far the eyes look past the camera, to the picture's right, in eye widths; about 0 for who looks into it.

    Eyes that stay on the camera turn against the head: by 0.0033 eye widths a degree in one who did so for twenty
    seconds. Five of the six sample portraits lie within 0.03 of 0, the one that looks over its shoulder at -0.07.
    """
    (right, _), (left, _) = gaze(landmarks.points)
    return float((right - left) / 2 + _EYES_PER_DEG * head_pose(landmarks).yaw_deg)


@dataclass(frozen=True, eq=False)
class Reference:
    """One frame of the driver against which the others are read."""

    points: Floats
    """(478, 3) driver pixels."""
    viewed: ViewedFace
    size: float
    openness: tuple[float, float]
    gaze: npt.NDArray[np.float64]
    past_camera: float
    """See :func:`past_camera`."""
    mouth_width: float
    """See :func:`enliven.measure.mouth_width`."""

    @classmethod
    def of(cls, landmarks: Landmarks) -> Reference:
        """Measured once."""
        points = landmarks.points
        looks = eye_openness(points), gaze(points), past_camera(landmarks), mouth_width(points)
        return cls(points, ViewedFace(landmarks), head_radius_px(points), *looks)

    def pose_of(self, points: Floats) -> RigidPose:
        """What moves this frame's rigid head onto the one at ``points``."""
        return fit_rigid_pose(self.points[_STABLE], points[_STABLE])


@dataclass
class DriverRange:
    """How far this driver opens and shuts their eyes, learned as the clip goes on."""

    least: list[float] = field(default_factory=lambda: [1.0, 1.0])
    seen: list[float] = field(default_factory=list)

    def learn(self, openness: tuple[float, float]) -> None:
        """From one more frame; keeps a bounded number of values."""
        self.least = [min(a, b) for a, b in zip(self.least, openness, strict=True)]
        if len(self.seen) < 512:
            self.seen.append(float(np.mean(openness)))

    @property
    def usual(self) -> float:
        """Openness of both eyes most of the time so far; a little above the median, as blinks lie below."""
        return float(np.quantile(self.seen, 0.6)) if self.seen else OPEN_PRIOR

    def rest(self, side: int, reference: Reference) -> float:
        """Openness of the eye at rest: the reference frame's, unless that one is caught in a blink."""
        own = reference.openness[side]
        usual = self.usual
        if own >= 0.6 * usual and self._is_open(own, side):
            return own
        return usual if self._is_open(usual, side) else OPEN_PRIOR

    def _is_open(self, openness: float, side: int) -> bool:
        """Wide enough for an eye at rest, or narrow but much wider than the same eye in a blink."""
        return openness >= OPEN_LEAST or openness > 2.2 * max(self.least[side], 0.01)

    def shut(self, side: int, rest: float) -> float:
        """At this openness and below the eye is shut."""
        learned = 1.15 * self.least[side] if self.least[side] < 0.5 * rest else SHUT_PRIOR
        return float(min(max(learned, 0.8 * SHUT_PRIOR), SHUT_MOST, 0.45 * rest))


def unlikeness(driver: Landmarks, photo: Landmarks, usual_openness: float) -> float:
    """How far a driving frame's pose and expression lie from the photo's; 0 is the same.

    Degrees and openings are weighed so that 8 degrees of turn count like a mouth opened by a tenth of
    the eyes' distance or widened by a twelfth. Closed eyes count as well: a blink is no frame to compare with,
    and neither are eyes torn open; ``usual_openness`` is this driver's own. So does a face more one-sided than the
    photo's: read against a grimace, every later face is one-sided the other way.
    """
    at, of_photo = rigid_pose(driver), rigid_pose(photo)
    a, b = (HeadPose(*yaw_pitch_roll_deg(pose.rotation)) for pose in (at, of_photo))
    turn = np.hypot(a.yaw_deg - b.yaw_deg, a.pitch_deg - b.pitch_deg) / 8.0
    roll = (a.roll_deg - b.roll_deg) / 16.0
    mouth = (mouth_openness(driver.points) - mouth_openness(photo.points)) / 0.10
    smile = (mouth_width(driver.points) - mouth_width(photo.points)) / 0.08
    eyes = float(np.mean(eye_openness(driver.points)))
    lids = (eyes - usual_openness) / 0.05
    look = float(np.abs(gaze(driver.points) - gaze(photo.points)).mean()) / 0.08
    one_sided = _awry(driver.points, at) - _awry(photo.points, of_photo)
    awry = float(np.sqrt((one_sided**2).sum(axis=1).mean())) / 0.025
    return float(np.sqrt(turn**2 + roll**2 + mouth**2 + smile**2 + lids**2 + 0.25 * look**2 + awry**2))


def _awry(points: Floats, pose: RigidPose) -> npt.NDArray[np.float64]:
    """(N, 2) how far points of lips, brows and upper lids lie from their mirror images, in radii of the head."""
    upright = pose.inverse().apply(points)
    return np.asarray((upright - in_mirror(upright))[_MIMIC, :2] / 2, np.float64)
