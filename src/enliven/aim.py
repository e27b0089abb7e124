"""Where the landmarks must be sent so that a face is seen where it should be.

A moved photo is not quite seen with the landmarks that it was moved to: outlines turn away, lids close by a
part only, the detector reads an unusual mouth as a more usual one. So some results are looked at with the same
mesh model that reads the driver; what they lack is remembered by how the face looked, and added wherever the
face looks so again. A controller in a closed loop, as visual servoing has it (Chaumette and Hutchinson 2006).
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from types import TracebackType

import cv2
import numpy as np

from enliven.face.mesh import FaceMesh, square_around
from enliven.face.plausible import FOLLOWED, is_plausible
from enliven.geometry import RigidPose, normals
from enliven.measure import looks, rigid_pose
from enliven.topology import (
    INNER_LIPS,
    LEFT_EYE,
    LEFT_IRIS,
    OUTER_LIPS,
    RIGHT_EYE,
    RIGHT_IRIS,
    mean_shape,
    triangles,
)
from enliven.types import Floats, Landmarks, Picture

_NEW = 0.5
"""A face that looks different by this from all that were looked at is looked at (1 is seen at a glance)."""
_REACH = 0.35
"""Standard deviation of how far a look counts, in the same unit."""
_DOUBT = 0.02
"""Weight of "nothing is lacking" against the looks."""
_SHARE = 0.8
"""Of what was lacking that is added; the rest is noise of one look."""
_MOST = 0.04
"""Nothing is moved further than this, in radii of the head; what lacks more was not seen rightly."""
_NEAR_DEG, _FAR_DEG = 15.0, 30.0
"""Turned from the photo up to the first a result is believed, beyond the second not: it is no face that one knows."""
_FRONT_DEG, _PROFILE_DEG = 30.0, 45.0
"""The same for turns away from the viewer: of a profile the mesh model guesses half."""
_SMOOTH = 0.12
"""Points nearer to each other than this on the mean face go together: single points are noise."""
_TURNED, _FACING = 0.15, 0.45
"""Cosine to the viewer at which a point's place begins to count, and from which it counts in full."""
_BESIDE = 0.1
"""Up to half of it beyond eyes and mouth all goes along, up to one and a half of it less and less; mean face."""
FOLLOWING = 0.5
"""Share of the way to a newly learned correction that goes by in a frame: nothing jumps."""
_REMEMBERED = 256
"""Looks kept, the photo's among them; the oldest make room."""


class Aim(AbstractContextManager["Aim"]):
    """For one photo: learns from its results as they come. Close it, or use it in a ``with``."""

    def __init__(self, at_rest: Landmarks, ease: float = FOLLOWING, *, whole: bool = True) -> None:
        """``at_rest``: the photo's own, in pixels of the results; unmoved, the photo lacks nothing.

        ``ease``: 0..1, see ``FOLLOWING``; 1 for pictures that do not follow each other. ``whole``: the face's shape
        too; otherwise eyes and mouth alone, for another person's motion, where the shape asked for is itself a guess.
        """
        self._parts = np.ones((len(at_rest.points), 1), np.float32) if whole else _eyes_and_mouth()
        self._size_wh = at_rest.image_size_wh
        self._ease = ease
        self._rotation = rigid_pose(at_rest).rotation
        self._mesh = FaceMesh()
        self._looks = looks(at_rest)[None]  # (N, 8)
        self._lacking = np.zeros((1, len(at_rest.points), 2), np.float32)
        self._added = self._lacking[0]

    def aimed(self, points: Floats) -> Floats:
        """Where to send the landmarks to be seen at ``points``; both (478, 3) in pixels of the results."""
        wanted = Landmarks(points, self._size_wh)
        self._added = self._added + np.float32(self._ease) * (self._expected(looks(wanted)) - self._added)
        result = points.copy()
        result[:, :2] += self._added @ _in_plane(rigid_pose(wanted)).T
        return result

    def is_new(self, points: Floats) -> bool:
        """True when no face that looks like this one was looked at yet."""
        return bool(self._distances(looks(Landmarks(points, self._size_wh))).min() > _NEW)

    def learn(self, points: Floats, sent: Floats, result: Picture) -> None:
        """Look at the ``result`` (H, W, 3) of ``sent``, which :meth:`aimed` said of ``points``; both (478, 3)."""
        wanted = Landmarks(points, self._size_wh)
        pose = rigid_pose(wanted)
        upright = np.linalg.inv(_in_plane(pose)).T
        lacking = (sent - points)[:, :2] @ upright
        measured = self._mesh.measure(result, square_around(wanted))
        if is_plausible(measured, FOLLOWED):
            off = _told_by(points[:, :2] - measured.landmarks.xy, _seen(pose))
            lacking = lacking + _SHARE * self._parts * off @ upright
        count = len(self._looks)
        kept = [0, *range(max(1, count + 2 - _REMEMBERED), count)]  # the photo, and the newest
        self._looks = np.concatenate([self._looks[kept], looks(wanted)[None]])
        limited = _limited(lacking, _MOST * self._belief(pose))
        self._lacking = np.concatenate([self._lacking[kept], limited[None]])

    def _belief(self, pose: RigidPose) -> float:
        """1 near the photo's pose and from the front, 0 far from it and in profile."""
        turn, _ = cv2.Rodrigues(pose.rotation @ self._rotation.T)
        from_photo = float(np.degrees(np.linalg.norm(turn)))
        from_viewer = float(np.degrees(np.arccos(np.clip(pose.rotation[2, 2], -1.0, 1.0))))
        return min(_fall(from_photo, _NEAR_DEG, _FAR_DEG), _fall(from_viewer, _FRONT_DEG, _PROFILE_DEG))

    def _expected(self, at: Floats) -> Floats:
        """(478, 2) what is lacking at these looks, in radii of the upright head (Nadaraya and Watson 1964)."""
        weights = np.exp(-0.5 * (self._distances(at) / _REACH) ** 2)
        share = weights / (weights.sum() + _DOUBT)
        # Not as a matrix product: after those a thread of OpenBLAS turns idly on a core that others need.
        expected: Floats = np.einsum("n,nij->ij", share, self._lacking).astype(np.float32)
        return expected

    def _distances(self, at: Floats) -> Floats:
        distances: Floats = np.linalg.norm(self._looks - at, axis=1)
        return distances

    def close(self) -> None:
        """Free the model."""
        self._mesh.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _fall(value: float, begin: float, end: float) -> float:
    """1 up to ``begin``, falling to 0 at ``end``."""
    return float(np.clip((end - value) / (end - begin), 0.0, 1.0))


def _limited(shifts: Floats, most: float) -> Floats:
    """(N, 2) in their directions, none longer than ``most``; short ones hardly shortened."""
    length = np.linalg.norm(shifts, axis=1, keepdims=True)
    limited: Floats = (shifts * most / np.hypot(most + 1e-9, length)).astype(np.float32)
    return limited


def _in_plane(pose: RigidPose) -> Floats:
    """(2, 2) from the upright mean head's plane to the picture's: size and roll."""
    angle = np.arctan2(pose.rotation[1, 0], pose.rotation[0, 0])
    turn = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return np.asarray(pose.scale * np.array(turn), np.float32)


def _told_by(off: Floats, seen: Floats) -> Floats:
    """(478, 2) of every point's neighbourhood. ``off``: (478, 2); ``seen``: (478,) what each point can tell."""
    near = _smoother() @ seen
    told: Floats = (_smoother() @ (off * seen[:, None])) / np.maximum(near, 1e-3)[:, None] * seen[:, None]
    return told


def _seen(pose: RigidPose) -> Floats:
    """(478,) 1 where the head faces the viewer, 0 where it turns away: there the mesh model guesses."""
    facing = -_normals() @ pose.rotation[2]
    seen: Floats = np.clip((facing - _TURNED) / (_FACING - _TURNED), 0.0, 1.0).astype(np.float32)
    return seen


@cache
def _eyes_and_mouth() -> Floats:
    """(478, 1) 1 at lids, irises and lips, falling to 0 next to them."""
    xy = mean_shape()[:, :2]
    parts = [*LEFT_EYE, *RIGHT_EYE, *LEFT_IRIS, *RIGHT_IRIS, *OUTER_LIPS, *INNER_LIPS]
    away = np.linalg.norm(xy[:, None] - xy[parts][None], axis=2).min(axis=1)
    return np.asarray(np.clip(1.5 - away / _BESIDE, 0.0, 1.0)[:, None], np.float32)


@cache
def _normals() -> Floats:
    """(478, 3) unit normals of the mean face, those of irises from around them."""
    faces, sums = triangles(), np.zeros((len(mean_shape()), 3))
    for corner in range(3):
        np.add.at(sums, faces[:, corner], normals(mean_shape(), faces))
    sums = _smoother().astype(np.float64) @ sums
    return np.asarray(sums / np.linalg.norm(sums, axis=1, keepdims=True), np.float32)


@cache
def _smoother() -> Floats:
    """(478, 478) rows add up to 1: every point's neighbours on the mean face."""
    xy = mean_shape()[:, :2]
    apart = ((xy[:, None] - xy[None]) ** 2).sum(axis=2)
    kernel = np.exp(-0.5 * apart / _SMOOTH**2)
    return np.asarray(kernel / kernel.sum(axis=1, keepdims=True), np.float32)
