"""What a build kept and dropped, and why: counted over the marks of all videos, one after the other."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TextIO

from enliven.databank.judge import REASONS
from enliven.databank.shards import read_index, write_text
from enliven.databank.shot import HIGH
from enliven.types import JsonObject

_LISTED = 100
"""Broken videos named in the report itself; all of them are in problems.jsonl."""


@dataclass
class BuildReport:
    """Counts over all videos that the databank was ever built from."""

    videos: int = 0
    """Done."""
    videos_kept: int = 0
    """With at least one shot."""
    unreadable: int = 0
    """Named in ``problems``."""
    crashed: int = 0
    """Took their worker with them; they are tried again by the next build."""
    shots: int = 0
    shots_high: int = 0
    """Of high quality."""
    frames: int = 0
    seconds: float = 0.0
    identities: int = 0
    splits: dict[str, int] = field(default_factory=dict)
    """Shots per split."""
    dropped: dict[str, int] = field(default_factory=dict)
    """Shots by reason (videos for ``no face`` and ``not in the csv of identities``)."""
    problems: list[dict[str, str]] = field(default_factory=list)
    """The first of the broken videos, with the reason."""

    def to_json(self) -> JsonObject:
        return asdict(self)


def write_report(bank: Path, crashed: Sequence[str]) -> BuildReport:
    """Count everything anew and write ``report.json`` and ``problems.jsonl``."""
    report = BuildReport(crashed=len(crashed))
    dropped: Counter[str] = Counter()
    lines = bank / ".problems.jsonl.part"
    with lines.open("w") as file:
        for mark in _marks(bank):
            report.videos += 1
            report.videos_kept += mark["shots"] > 0
            dropped.update(mark["dropped"])
            if mark["error"]:
                report.unreadable += 1
                _list(report, file, mark["name"], mark["error"])
        for name in crashed:
            _list(report, file, name, "the worker died on it")
    lines.replace(bank / "problems.jsonl")
    report.dropped = {reason: dropped[reason] for reason in REASONS if dropped[reason]}
    _count_shots(bank, report)
    write_text(bank / "report.json", json.dumps(report.to_json(), indent=1) + "\n")
    return report


def _list(report: BuildReport, file: TextIO, name: str, error: str) -> None:
    problem = {"video": name, "problem": error}
    if len(report.problems) < _LISTED:
        report.problems.append(problem)
    file.write(json.dumps(problem) + "\n")


def _marks(bank: Path) -> Iterator[JsonObject]:
    for folder in sorted((bank / "videos").iterdir()):
        for mark in sorted(folder.glob("*.json")):
            yield json.loads(mark.read_text())


def _count_shots(bank: Path, report: BuildReport) -> None:
    identities, splits = set(), Counter[str]()
    for shard in sorted((bank / "shards").glob("*.tar")):
        for entry in read_index(shard):
            report.shots += 1
            report.shots_high += entry.facts.quality == HIGH
            report.frames += entry.facts.frames
            report.seconds += entry.facts.seconds
            identities.add(entry.facts.identity)
            splits[entry.facts.split or "unnamed"] += 1
    report.seconds = round(report.seconds, 1)
    report.identities, report.splits = len(identities), dict(sorted(splits.items()))
