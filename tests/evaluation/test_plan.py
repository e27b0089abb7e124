"""Which frames are photos and which drive: never the same, never out of order, and short clips are counted."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enliven.databank.bank import Bank
from enliven.databank.shards import ShotEntry
from enliven.errors import DatabankError, UsageError
from enliven.evaluation.plan import (
    driving_frames,
    flicker_frames,
    frames_needed,
    group_of,
    make_pairs,
    make_plan,
    source_frames,
)
from enliven.evaluation.settings import EvaluationSettings, shots_of


@given(shots=st.integers(1, 40), spare=st.integers(0, 300), every=st.integers(1, 20))
def test_photos_are_different_frames_before_all_driving_frames(shots: int, spare: int, every: int) -> None:
    count = frames_needed(shots) + spare
    photos, driving = source_frames(count, shots), driving_frames(count, every)
    assert len(set(photos)) == shots
    assert photos == sorted(photos)
    assert photos[0] == 0
    assert max(photos) < min(driving)
    assert max(driving) < count
    assert all(later - earlier == every for earlier, later in pairwise(driving))


@given(count=st.integers(8, 400))
def test_flicker_is_measured_on_consecutive_frames_of_the_second_half(count: int) -> None:
    run = flicker_frames(count)
    assert run == list(range(run[0], run[-1] + 1))
    assert count // 2 <= run[0]
    assert run[-1] < count
    assert 4 <= len(run) <= 8


def lengths(bank: Bank, *frames: int) -> Bank:
    """The databank with clips that claim these lengths, all `val`, two to a person."""
    entries = [
        replace(
            bank.shots[0],
            facts=replace(bank.shots[0].facts, key=f"k{n:02d}", identity=f"p{n // 2}", frames=count, split="val"),
        )
        for n, count in enumerate(frames)
    ]  # fmt: skip
    return replace(bank, shots=tuple(entries))


def test_short_clips_are_left_out_for_that_number_of_photos_and_counted(bank: Bank) -> None:
    plan = make_plan(lengths(bank, 5, 8, 22, 70), EvaluationSettings(shots=(1, 8, 32)))
    assert [entry.facts.frames for entry in plan.entries] == [8, 22, 70]
    assert plan.left_out == {1: 1, 8: 2, 32: 3}
    assert [len(plan.of(shots)) for shots in (1, 8, 32)] == [3, 2, 1]


def test_a_number_of_photos_that_no_clip_has_is_no_table_but_counted(bank: Bank) -> None:
    plan = make_plan(lengths(bank, 20, 20), EvaluationSettings(shots=(1, 32)))
    assert plan.shots == (1,)
    assert plan.left_out == {1: 0, 32: 2}


def test_fewer_clips_are_spread_over_the_split(bank: Bank) -> None:
    plan = make_plan(lengths(bank, *[20] * 9), EvaluationSettings(shots=(1,), clips=3))
    assert [entry.facts.key for entry in plan.entries] == ["k00", "k04", "k08"]


def test_pairs_are_of_different_people_and_every_clip_is_a_source_at_most_once(bank: Bank) -> None:
    entries = lengths(bank, *[20] * 8).shots
    pairs = make_pairs(entries, 6, seed=0)
    assert len({pair.source.facts.key for pair in pairs}) == len(pairs) == 6
    assert all(pair.source.facts.identity != pair.driver.facts.identity for pair in pairs)
    assert [pair.key for pair in pairs] == [pair.key for pair in make_pairs(entries, 6, seed=0)]
    assert [pair.key for pair in pairs] != [pair.key for pair in make_pairs(entries, 6, seed=1)]
    assert make_pairs(entries[:2], 6, seed=0) == []  # one person alone


@pytest.mark.parametrize(
    ("source", "group"),
    [("clips/grid__lwbsza__00.mp4", "grid"), ("ytf/Someone_2", "ytf"), ("synthetic, seed 0", "synthetic, seed 0")],
)  # fmt: skip
def test_a_clip_belongs_to_the_collection_that_its_source_names(bank: Bank, source: str, group: str) -> None:
    entry: ShotEntry = bank.shots[0]
    assert group_of(replace(entry, facts=replace(entry.facts, source=source))) == group


def test_an_empty_split_and_clips_too_short_are_one_sentence(bank: Bank) -> None:
    with pytest.raises(DatabankError, match="no clip in the split 'test'; it has train, val"):
        make_plan(bank, EvaluationSettings(split="test"))
    with pytest.raises(DatabankError, match="20 photos need 46 frames, the longest of 2 clips has 16"):
        make_plan(bank, EvaluationSettings(shots=(20, 32)))


def test_numbers_of_photos_are_sorted_once_each_and_must_be_numbers() -> None:
    assert EvaluationSettings(shots=shots_of("8,1, 8")).shots == (1, 8)
    for text in ("", "one", "1;8", "1,,8"):
        with pytest.raises(UsageError, match="as in 1,8,32"):
            shots_of(text)
    with pytest.raises(UsageError, match="1 or more"):
        EvaluationSettings(shots=(0,))
