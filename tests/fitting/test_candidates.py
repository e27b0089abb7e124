"""The rule: the most real candidate, never one that is worse than the unfitted base."""

from __future__ import annotations

import math

from enliven.fitting.candidates import BASE, Candidate, Marks, chosen, judged, table

BASE_MARKS = Marks(realism=-0.5, identity=0.3, landmarks_px=2.0, picture=0.05)


def candidate(name: str, **marks: float) -> Candidate:
    return Candidate(name, {}, Marks(**{**BASE_MARKS.__dict__, **marks}), ())


def winner(*others: Candidate) -> str:
    return chosen(judged([candidate(BASE), *others])).name


def test_the_better_one_is_chosen() -> None:
    assert (
        winner(candidate("step 1", identity=0.28), candidate("step 2", identity=0.25, picture=0.045))
        == "step 2"
    )


def test_the_base_stays_when_learning_only_made_it_worse() -> None:
    assert winner(candidate("step 1", identity=0.31), candidate("step 2", picture=0.06)) == BASE


def test_a_gain_in_one_thing_does_not_buy_a_loss_in_another() -> None:
    real = candidate("step 9", realism=1.5, landmarks_px=2.4)
    assert winner(real) == BASE
    verdict = judged([candidate(BASE), real])[1].verdict
    assert "landmarks worse by 20%" in verdict


def test_of_one_photo_what_paints_around_a_turned_head_as_the_base_would_not_is_refused() -> None:
    early, late = (
        candidate("step 1", identity=0.28, drift=0.002),
        candidate("step 2", identity=0.1, drift=0.02),
    )
    assert winner(early, late) == "step 1"
    assert "no photo shows" in judged([candidate(BASE), late])[1].verdict


def test_what_looks_made_is_refused() -> None:
    assert winner(candidate("step 9", realism=-1.0, picture=0.03)) == BASE


def test_what_nobody_could_measure_does_not_count() -> None:
    blind = Marks(math.nan, math.nan, 2.0, 0.05)
    better = Candidate("step 1", {}, Marks(math.nan, math.nan, 1.9, 0.045), ())
    assert chosen(judged([Candidate(BASE, {}, blind, ()), better])).name == "step 1"


def test_the_table_has_every_candidate_with_its_verdict() -> None:
    text = table(judged([candidate(BASE), candidate("step 5", identity=0.2)]))
    assert text.count("\n") == 2
    assert "step 5" in text.splitlines()[2]
    assert "chosen" in text.splitlines()[2]
