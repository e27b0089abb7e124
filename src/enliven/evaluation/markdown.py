"""The report as people read it: a table per number of photos, figures down, contenders across."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from enliven.evaluation.compare import gain, unfitted, warp_beside, with_fewer_photos
from enliven.evaluation.contenders import PHOTO, WARP
from enliven.evaluation.estimate import RESAMPLES, Estimate
from enliven.evaluation.metrics import CROSS_METRICS, SELF_METRICS, Metric
from enliven.evaluation.plan import frames_needed
from enliven.evaluation.report import Report, circumstances, frechet
from enliven.evaluation.scores import Case
from enliven.face.identity import NETWORK

Figure = Callable[[Metric], Estimate | None]
"""One column: what to print for a metric."""


def markdown(report: Report, command: str) -> str:
    """Tables of means with their 95 % intervals, and of what is gained on the warp, by more photos and by fitting."""
    about = circumstances(command)
    lines = ["# Evaluation", "", f"`{about['command']}`, {about['date']}, {about['machine']}.", ""]
    lines += _sample(report)
    for shots in report.plan.shots:
        lines += _self_tables(report, shots)
    for shots in report.plan.shots:
        lines += _cross_tables(report, shots)
    return "\n".join(lines) + "\n"


def _sample(report: Report) -> list[str]:
    entries, settings = report.plan.entries, report.settings
    people = len({entry.facts.identity for entry in entries})
    lines = [
        f"Split `{settings.split}` of databank {report.bank.fingerprint}: {len(entries)} clips of {people} people, "
        f"one in {settings.every} frames of their second halves. Cells: mean over clips (95 % bootstrap interval "
        f"over clips, {RESAMPLES} resamples). Identity (CSIM, distance) and the FID-like Frechet distance are of "
        f"the descriptors of `{NETWORK}`.",
        "",
    ]
    return lines + [
        f"- T = {shots}: {count} clips left out, shorter than the {frames_needed(shots)} frames that it needs."
        for shots, count in report.plan.left_out.items()
        if count
    ]


def _self_tables(report: Report, shots: int) -> list[str]:
    cases = [case for case in report.self_driven if case.shots == shots]
    lines = [
        *_title(report, f"Self-reenactment, T = {shots}", shots, cross=False),
        *_table({case.contender: _means(report, case) for case in cases}, SELF_METRICS),
        _row("FID-like ↓", [_number(frechet(case), 4) for case in cases]),
        *_against_warp(report, shots, cross=False),
    ]
    moving = [case for case in cases if case.contender not in {PHOTO, WARP}]
    fewer = {case.contender: (case, with_fewer_photos(case, report.self_driven)) for case in moving}
    before = next((other.shots for _, other in fewer.values() if other), 0)
    lines += _gain_table(
        report, f"What T = {shots} changes against T = {before}, on the clips that both have:", fewer
    )
    fitted = {case.contender: (case, unfitted(case, report.self_driven)) for case in moving}
    return lines + _gain_table(report, "What fitting changes against feed-forward, clip by clip:", fitted)


def _gain_table(report: Report, title: str, pairs: dict[str, tuple[Case, Case | None]]) -> list[str]:
    """None when nobody has anything to be compared with."""
    columns = {name: _gains(report, case, other) for name, (case, other) in pairs.items() if other}
    return ["", title, "", *_table(columns, SELF_METRICS, signed=True)] if columns else []


def _cross_tables(report: Report, shots: int) -> list[str]:
    cases = [case for case in report.cross_driven if case.shots == shots]
    if not cases:
        return []
    return [
        *_title(report, f"Cross-reenactment, T = {shots}", shots, cross=True),
        *_table({case.contender: _means(report, case) for case in cases}, CROSS_METRICS),
        *_against_warp(report, shots, cross=True),
    ]


def _title(report: Report, words: str, shots: int, *, cross: bool) -> list[str]:
    cases = report.cross_driven if cross else report.self_driven
    scores = next(case for case in cases if case.shots == shots).scores
    unit = "pairs" if cross else "clips"
    return ["", f"## {words}: {len(scores)} {unit}, {sum(score.frames for score in scores)} frames", ""]


def _against_warp(report: Report, shots: int, *, cross: bool) -> list[str]:
    cases = report.cross_driven if cross else report.self_driven
    columns = {
        case.contender: _gains(report, case, warp_beside(case, cases))
        for case in cases
        if case.shots == shots and case.contender != WARP
    }
    kind = CROSS_METRICS if cross else SELF_METRICS
    return ["", f"Difference to `{WARP}`, clip by clip:", "", *_table(columns, kind, signed=True)]


def _means(report: Report, case: Case) -> Figure:
    return lambda metric: report.mean(case, metric)


def _gains(report: Report, case: Case, other: Case) -> Figure:
    return lambda metric: gain(case, other, metric, report.settings.seed)


def _table(columns: dict[str, Figure], kind: Sequence[Metric], *, signed: bool = False) -> list[str]:
    lines = [_row("", list(columns)), _row("---", ["---:"] * len(columns))]
    for metric in kind:
        cells = [_cell(figure(metric), metric, signed=signed) for figure in columns.values()]
        lines.append(_row(metric.title, cells))
    return lines


def _row(title: str, cells: Sequence[str]) -> str:
    return "| " + " | ".join([title, *cells]) + " |"


def _cell(found: Estimate | None, metric: Metric, *, signed: bool) -> str:
    if found is None:
        return "—"
    values = (found.mean, found.low, found.high)
    mean, low, high = (_number(value, metric.digits, signed=signed) for value in values)
    return f"{mean} ({low} .. {high})"


def _number(value: float, digits: int, *, signed: bool = False) -> str:
    if not math.isfinite(value):
        return "—"
    return f"{value:+.{digits}f}" if signed else f"{value:.{digits}f}"
