"""Self-reenactment: the first half of a clip gives the photos, the second half drives and is the truth."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from enliven.evaluation import metrics
from enliven.evaluation.clip import TrueClip
from enliven.evaluation.contenders import Contender, aim_at
from enliven.evaluation.observer import Observer, Sight
from enliven.evaluation.plan import driving_frames, flicker_frames, group_of, source_frames
from enliven.evaluation.scores import Figures, Score, mean_figures
from enliven.face.identity import cosine, distance
from enliven.types import Picture

Tick = Callable[[], None]
"""Called after every rendered frame."""


@dataclass(frozen=True, eq=False)
class Made:
    """The second half of a clip, as a contender makes it."""

    apart: dict[int, Picture]
    """Frames measured one by one."""
    run: list[Picture]
    """Those of :func:`flicker_frames`, made one after the other as a video is."""


def rendered_frames(frame_count: int, every: int) -> list[int]:
    """Those measured one by one, then the run for flicker."""
    return [*driving_frames(frame_count, every), *flicker_frames(frame_count)]


def render_clip(contender: Contender, clip: TrueClip, shots: int, every: int, tick: Tick) -> Made:
    """The second half of the clip, made from ``shots`` frames of the first."""
    count = clip.entry.facts.frames
    aim_at(contender, whole_faces=True)
    contender.prepare(*clip.photos_of_a_video(source_frames(count, shots)))

    def rendered(frame: int) -> Picture:
        picture = contender.render(clip.points[frame])
        tick()
        return picture

    apart = {frame: rendered(frame) for frame in driving_frames(count, every)}
    contender.follow()
    return Made(apart, [rendered(frame) for frame in flicker_frames(count)])


def score_clip(clip_made: Made, clip: TrueClip, observer: Observer, every: int) -> Score:
    """The made frames against the true ones."""
    made = clip_made.apart
    count = clip.entry.facts.frames
    driving, run = driving_frames(count, every), flicker_frames(count)
    sights = [observer.look(made[frame], clip.points[frame]) for frame in driving]
    pairs = zip(driving, sights, strict=True)
    figures = mean_figures([_frame_figures(made[frame], sight, clip, frame) for frame, sight in pairs])
    true_run = np.stack([clip.images[frame] for frame in run])
    figures["flicker"] = metrics.flicker(np.stack(clip_made.run), true_run)
    return Score(
        clip=clip.entry.facts.key,
        identity=clip.entry.facts.identity,
        group=group_of(clip.entry),
        frames=len(driving),
        figures=figures,
        descriptors=np.stack([sight.descriptor for sight in sights]),
        true_descriptors=clip.descriptors(driving),
    )


def _frame_figures(made: Picture, seen: Sight, clip: TrueClip, frame: int) -> Figures:
    true, truth = clip.images[frame], clip.sight(frame)
    figures = {
        "l1": metrics.l1(made, true),
        "psnr": metrics.psnr(made, true),
        "ssim": metrics.ssim(made, true),
        "csim": cosine(seen.descriptor, truth.descriptor),
        "identity_distance": distance(seen.descriptor, truth.descriptor),
        "no_face": float(seen.points is None),
    }
    if truth.points is None:  # nothing to compare landmarks with
        return figures | dict.fromkeys(metrics.REGIONS, math.nan)
    return figures | metrics.landmark_distances(seen.points, truth.points, clip.side)
