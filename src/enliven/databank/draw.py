"""Which frames of a clip become photos, and which one the target."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from enliven.databank.shot import EYES, MOUTH, PITCH, YAW
from enliven.errors import DatabankError
from enliven.types import Floats


@dataclass(frozen=True)
class FrameChoice:
    """How far the target shall be from the photos."""

    far_share: float = 0.5
    """Part of the episodes whose target is chosen for being unlike every photo; the others are random."""
    candidates: int = 8
    """So many random frames compete to be the far target."""
    mouth_unit: float = 0.1
    """Difference in mouth openness that counts as one."""
    yaw_unit_deg: float = 15.0
    """Difference in yaw that counts as one; pitch counts half."""
    eyes_unit: float = 0.15
    """Difference in eye openness that counts as one; small, since blinks are short and often soft."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.far_share <= 1.0 or self.candidates < 1:
            raise DatabankError(
                f"far_share must lie in 0..1 and candidates be at least 1, got {self.far_share} and {self.candidates}."
            )
        if min(self.mouth_unit, self.yaw_unit_deg, self.eyes_unit) <= 0:
            raise DatabankError("The units of mouth, yaw and eyes must be positive.")


def choose_frames(
    random: np.random.Generator, measures: Floats, shots: int, choice: FrameChoice
) -> tuple[int, ...]:
    """``shots`` photos and, last, the target: distinct frame numbers. ``measures``: (N, 5), N > shots."""
    order = random.permutation(len(measures))
    photos, rest = order[:shots], order[shots:]
    target = int(rest[0])
    if random.random() < choice.far_share:
        rivals = rest[: choice.candidates]
        target = int(rivals[int(np.argmax(_unlikeness(measures[rivals], measures[photos], choice)))])
    return (*(int(photo) for photo in photos), target)


def _unlikeness(candidates: Floats, photos: Floats, choice: FrameChoice) -> Floats:
    """(C,) distance of each candidate to the photo most like it."""
    weights = np.zeros(candidates.shape[1], np.float32)
    weights[MOUTH] = 1 / choice.mouth_unit
    weights[YAW] = 1 / choice.yaw_unit_deg
    weights[PITCH] = 0.5 / choice.yaw_unit_deg
    weights[EYES] = 1 / choice.eyes_unit
    apart = np.abs(candidates[:, None] - photos[None]) * weights  # (C, K, 5)
    nearest: Floats = apart.sum(axis=2).min(axis=1)
    return nearest
