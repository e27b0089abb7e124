"""The judge finds what can be found, and guesses where there is nothing to find."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from tests.evaluation.conftest import write_weights

from enliven.databank.bank import Bank
from enliven.errors import DatabankError
from enliven.evaluation.contenders import StillPhoto, Warp, contenders_of
from enliven.evaluation.real_or_made import Pair, TrialSettings, picked, real_or_made, train_classifier
from enliven.evaluation.settings import EvaluationSettings
from enliven.evaluation.trials import NAME, run_trials
from enliven.types import Floats, Picture

QUICK = TrialSettings(train_clips=2, frames=4, side=64, steps=25, batch=8)


def noisy(seed: int, level: float) -> Picture:
    random = np.random.default_rng(seed)
    return np.clip(random.normal(128, level, (4, 64, 64, 3)), 0, 255).astype(np.uint8)


def test_what_looks_otherwise_is_found_in_unseen_clips() -> None:
    network = train_classifier([Pair(noisy(n, 8), noisy(n + 50, 20)) for n in range(3)], QUICK)
    assert picked(network, Pair(noisy(90, 8), noisy(91, 20))) > 0.9


def test_where_made_is_true_the_judge_guesses() -> None:
    same = [Pair(noisy(n, 8), noisy(n, 8)) for n in range(3)]
    network = train_classifier(same, QUICK)
    rate = np.mean([picked(network, Pair(noisy(90 + n, 8), noisy(90 + n, 8))) for n in range(5)])
    assert rate == pytest.approx(1 / 3, abs=0.02)


class Painter(StillPhoto):
    """Gives itself away."""

    name = "painter"

    def prepare(self, photos: Sequence[Picture], points: Sequence[Floats]) -> None:
        stripes = photos[0].copy()
        stripes[::3] = 255
        self._photo = stripes


def test_a_contender_that_gives_itself_away_is_found_out_on_unseen_people(bank: Bank) -> None:
    trial = real_or_made(bank, Painter(), 1, QUICK)
    assert trial.rate > 0.9
    assert trial.low <= trial.rate <= trial.high
    assert trial.clips == 2
    assert trial.triplets == 2 * 4 * 3
    assert "chance is 0.33" in trial.sentence()


def test_a_bank_with_short_clips_is_refused(bank: Bank) -> None:
    with pytest.raises(DatabankError, match="32 photos need"):
        real_or_made(bank, Warp(), 32, QUICK)


def test_every_contender_is_tried_and_written_down(bank: Bank, tmp_path: Path) -> None:
    weights = write_weights(tmp_path / "w.safetensors")
    settings = EvaluationSettings(shots=(1,), clips=1)
    trials = run_trials(bank.path, [weights], tmp_path, settings, 1, lambda done, total: None)
    assert [trial.contender for trial in trials] == ["warp", "hybrid w"]
    assert (tmp_path / NAME).is_file()


def test_weights_are_measured_fitted_beside_unfitted(bank: Bank, tmp_path: Path) -> None:
    weights = write_weights(tmp_path / "w.safetensors")
    names = [c.name for c in contenders_of([weights], bank.size, fit=True)]
    assert names[2:] == ["hybrid w", "hybrid w fitted"]
