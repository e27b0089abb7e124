"""Why a shot does not enter the databank."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from enliven.databank.build_settings import BuildSettings
from enliven.databank.follow import Run
from enliven.databank.shot import ShotFacts, motion
from enliven.face import views
from enliven.face.landmarker import MediaPipeLandmarker
from enliven.geometry import Box
from enliven.measure import face_height_px
from enliven.types import Floats, Landmarks, Picture

NO_FACE = "no face"
NOT_LISTED = "not in the csv of identities"
TOO_SHORT = "too short"
TOO_SMALL = "face too small"
CUT_OFF = "face at the edge of the picture"
SEVERAL = "several faces in the crop"
BLURRED = "too blurred"
STILL = "too little motion"
REASONS = (NO_FACE, NOT_LISTED, TOO_SHORT, TOO_SMALL, STILL, CUT_OFF, SEVERAL, BLURRED)
"""In the order in which they are looked for; a shot is dropped for the first that holds."""


def reason_before_cropping(run: Run, settings: BuildSettings) -> str | None:
    """What the landmarks alone tell."""
    if len(run.times) < settings.min_frames:
        return TOO_SHORT
    if float(np.median([face_height_px(face) for face in run.faces])) < settings.least_face_px:
        return TOO_SMALL
    points = np.stack([face.points for face in run.faces])
    if not settings.stills and motion(points) < settings.least_motion:
        return STILL
    return None


def reason_in_crop(
    images: Sequence[Picture], points: Floats, settings: BuildSettings, landmarker: MediaPipeLandmarker
) -> str | None:
    """What the crops tell: ``points`` (N, 478, 3) in their pixels."""
    outside = (points[..., :2] < -0.5) | (points[..., :2] > settings.size - 0.5)
    if float(outside.any(axis=-1).mean()) > settings.most_outside:
        return CUT_OFF
    checked = sorted({0, len(images) // 2, len(images) - 1})
    crowded = [_has_others(images[i], points[i], landmarker) for i in checked]
    return SEVERAL if sum(crowded) * 2 > len(crowded) else None


def reason_in_facts(facts: ShotFacts, settings: BuildSettings) -> str | None:
    """What the measurements tell."""
    return BLURRED if facts.sharpness < settings.least_sharpness else None


def _has_others(image: Picture, points: Floats, landmarker: MediaPipeLandmarker) -> bool:
    size_wh = (image.shape[1], image.shape[0])
    own = Box.around(Landmarks(points, size_wh).xy)
    others = landmarker.others(image, views.whole(size_wh), own)
    return bool(others)
