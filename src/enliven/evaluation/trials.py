"""The real-or-made test of every contender and every number of photos, beside a report."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from enliven.databank.bank import open_bank
from enliven.errors import OutputError
from enliven.evaluation.contenders import PHOTO, contenders_of
from enliven.evaluation.real_or_made import CHANCE, Trial, TrialSettings, real_or_made
from enliven.evaluation.settings import EvaluationSettings

NAME = "real_or_made.json"


def run_trials(
    bank_path: Path,
    weights: Sequence[Path],
    folder: Path,
    settings: EvaluationSettings,
    protocol: TrialSettings,
    progress: Callable[[int, int | None], None],
) -> list[Trial]:
    """Of all contenders but the still photo, for every T; written to ``folder``.

    Who reads the first photo only is tried once. Raises what :func:`real_or_made` raises, OutputError when the file
    cannot be written.
    """
    bank = open_bank(bank_path)
    done = 0

    def tick() -> None:
        nonlocal done
        done += 1
        progress(done, None)

    trials = []
    for contender in contenders_of(weights, bank.size, fit=settings.fit, aim=settings.aim):
        if contender.name == PHOTO:  # it does not move: nothing to find out
            continue
        numbers = settings.shots[:1] if contender.reads_first_photo_only else settings.shots
        trials += [real_or_made(bank, contender, shots, protocol, tick) for shots in numbers]
    text = json.dumps({"chance": CHANCE, "trials": [trial.to_json() for trial in trials]}, indent=1)
    try:
        (folder / NAME).write_text(text)
    except OSError as error:
        raise OutputError(f"{folder / NAME} could not be written: {error.strerror or error}.") from None
    return trials
