"""The table of a detection network on people it never saw: by engine and by the way to the viewer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from enliven.model.detection_net import DetectionNet
from enliven.training.detection_crops import Crops
from enliven.training.detection_scores import Scores, Separation, by_clip, score, separation

ALL = "all"


@dataclass(frozen=True)
class Row:
    """One engine against all true clips that went the same way."""

    engine: str
    way: str
    people: int
    clips: Separation
    """Judged by the mean of a clip's frames."""
    frames: Separation
    false_alarms: float
    """Share of true clips that the calibrated network gives 0.5 or more."""
    missed: float
    """Share of made clips that it gives less than 0.5."""


def measure(network: DetectionNet, crops: Crops) -> list[Row]:
    """Every engine, then all together, for every way that is there."""
    scores = score(network, crops)
    engines = [*sorted(set(crops.engine[crops.made].tolist())), ALL]
    ways = sorted(set(crops.way.tolist()), key=lambda way: (way != "plain", way))
    return [_row(scores, crops, engine, way) for way in ways for engine in engines]


def as_text(rows: list[Row]) -> str:
    """A Markdown table."""
    lines = [
        "| way to the viewer | engine | people | clips true/made | AUC clips | EER clips | AUC frames | EER frames "
        "| false alarms at 0.5 | missed at 0.5 |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        clips, frames = row.clips, row.frames
        lines.append(
            f"| {row.way} | {row.engine} | {row.people} | {clips.true}/{clips.made} | {clips.auc:.3f} "
            f"| {clips.eer:.1%} | {frames.auc:.3f} | {frames.eer:.1%} | {row.false_alarms:.1%} | {row.missed:.1%} |"
        )
    return "\n".join(lines)


def _row(scores: Scores, crops: Crops, engine: str, way: str) -> Row:
    right_engine = np.ones_like(crops.made) if engine == ALL else (crops.engine == engine)
    wanted = (crops.way == way) & (~crops.made | right_engine)
    part, part_scores = crops.where(wanted), scores[wanted]
    clip_scores, clip_made = by_clip(part_scores, part)
    return Row(
        engine,
        way,
        len(set(part.identity.tolist())),
        separation(clip_scores, clip_made),
        separation(part_scores, part.made),
        float((clip_scores[~clip_made] >= 0).mean()),
        float((clip_scores[clip_made] < 0).mean()),
    )
