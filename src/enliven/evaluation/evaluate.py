"""The whole protocol: every contender, every number of photos, every clip; one report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2

from enliven.databank.bank import open_bank
from enliven.databank.shards import ShotEntry
from enliven.evaluation.clip import TrueClip
from enliven.evaluation.contenders import Contender, contenders_of
from enliven.evaluation.cross_driven import render_pair, score_pair, transferred
from enliven.evaluation.markdown import markdown
from enliven.evaluation.observer import Observer
from enliven.evaluation.plan import (
    Pair,
    Plan,
    driving_frames,
    frames_needed,
    make_pairs,
    make_plan,
    source_frames,
)
from enliven.evaluation.report import Report
from enliven.evaluation.report_folder import JSON_NAME, TEXT_NAME, ReportFolder
from enliven.evaluation.scores import Case, Score
from enliven.evaluation.self_driven import render_clip, rendered_frames, score_clip
from enliven.evaluation.settings import EvaluationSettings
from enliven.evaluation.sheet import Sheet, shown_frames
from enliven.types import Picture

Progress = Callable[[int, int], None]
"""Called with frames done and frames in all."""
Measure = Callable[[Contender, int], tuple[dict[int, Picture], Score]]
"""One contender with so many photos on the clip at hand: its frames, and what they are worth."""


def evaluate(
    bank_path: Path,
    weights: Sequence[Path],
    out: Path,
    settings: EvaluationSettings | None = None,
    *,
    command: str = "",
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Measure the weights and both baselines and write the folder ``out``; complete or not at all.

    ``command``: what the report says it was made by. Raises DatabankError for an unusable databank or split,
    ModelError for weights that cannot be read or have another size, OutputError for a taken folder,
    MissingExtraError without the extra `evaluation`.
    """
    settings = settings or EvaluationSettings()
    with ReportFolder(out, overwrite=overwrite) as folder:
        bank = open_bank(bank_path)
        plan = make_plan(bank, settings)
        _use_threads(settings.threads)
        contenders = contenders_of(weights, bank.size, fit=settings.fit, aim=settings.aim)
        with Observer() as observer:
            run = _Run(plan, contenders, settings, observer, folder, progress)
            report = Report(
                bank, plan, settings, [c.name for c in contenders], run.all_self(), run.all_cross()
            )
        folder.write(JSON_NAME, report.json_text(command))
        folder.write(TEXT_NAME, markdown(report, command))
    return report


def _use_threads(threads: int | None) -> None:
    if threads is None:
        return
    cv2.setNumThreads(threads)
    try:
        import torch
    except ModuleNotFoundError:  # baselines alone need none
        return
    torch.set_num_threads(threads)


class _Run:
    """Goes through the clips once; everything true about a clip is shared between the contenders."""

    def __init__(
        self,
        plan: Plan,
        contenders: Sequence[Contender],
        settings: EvaluationSettings,
        observer: Observer,
        folder: ReportFolder,
        progress: Progress | None,
    ) -> None:
        self._plan, self._contenders, self._settings = plan, contenders, settings
        self._observer, self._folder, self._progress = observer, folder, progress
        self._pairs = make_pairs(plan.entries, settings.cross, settings.seed)
        self._done, self._total = 0, self._count_frames()

    def all_self(self) -> list[Case]:
        cases = self._new_cases()
        for entry in self._plan.entries:
            self._self_driven(entry, cases)
        return cases

    def all_cross(self) -> list[Case]:
        cases = self._new_cases()
        for pair in self._pairs:
            self._cross_driven(pair, cases)
        return [case for case in cases if case.scores]

    def _new_cases(self) -> list[Case]:
        return [Case(shots, contender.name) for shots in self._plan.shots for contender in self._contenders]

    def _self_driven(self, entry: ShotEntry, cases: list[Case]) -> None:
        count, every = entry.facts.frames, self._settings.every
        rendered = rendered_frames(count, every)
        clip = TrueClip(entry, [*self._photo_frames(entry), *rendered], self._observer)
        sheet = Sheet(clip.images[0], shown_frames(driving_frames(count, every)))
        sheet.add("truth", clip.images, from_photo=False)

        def measure(contender: Contender, shots: int) -> tuple[dict[int, Picture], Score]:
            made = render_clip(contender, clip, shots, every, self._tick)
            return made.apart, score_clip(made, clip, self._observer, every)

        self._measure_cases(self._cases_for(entry, cases), measure, sheet)
        self._write(sheet, entry.facts.key)

    def _cross_driven(self, pair: Pair, cases: list[Case]) -> None:
        source = TrueClip(pair.source, self._photo_frames(pair.source), self._observer)
        motion = transferred(source.points[0], pair.driver, self._settings.every)
        sheet = Sheet(source.images[0], shown_frames(list(motion)))
        sheet.add("driver", self._frames_of(pair.driver, sheet.frames), from_photo=False)

        def measure(contender: Contender, shots: int) -> tuple[dict[int, Picture], Score]:
            made = render_pair(contender, source, shots, motion, self._tick)
            return made, score_pair(made, pair, source, motion, self._observer)

        self._measure_cases(self._cases_for(pair.source, cases), measure, sheet)
        self._write(sheet, f"cross-{pair.key}")

    def _measure_cases(self, cases: list[Case], measure: Measure, sheet: Sheet) -> None:
        """Every case gets its score; who reads the first photo only is measured once."""
        known: dict[tuple[str, int], Score] = {}
        for case in cases:
            contender = self._contender(case)
            photos = _photos_read(contender, case.shots)
            if (case.contender, photos) not in known:
                made, known[case.contender, photos] = measure(contender, photos)
                sheet.add(f"{case.contender} T={photos}", made)
            case.scores.append(known[case.contender, photos])

    def _frames_of(self, entry: ShotEntry, frames: list[int]) -> dict[int, Picture]:
        return TrueClip(entry, frames, self._observer).images

    def _photo_frames(self, entry: ShotEntry) -> list[int]:
        """All that serve as photos of this clip for any number of them."""
        count = entry.facts.frames
        usable = [shots for shots in self._plan.shots if count >= frames_needed(shots)]
        return [frame for shots in usable for frame in source_frames(count, shots)]

    def _cases_for(self, entry: ShotEntry, cases: list[Case]) -> list[Case]:
        return [case for case in cases if entry.facts.frames >= frames_needed(case.shots)]

    def _contender(self, case: Case) -> Contender:
        return next(contender for contender in self._contenders if contender.name == case.contender)

    def _write(self, sheet: Sheet, key: str) -> None:
        if self._settings.sheets:
            sheet.write(self._folder.sheet(key))

    def _tick(self) -> None:
        self._done += 1
        if self._progress:
            self._progress(self._done, self._total)

    def _count_frames(self) -> int:
        """Frames that all contenders together will render."""
        every = self._settings.every
        own = [(entry, len(rendered_frames(entry.facts.frames, every))) for entry in self._plan.entries]
        crossed = [(p.source, len(driving_frames(p.driver.facts.frames, every))) for p in self._pairs]
        return sum(frames * self._times_measured(entry) for entry, frames in own + crossed)

    def _times_measured(self, entry: ShotEntry) -> int:
        """How often a clip's person is prepared: by every contender for every T that it sees a difference in."""
        usable = [shots for shots in self._plan.shots if entry.facts.frames >= frames_needed(shots)]
        return sum(len({_photos_read(c, shots) for shots in usable}) for c in self._contenders)


def _photos_read(contender: Contender, shots: int) -> int:
    return 1 if contender.reads_first_photo_only else shots
