"""A shot of a databank: one face in one square, its landmarks in every frame, and the facts about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from enliven.errors import DatabankError
from enliven.face.sharpness import sharpness
from enliven.measure import eye_openness, face_height_px, head_pose, mouth_openness
from enliven.types import Floats, JsonObject, Landmarks, Picture

HIGH, LOW = "high", "low"
"""Quality tiers: half of all episodes come from HIGH."""

MEASURES = ("yaw_deg", "pitch_deg", "roll_deg", "mouth", "eyes")
"""Columns of ``Shot.measures``: angles of the head, openness of mouth and eyes (mean of both)."""
YAW, PITCH, ROLL, MOUTH, EYES = range(5)

Range = tuple[float, float]
"""5th and 95th percentile over the frames."""


@dataclass(frozen=True)
class ShotFacts:
    """What is known of a shot without looking at its pixels."""

    key: str
    """Names the sample in its shard; no dots."""
    identity: str
    """Who is seen; the unit of every split."""
    source: str
    """The video it was cut from."""
    split: str
    """``train``, ``val`` or empty when nobody said."""
    quality: str
    """``high`` or ``low``."""
    size: int
    """Side of the frames in pixels."""
    frames: int
    face_px: float
    """Median height of the face in the crop."""
    source_face_px: float
    """The same in the video it was cut from."""
    sharpness: float
    """See :func:`enliven.face.sharpness.sharpness`; the median over the frames."""
    yaw_deg: Range
    pitch_deg: Range
    mouth: Range
    """Mouth openness, see ``enliven.measure``."""
    eyes: Range
    """Eye openness, the mean of both eyes."""
    seconds: float
    """From the first frame to the last, plus one frame."""

    def to_json(self) -> JsonObject:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: JsonObject) -> ShotFacts:
        """Raises DatabankError when a fact is missing."""
        try:
            known = {field.name: stored[field.name] for field in fields(cls)}
        except KeyError as error:
            raise DatabankError(
                f"A shot's facts lack {error}. The databank was written by another version; build it again."
            ) from None
        for name in ("yaw_deg", "pitch_deg", "mouth", "eyes"):
            known[name] = tuple(known[name])
        return cls(**known)


@dataclass(frozen=True, eq=False)
class Shot:
    """One shot, whole."""

    facts: ShotFacts
    images: Picture
    """(N, size, size, 3) RGB."""
    points: Floats
    """(N, 478, 3) in pixels of the crop, pixel centres at whole numbers."""
    measures: Floats
    """(N, 5): see MEASURES."""
    times: tuple[Fraction, ...]
    """Seconds in the source video, one per frame."""


@dataclass(frozen=True)
class Origin:
    """Where a shot comes from: what no pixel tells."""

    key: str
    identity: str
    source: str
    split: str
    source_scale: float
    """Pixels of the source per pixel of the crop."""


def make_shot(
    origin: Origin, images: Picture, points: Floats, times: Sequence[Fraction], high: HighQuality
) -> Shot:
    """The shot with everything measured; ``images`` (N, S, S, 3), ``points`` (N, 478, 3)."""
    size_wh = (images.shape[2], images.shape[1])
    faces = [Landmarks(p, size_wh) for p in points]
    measures = np.array([_measured(face) for face in faces], np.float32)
    face_px = float(np.median([face_height_px(face) for face in faces]))
    blur = float(np.median([sharpness(i, f) for i, f in zip(images, faces, strict=True)]))
    source_px = face_px * origin.source_scale
    facts = ShotFacts(
        key=origin.key,
        identity=origin.identity,
        source=origin.source,
        split=origin.split,
        quality=HIGH if high.holds(source_px, blur) else LOW,
        size=int(images.shape[1]),
        frames=len(images),
        face_px=round(face_px, 1),
        source_face_px=round(source_px, 1),
        sharpness=round(blur, 3),
        yaw_deg=_range(measures[:, YAW]),
        pitch_deg=_range(measures[:, PITCH]),
        mouth=_range(measures[:, MOUTH]),
        eyes=_range(measures[:, EYES]),
        seconds=_seconds(times),
    )
    return Shot(facts, images, points.astype(np.float32), measures, tuple(times))


@dataclass(frozen=True)
class HighQuality:
    """What makes a shot one of high quality."""

    least_face_px: float = 100.0
    """Height of the face in the source video."""
    least_sharpness: float = 0.17
    """See :func:`enliven.face.sharpness.sharpness`."""

    def holds(self, source_face_px: float, sharp: float) -> bool:
        return source_face_px >= self.least_face_px and sharp >= self.least_sharpness


def motion(points: Floats) -> float:
    """How much the landmarks move: their spread over time, over the height of the face; (N, 478, 3)."""
    height = float(np.median(np.linalg.norm(points[:, 10, :2] - points[:, 152, :2], axis=1)))
    return float(points[:, :, :2].std(axis=0).mean()) / max(height, 1e-6)


def _measured(face: Landmarks) -> tuple[float, ...]:
    pose = head_pose(face)
    right, left = eye_openness(face.points)
    return pose.yaw_deg, pose.pitch_deg, pose.roll_deg, mouth_openness(face.points), (right + left) / 2


def _range(values: npt.NDArray[np.float32]) -> Range:
    low, high = np.percentile(values, [5, 95])
    return round(float(low), 4), round(float(high), 4)


def _seconds(times: Sequence[Fraction]) -> float:
    if len(times) < 2:
        return 0.0
    span = times[-1] - times[0]
    return round(float(span + span / (len(times) - 1)), 3)
