"""One frame of landmarks in a few dozen bytes, each readable as soon as it arrives.

A frame is a similarity (where, how large, how turned) and a face shape. The shape is told once in full (the
anchor); from then on only its change, along 220 directions in which faces change (a fixed basis that ships
with the program), each against the frame before. Rounding is part of the loop, so errors never add up and a
still face costs next to nothing.
"""

from __future__ import annotations

import math
import zlib
from functools import cache
from importlib import resources

import numpy as np
import numpy.typing as npt

from enliven.errors import MotionFileError
from enliven.geometry import Similarity, fit_similarity
from enliven.motion.bits import BitReader, BitWriter, RiceVector
from enliven.topology import STABLE, mean_shape
from enliven.types import LANDMARK_COUNT, Floats

DEPTH_WEIGHT = 0.35
"""Depth is estimated anyway: it may be about three times as wrong as x and y."""
FACE_PX = 256.0
"""Shapes are held at this face height, forehead to chin."""

_STABLE = list(STABLE)
_WEIGHTS = np.array([1.0, 1.0, DEPTH_WEIGHT])
_STEP = 0.5
"""Rounding of the basis coefficients, in pixels at a face of 256."""
_STAY = 0.7
"""A coefficient keeps its last value until it is off by this many steps: noise is not told, nor are halves."""
_ANCHOR_STEP = 1 / 16
_POSE_STEPS = (1 / 4000, 1 / 4000, 0.06, 0.06)
"""Rounding of log scale, angle (radians) and shift (pixels at a face of 256)."""
_WORST_RMS_PX = 0.2
"""A frame that the basis tells worse than this becomes a new anchor."""

Shape = npt.NDArray[np.float64]


def canonical(points: Floats) -> tuple[Similarity, Shape]:
    """(the similarity from the canonical frame to the picture, the shape in that frame).

    ``points``: (478, 3). The canonical frame is the mean face, upright, 256 pixels high.
    """
    to_picture = fit_similarity(_mean()[_STABLE, :2], points[_STABLE, :2])
    return to_picture, _canonical_by(to_picture, points)


def _canonical_by(to_picture: Similarity, points: Floats) -> Shape:
    xy = to_picture.inverse().apply(points[:, :2])
    return np.column_stack([xy, points[:, 2] / to_picture.scale])


@cache
def _mean() -> Shape:
    shape = mean_shape().astype(np.float64)
    return np.asarray(shape * FACE_PX / np.linalg.norm(shape[10, :2] - shape[152, :2]), np.float64)


@cache
def _basis() -> tuple[Shape, Shape]:
    """(K, 1434) directions and the (1434, K) matrix that finds their shares by least squares."""
    with resources.files("enliven").joinpath("assets/motion_basis.npz").open("rb") as file:
        table = np.load(file, allow_pickle=False)
        basis = table["basis"].astype(np.float64) * table["scale"]
    return basis, np.linalg.pinv(basis)


class _State:
    """What writer and reader both know after each frame."""

    def __init__(self) -> None:
        self.anchor: Shape | None = None
        self.pose = [0, 0, 0, 0]
        self.shares: list[int] = []
        self.forget()

    def forget(self) -> None:
        """Back to what is known at a key frame: the anchor only."""
        size = len(_basis()[0])
        self.pose, self.shares = [0, 0, 0, 0], [0] * size
        self.pose_code, self.share_code = RiceVector(4), RiceVector(size)

    def points(self) -> Floats:
        """(478, 3) picture pixels."""
        assert self.anchor is not None
        change = (np.array(self.shares) * _STEP) @ _basis()[0]
        shape = self.anchor + change.reshape(LANDMARK_COUNT, 3) / _WEIGHTS
        to_picture = _similarity(self.pose)
        return np.column_stack([to_picture.apply(shape[:, :2]), shape[:, 2] * to_picture.scale]).astype(
            np.float32
        )


class FrameEncoder:
    """Turns landmarks into packets."""

    def __init__(self) -> None:
        self._state = _State()

    def encode(self, points: Floats, *, key: bool, anchor: bool = False) -> tuple[bytes, bool]:
        """A packet for (478, 3) ``points``, and whether it is an anchor.

        ``key``: make it readable without the frames before, from the last anchor on; ``anchor``: from
        this packet on, for receivers that join in the middle.
        """
        if self._state.anchor is not None and not anchor:
            packet = self._change(points, key)
            if self.rms_error_px(points) <= _WORST_RMS_PX:
                return packet, False
        return self._anchored(points), True

    def rms_error_px(self, points: Floats) -> float:
        """Of x and y in the last packet against ``points``, in pixels at a face of 256."""
        pose = _similarity(self._state.pose)
        error = (self._state.points()[:, :2] - points[:, :2]) / pose.scale
        return float(np.sqrt((error**2).mean()))

    def _anchored(self, points: Floats) -> bytes:
        """The whole shape, then the pose."""
        self._state.forget()
        _, shape = canonical(points)
        rounded = np.round((shape - _mean()) / _ANCHOR_STEP).clip(-32768, 32767).astype("<i2")
        self._state.anchor = _mean() + rounded * _ANCHOR_STEP
        body = zlib.compress(rounded.T.tobytes(), 9)
        return len(body).to_bytes(2, "big") + body + self._change(points, True)

    def _change(self, points: Floats, key: bool) -> bytes:
        state = self._state
        if key:
            state.forget()
        assert state.anchor is not None
        pose = _rounded_pose(canonical(points)[0])
        shape = _canonical_by(_similarity(pose), points)
        change = ((shape - state.anchor) * _WEIGHTS).reshape(-1)
        shares = _nearest(change @ _basis()[1] / _STEP, state.shares)
        bits = BitWriter()
        state.pose_code.write(bits, [new - old for new, old in zip(pose, state.pose, strict=True)])
        steps = [new - old for new, old in zip(shares, state.shares, strict=True)]
        state.share_code.write(bits, steps)
        state.pose, state.shares = pose, shares
        return bits.to_bytes()


class FrameDecoder:
    """Turns packets back into landmarks."""

    def __init__(self) -> None:
        self._state = _State()

    def decode(self, packet: bytes, *, key: bool, anchor: bool) -> Floats:
        """(478, 3) points. Raises MotionFileError for a packet that is none."""
        state = self._state
        if anchor:
            packet = self._take_anchor(packet)
        if state.anchor is None:
            raise MotionFileError("The motion file is corrupt: its first frame tells no face shape.")
        if key or anchor:
            state.forget()
        bits = BitReader(packet)
        state.pose = [a + b for a, b in zip(state.pose, state.pose_code.read(bits), strict=True)]
        for i, step in enumerate(state.share_code.read(bits)):
            state.shares[i] += step
        return state.points()

    def _take_anchor(self, packet: bytes) -> bytes:
        size = int.from_bytes(packet[:2], "big")
        try:
            numbers = np.frombuffer(zlib.decompress(packet[2 : 2 + size]), "<i2")
            rounded = numbers.reshape(3, LANDMARK_COUNT).T
        except (zlib.error, ValueError):
            raise MotionFileError("The motion file is corrupt: a face shape in it cannot be read.") from None
        self._state.anchor = _mean() + rounded * _ANCHOR_STEP
        return packet[2 + size :]


def _nearest(wanted: Shape, last: list[int]) -> list[int]:
    """Whole steps near ``wanted``, staying at the last ones where those are near enough."""
    off = wanted - np.array(last)
    steps = np.sign(off) * np.floor(np.abs(off) + 1.0 - _STAY)
    return [old + int(step) for old, step in zip(last, steps, strict=True)]


def _rounded_pose(pose: Similarity) -> list[int]:
    shift = [component / pose.scale for component in pose.shift_px]
    values = (math.log(pose.scale), math.radians(pose.angle_deg), *shift)
    return [round(value / step) for value, step in zip(values, _POSE_STEPS, strict=True)]


def _similarity(pose: list[int]) -> Similarity:
    log_scale, angle, x, y = (number * step for number, step in zip(pose, _POSE_STEPS, strict=True))
    scale = math.exp(min(max(log_scale, -20.0), 20.0))
    return Similarity(scale, math.degrees(angle), (x * scale, y * scale))
