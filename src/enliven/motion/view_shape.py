"""How the shape that is measured of a face depends on the side from which it is seen.

Landmarks of one picture have estimated depths, and what is hidden is guessed: a face seen from the side, turned to the
front by its own landmarks, gets cheeks that are not its own. How people's measured shapes change with the view
was learned from their videos (``tools/make_views.py``); faces are symmetric besides, so what a side view has more on
one side is the view's doing rather than theirs.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from enliven.geometry import smoothstep
from enliven.measure import rigid_pose
from enliven.topology import in_mirror, views
from enliven.types import Floats, Landmarks

Rotation = npt.NDArray[np.float64]

_MOST_YAW_DEG, _MOST_PITCH_DEG = 45.0, 30.0
"""Views beyond count as these; one frame in a hundred showed more."""
_YAW_UNIT_DEG, _PITCH_UNIT_DEG = 30.0, 20.0
_SYMMETRIC_DEG = 30.0
"""Seen from another side by so much, a face keeps nothing of its asymmetry."""


def viewed_from(rotation: Rotation) -> tuple[float, float]:
    """Where the camera is, as the head sees it: degrees to the person's left, degrees down; roll plays no part.

    ``rotation``: (3, 3), of the mean face to the picture's.
    """
    right, down, away = -rotation[2]
    yaw = np.degrees(np.arctan2(right, -away))
    pitch = np.degrees(np.arctan2(down, np.hypot(right, away)))
    return float(yaw), float(pitch)


def causes(yaw_deg: float, pitch_deg: float) -> Floats:
    """(5,) what the change of shape is linear in; all 0 from the front."""
    yaw = np.clip(yaw_deg, -_MOST_YAW_DEG, _MOST_YAW_DEG) / _YAW_UNIT_DEG
    pitch = np.clip(pitch_deg, -_MOST_PITCH_DEG, _MOST_PITCH_DEG) / _PITCH_UNIT_DEG
    return np.array([yaw, pitch, yaw * yaw, pitch * pitch, yaw * pitch], np.float32)


def _change(rotation: Rotation) -> Floats:
    """(478, 3) what a face measures more in this view than from the front; units of the mean face."""
    change: Floats = np.einsum("n,nij->ij", causes(*viewed_from(rotation)), views())
    return change


class ViewedFace:
    """One picture's face, as it would be measured if it were seen from elsewhere."""

    def __init__(self, face: Landmarks) -> None:
        self.pose = rigid_pose(face)
        """From the mean face."""
        self._from = viewed_from(self.pose.rotation)
        self._seen = _change(self.pose.rotation)
        upright = self.pose.inverse().apply(face.points) - self._seen
        self._asymmetry = (upright - in_mirror(upright)) / 2

    def changed(self, rotation: Rotation) -> Floats:
        """(478, 3) to be added to the points before they turn by ``rotation`` (3, 3); none for no turn."""
        turned = rotation @ self.pose.rotation
        aside = abs(viewed_from(turned)[0] - self._from[0])
        change = _change(turned) - self._seen - smoothstep(aside, 0.0, _SYMMETRIC_DEG) * self._asymmetry
        return np.asarray(self.pose.scale * change @ self.pose.rotation.T, np.float32)
