"""Scores become a report: JSON with everything."""

from __future__ import annotations

import json
import math
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

import numpy as np

from enliven.databank.bank import Bank
from enliven.evaluation.compare import gain, unfitted, warp_beside, with_fewer_photos
from enliven.evaluation.estimate import RESAMPLES, Estimate, estimate
from enliven.evaluation.metrics import (
    CROSS_METRICS,
    NOT_FOUND_PX,
    SELF_METRICS,
    Metric,
    frechet_distance,
)
from enliven.evaluation.plan import FLICKER_RUN, SPARE, Plan
from enliven.evaluation.scores import Case, Score
from enliven.evaluation.settings import EvaluationSettings
from enliven.face.identity import NETWORK
from enliven.types import JsonObject

_FORMAT, _VERSION = "enliven evaluation", 1


@dataclass(frozen=True, eq=False)
class Report:
    """All that was measured."""

    bank: Bank
    plan: Plan
    settings: EvaluationSettings
    contenders: list[str]
    self_driven: list[Case]
    cross_driven: list[Case]

    def to_json(self) -> JsonObject:
        """Everything that the same command gives again; no date, no machine."""
        return {
            "format": _FORMAT,
            "version": _VERSION,
            "settings": self.settings.to_json(),
            "bank": {
                "path": str(self.bank.path),
                "fingerprint": self.bank.fingerprint,
                "size": self.bank.size,
                "clips": len(self.plan.entries),
                "identities": len({entry.facts.identity for entry in self.plan.entries}),
            },
            "protocol": _protocol(),
            "left_out": {str(shots): count for shots, count in self.plan.left_out.items()},
            "contenders": self.contenders,
            "self": [self._case_json(case, SELF_METRICS, self.self_driven) for case in self.self_driven],
            "cross": [self._case_json(case, CROSS_METRICS, self.cross_driven) for case in self.cross_driven],
        }

    def json_text(self, command: str) -> str:
        """``to_json`` and under what circumstances."""
        return json.dumps(self.to_json() | {"circumstances": circumstances(command)}, indent=1) + "\n"

    def mean(self, case: Case, metric: Metric) -> Estimate | None:
        """Of one figure over the clips; None when it was not measured on any."""
        return estimate(case.values(metric.key), self.settings.seed)

    def _case_json(self, case: Case, kind: Sequence[Metric], cases: list[Case]) -> JsonObject:
        return {
            "shots": case.shots,
            "contender": case.contender,
            "clips": len(case.scores),
            "frames": sum(score.frames for score in case.scores),
            "mean": {metric.key: _estimate_json(self.mean(case, metric)) for metric in kind},
            "against_warp": self._gains_json(case, warp_beside(case, cases), kind),
            "against_fewer_photos": self._gains_json(case, with_fewer_photos(case, cases), kind),
            "against_unfitted": self._gains_json(case, unfitted(case, cases), kind),
            "frechet": _plain(frechet(case)) if kind is SELF_METRICS else None,
            "groups": _groups(case, kind),
            "per_clip": [_score_json(score) for score in case.scores],
        }

    def _gains_json(self, case: Case, other: Case | None, kind: Sequence[Metric]) -> JsonObject | None:
        if other is None:
            return None
        return {metric.key: _estimate_json(gain(case, other, metric, self.settings.seed)) for metric in kind}


def circumstances(command: str) -> JsonObject:
    """Command, date and machine: what stands beside a figure."""
    from enliven import __version__

    machine = f"{_processor()}, {os.cpu_count()} cores"
    date = datetime.now(timezone.utc).date().isoformat()
    return {"command": command, "date": date, "machine": machine, "enliven": __version__}


def _protocol() -> JsonObject:
    return {
        "photos": "T frames evenly spread over a clip's first half; one is its first frame",
        "driving": "every n-th frame of the second half",
        "least_frames": f"2 * (T + {SPARE})",
        "flicker_frames": FLICKER_RUN,
        "no_face_counts_px": NOT_FOUND_PX,
        "identity_and_frechet_network": NETWORK,
        "interval": f"95 % bootstrap over clips, {RESAMPLES} resamples",
    }


def frechet(case: Case) -> float:
    """Over all frames of all clips together."""
    made, true = (
        np.concatenate([getattr(score, name) for score in case.scores])
        for name in ("descriptors", "true_descriptors")
    )
    return frechet_distance(made, true)


def _groups(case: Case, kind: Sequence[Metric]) -> JsonObject:
    """Means over the clips of each collection."""
    names = sorted({score.group for score in case.scores})
    grouped: JsonObject = {}
    for name in names:
        scores = [score for score in case.scores if score.group == name]
        means = {metric.key: _mean(score.figures[metric.key] for score in scores) for metric in kind}
        grouped[name] = {"clips": len(scores), **means}
    return grouped


def _mean(values: Iterable[float]) -> float | None:
    known = [value for value in values if math.isfinite(value)]
    return float(np.mean(known)) if known else None


def _score_json(score: Score) -> JsonObject:
    about = {"clip": score.clip, "identity": score.identity, "group": score.group, "frames": score.frames}
    return about | {key: _plain(value) for key, value in score.figures.items()}


def _estimate_json(found: Estimate | None) -> JsonObject | None:
    return asdict(found) if found else None


def _plain(value: float) -> float | None:
    """JSON knows no nan."""
    return value if math.isfinite(value) else None


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
