"""Similarities, boxes and least-squares fits. NumPy only.

Points are (x, y) in pixels, pixel centres at whole numbers, y down.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating[Any]]


def smoothstep(
    values: FloatArray | float, low: float = 0.0, high: float = 1.0
) -> npt.NDArray[np.floating[Any]]:
    """0 up to ``low``, 1 from ``high`` on, without a corner at either; in the shape and precision of ``values``.

    >>> smoothstep(np.array([1.0, 2.0, 3.0, 4.0]), 1.0, 3.0).tolist()
    [0.0, 0.5, 1.0, 1.0]
    """
    t = np.clip((np.asarray(values) - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t))


@dataclass(frozen=True)
class Similarity:
    """``p -> scale * R(angle) p + shift``: keeps shapes, changes size, angle and place.

    >>> turn = Similarity(2.0, 90.0, (1.0, 0.0))
    >>> turn.apply(np.array([[1.0, 0.0]])).round(6).tolist()
    [[1.0, 2.0]]
    >>> (turn @ turn.inverse()).apply(np.array([[3.0, 4.0]])).round(6).tolist()
    [[3.0, 4.0]]
    """

    scale: float = 1.0
    angle_deg: float = 0.0
    """Positive turns +x towards +y, which is clockwise on the screen."""
    shift_px: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        if not (self.scale > 0 and math.isfinite(self.scale)):
            raise ValueError(f"scale must be positive and finite, got {self.scale}")

    @property
    def matrix(self) -> npt.NDArray[np.float64]:
        """(2, 3), as cv2.warpAffine takes it."""
        c = self.scale * math.cos(math.radians(self.angle_deg))
        s = self.scale * math.sin(math.radians(self.angle_deg))
        return np.array([[c, -s, self.shift_px[0]], [s, c, self.shift_px[1]]])

    def apply(self, points: FloatArray) -> npt.NDArray[np.float64]:
        """(..., 2) points moved."""
        m = self.matrix
        moved: npt.NDArray[np.float64] = np.asarray(points, np.float64) @ m[:, :2].T + m[:, 2]
        return moved

    def inverse(self) -> Similarity:
        back = Similarity(1.0 / self.scale, -self.angle_deg)
        x, y = back.apply(np.array(self.shift_px))
        return Similarity(back.scale, back.angle_deg, (-float(x), -float(y)))

    def __matmul__(self, first: Similarity) -> Similarity:
        """``(b @ a).apply(p) == b.apply(a.apply(p))``."""
        x, y = self.apply(np.array(first.shift_px))
        return Similarity(self.scale * first.scale, self.angle_deg + first.angle_deg, (float(x), float(y)))


@dataclass(frozen=True)
class Box:
    """An upright rectangle; x1 and y1 lie just outside, so width is ``x1 - x0``."""

    x0: float
    y0: float
    x1: float
    y1: float

    @classmethod
    def around(cls, points: FloatArray) -> Box:
        """The tight box of (N, 2) points."""
        x, y = points[:, 0], points[:, 1]  # apart: three times as fast as a minimum over rows
        return cls(float(x.min()), float(y.min()), float(x.max()), float(y.max()))

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def center(self) -> tuple[float, float]:
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    @property
    def area(self) -> float:
        return max(self.width, 0.0) * max(self.height, 0.0)

    def scaled(self, factor: float) -> Box:
        """About its own centre."""
        (cx, cy), w, h = self.center, self.width * factor / 2, self.height * factor / 2
        return Box(cx - w, cy - h, cx + w, cy + h)

    def intersection(self, other: Box) -> Box:
        return Box(
            max(self.x0, other.x0),
            max(self.y0, other.y0),
            min(self.x1, other.x1),
            min(self.y1, other.y1),
        )

    def overlap(self, other: Box) -> float:
        """Intersection over union, 0 to 1."""
        both = self.intersection(other)
        shared = both.area if both.width > 0 and both.height > 0 else 0.0
        union = self.area + other.area - shared
        return shared / union if union > 0 else 0.0


def fit_similarity(source: FloatArray, target: FloatArray) -> Similarity:
    """The least-squares similarity that moves (N, 2) source points onto target points (Umeyama)."""
    a = np.asarray(source, np.float64) @ [1.0, 1.0j]
    b = np.asarray(target, np.float64) @ [1.0, 1.0j]
    a_mean, b_mean = a.mean(), b.mean()
    spread = float((np.abs(a - a_mean) ** 2).sum())
    if spread == 0.0:
        raise ValueError("all source points coincide: no similarity can be fitted")
    turn = complex((np.conj(a - a_mean) * (b - b_mean)).sum() / spread)
    shift = complex(b_mean - turn * a_mean)
    angle_deg = math.degrees(math.atan2(turn.imag, turn.real))
    return Similarity(abs(turn), angle_deg, (shift.real, shift.imag))


@dataclass(frozen=True, eq=False)
class RigidPose:
    """``p -> scale * p @ rotation.T + shift`` in three dimensions."""

    scale: float
    rotation: npt.NDArray[np.float64]
    """(3, 3), determinant +1."""
    shift: npt.NDArray[np.float64]
    """(3,)"""

    def apply(self, points: FloatArray) -> npt.NDArray[np.float64]:
        """(..., 3) points moved."""
        turned: npt.NDArray[np.float64] = np.asarray(points, np.float64) @ self.rotation.T
        return self.scale * turned + self.shift

    def inverse(self) -> RigidPose:
        back = self.rotation.T
        return RigidPose(1.0 / self.scale, back, -(self.shift @ back.T) / self.scale)


def fit_rigid_pose(source: FloatArray, target: FloatArray) -> RigidPose:
    """Scaled Procrustes: the rotation, scale and shift moving (N, 3) source onto target (Umeyama 1991)."""
    a, b = np.asarray(source, np.float64), np.asarray(target, np.float64)
    a_mean, b_mean = a.mean(axis=0), b.mean(axis=0)
    a_centred, b_centred = a - a_mean, b - b_mean
    u, s, vt = np.linalg.svd(b_centred.T @ a_centred)
    sign = np.array([1.0, 1.0, float(np.sign(np.linalg.det(u @ vt)))])
    rotation = (u * sign) @ vt
    spread = float((a_centred**2).sum())
    if spread == 0.0:
        raise ValueError("all source points coincide: no pose can be fitted")
    scale = float((s * sign).sum()) / spread
    return RigidPose(scale, rotation, b_mean - scale * rotation @ a_mean)


def yaw_pitch_roll_deg(rotation: FloatArray) -> tuple[float, float, float]:
    """Angles of a (3, 3) head rotation in a frame with x right, y down, z away from the camera.

    Positive yaw turns the face towards the right of the picture (the person's own left), positive
    pitch lifts the chin, positive roll tips the head clockwise on the screen.
    """
    forward = -np.asarray(rotation, np.float64)[:, 2]
    yaw = math.degrees(math.atan2(forward[0], -forward[2]))
    pitch = math.degrees(math.atan2(-forward[1], math.hypot(forward[0], forward[2])))
    roll = math.degrees(math.atan2(float(rotation[1, 0]), float(rotation[0, 0])))
    return yaw, pitch, roll


def normals(points: FloatArray, faces: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """(N, 3) of each triangle, twice its area long. ``points``: (P, 3); ``faces``: (N, 3)."""
    a, b, c = (np.asarray(points, np.float64)[faces[:, corner]] for corner in range(3))
    return np.asarray(np.cross(b - a, c - a), np.float64)


def facing(points: FloatArray, faces: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """(N,) cosine between each triangle and the camera: 1 seen from the front, below 0 hidden.

    ``points``: (P, 3) with z growing away from the camera; ``faces``: (N, 3), clockwise on the screen when seen.
    """
    across = normals(points, faces)
    cosines: npt.NDArray[np.float64] = -across[:, 2] / np.maximum(np.linalg.norm(across, axis=1), 1e-9)
    return cosines
