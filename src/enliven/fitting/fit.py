"""The fitting, open on the page: steps, candidates along the way, the comparison."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from enliven.fitting.album import Album, draw_lesson, draw_lesson_of_two
from enliven.fitting.base import Base, person_of
from enliven.fitting.candidates import BASE, Candidate, chosen, judged
from enliven.fitting.game import FitGame
from enliven.fitting.jury import Jury
from enliven.fitting.pictures import Crop, Split, split
from enliven.fitting.settings import FitSettings
from enliven.fitting.state import load_state, save_state
from enliven.training.game import DivergedError
from enliven.training.interrupt import Interrupt

Progress = Callable[[int, int, Mapping[str, float]], None]
"""Steps done, steps in all; steps_per_second, seconds_left and loss."""
_FITTING_SHARE = 0.75
"""Of the minutes; the rest is for comparing."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """How a fitting ended."""

    candidates: tuple[Candidate, ...]
    """With scores and verdicts; the first is the unfitted base."""
    held_back: tuple[Crop, ...]
    row: Tensor
    """(E,) what was fitted of w' = w0 + e."""
    step: int
    steps: int
    reason: str
    """`finished`, `time`, `interrupted` or `diverged`."""
    seconds: float
    notes: tuple[str, ...]

    @property
    def chosen(self) -> Candidate:
        return chosen(self.candidates)


def fit(
    crops: Sequence[Crop],
    base: Base,
    settings: FitSettings,
    *,
    progress: Progress | None = None,
    state: Path | None = None,
    resume: bool = False,
) -> Fitted:
    """Fits ``base`` to a person's crops (S, S, 3) and compares what came of it with the base itself.

    ``state``: where to leave what resuming needs when it ends early; with ``resume`` it is read. Raises ModelError
    when there is nothing to resume, or it belongs to other photos or weights.
    """
    return _Fitting(crops, base, settings, progress, state, resume).run()


class _Fitting:
    """One fitting from its start or resumption to the verdict."""

    def __init__(
        self, crops: Sequence[Crop], base: Base, settings: FitSettings, progress: Progress | None,
        state: Path | None, resume: bool,
    ) -> None:  # fmt: skip
        self._began = time.perf_counter()
        self._settings, self._progress, self._state = settings, progress, state
        self._draw = draw_lesson if len(crops) == 1 else draw_lesson_of_two
        self._steps = settings.steps_for(len(crops))
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._budget = 60.0 * settings.minutes_for(len(crops), gpu=self._device.type == "cuda")
        self._split: Split = split(list(crops), settings.seed)
        original = base.checkpoint.config.original_drawing
        parts = self._split
        self._album = Album([*parts.learned, *parts.held_back, *parts.strange], base.talker, original)
        torch.manual_seed(settings.seed)
        person = person_of(base, crops)
        self._game = FitGame(
            base.talker, copy.deepcopy(base.judge), base.checkpoint, person, settings, self._device
        )
        judge = None if base.judge is None else base.judge.eval().requires_grad_(False).to(self._device)
        self._jury = Jury(self._split, self._album, judge, person[0])
        self._notes = (*base.notes, *self._jury.notes)
        self._step, self._key = 0, f"{base.sha256}/{len(crops)}/{_fingerprint(crops)}"
        kept: list[tuple[str, Mapping[str, Tensor]]] = []
        if resume and state is not None:
            self._step, kept = load_state(state, self._game, self._key)
        self._candidates = [self._jury.hear(BASE, self._game, {})]
        self._candidates += [self._jury.hear(name, self._game, fitted) for name, fitted in kept]

    def run(self) -> Fitted:
        with self._jury:
            reason = self._learn()
            if self._step and self._candidates[-1].name != self._name():
                self._take_candidate()
        if self._state is not None and reason in {"time", "interrupted"}:
            kept = [(c.name, c.fitted) for c in self._candidates[1:]]
            save_state(self._state, self._game, self._step, kept, self._key)
        return Fitted(
            tuple(judged(self._candidates)),
            self._split.held_back,
            self._game.row.detach().clone(),
            self._step,
            self._steps,
            reason,
            time.perf_counter() - self._began,
            self._notes,
        )

    def _learn(self) -> str:
        """Steps until they are done, time is up, or the user asks."""
        moments = {max(1, round(share * self._steps)) for share in self._settings.candidates}
        first, started = self._step, time.perf_counter()
        with Interrupt() as interrupt:
            while self._step < self._steps:
                random = np.random.default_rng((self._settings.seed, self._step))
                lesson = self._draw(self._album, len(self._split.learned), self._settings.batch, random)
                try:
                    losses = self._game.step(lesson)
                except DivergedError:
                    return "diverged"
                self._step += 1
                if self._step in moments:
                    self._take_candidate()
                self._tell(losses, (self._step - first) / (time.perf_counter() - started))
                if interrupt.asked:
                    return "interrupted"
                if time.perf_counter() - self._began > _FITTING_SHARE * self._budget:
                    return "finished" if self._step >= self._steps else "time"
        return "finished"

    def _take_candidate(self) -> None:
        self._candidates.append(self._jury.hear(self._name(), self._game, self._game.mean))

    def _name(self) -> str:
        return f"step {self._step}"

    def _tell(self, losses: Mapping[str, float], rate: float) -> None:
        if self._progress is None:
            return
        left = (self._steps - self._step) / max(rate, 1e-9)
        until_limit = _FITTING_SHARE * self._budget - (time.perf_counter() - self._began)
        rates = {
            "steps_per_second": rate,
            "seconds_left": max(0.0, min(left, until_limit)),
            "loss": losses["total"],
        }
        self._progress(self._step, self._steps, rates)


def _fingerprint(crops: Sequence[Crop]) -> str:
    """Tells other photos from these."""
    return f"{sum(int(crop.picture.sum(dtype=np.int64)) for crop in crops):x}"
