"""Cross-reenactment: the photos of one person, the motion of another; no truth but identity and motion."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from enliven.databank.shards import ShotEntry
from enliven.evaluation import metrics
from enliven.evaluation.clip import TrueClip
from enliven.evaluation.contenders import Contender, aim_at
from enliven.evaluation.observer import Observer, Sight
from enliven.evaluation.plan import Pair, driving_frames, group_of, source_frames
from enliven.evaluation.scores import Figures, Score, mean_figures
from enliven.evaluation.self_driven import Tick
from enliven.face.identity import cosine, distance
from enliven.motion.stream import transfer_stream
from enliven.motion.transfer import MotionTransfer
from enliven.types import Floats, Landmarks, Picture, TrackedFace

_LOOKAHEAD_SECONDS = Fraction(10)
"""As when animating."""


def transferred(photo_points: Floats, driver: ShotEntry, every: int) -> dict[int, Floats]:
    """Driving frame -> (478, 3) landmarks of the photo's person moving like the driver, in the photo's crop.

    The driver's second half, transferred relative to a reference frame of it, as when animating.
    """
    side, points, times = driver.facts.size, driver.points(), driver.times()
    half = driver.facts.frames // 2
    tracked = (
        TrackedFace(times[frame], Landmarks(points[frame], (side, side)), found=True)
        for frame in range(half, driver.facts.frames)
    )
    transfer = MotionTransfer(Landmarks(photo_points, (side, side)))
    motions = list(transfer_stream(tracked, transfer, _LOOKAHEAD_SECONDS))
    return {frame: motions[frame - half].points for frame in driving_frames(driver.facts.frames, every)}


def render_pair(
    contender: Contender, source: TrueClip, shots: int, motion: dict[int, Floats], tick: Tick
) -> dict[int, Picture]:
    """The source person in every driving frame."""
    aim_at(contender, whole_faces=False)
    contender.prepare(*source.photos(source_frames(source.entry.facts.frames, shots)))
    made = {}
    for frame, points in motion.items():
        made[frame] = contender.render(points)
        tick()
    return made


def score_pair(
    made: dict[int, Picture], pair: Pair, source: TrueClip, motion: dict[int, Floats], observer: Observer
) -> Score:
    """Is it still the person of the first photo, and do they do what they were told?"""
    photo = source.sight(0)
    sights = {frame: observer.look(picture, motion[frame]) for frame, picture in made.items()}
    figures = [_frame_figures(sights[frame], photo, motion[frame], source.side) for frame in made]
    return Score(
        clip=pair.key,
        identity=pair.source.facts.identity,
        group=group_of(pair.source),
        frames=len(made),
        figures=mean_figures(figures),
        descriptors=np.stack([sight.descriptor for sight in sights.values()]),
        true_descriptors=photo.descriptor[None],
    )


def _frame_figures(seen: Sight, photo: Sight, wanted: Floats, side: int) -> Figures:
    return {
        "csim": cosine(seen.descriptor, photo.descriptor),
        "identity_distance": distance(seen.descriptor, photo.descriptor),
        "pose_deg": math.nan if seen.points is None else metrics.pose_error_deg(seen.points, wanted, side),
        "expression": metrics.expression_error(seen.points, wanted, side),
        "no_face": float(seen.points is None),
    }
