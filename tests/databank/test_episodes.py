"""Episodes: what they hold, that they repeat, and that bad banks are refused in words."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from enliven.databank.augment import NONE, Augmentation
from enliven.databank.bank import create_bank, open_bank
from enliven.databank.draw import FrameChoice, choose_frames
from enliven.databank.episodes import Episode, EpisodeSettings, EpisodeStream
from enliven.databank.shot import HIGH, MOUTH, YAW
from enliven.databank.synthetic import SyntheticSettings, synthesise
from enliven.errors import DatabankError
from enliven.topology import LEFT_EYE, RIGHT_EYE

SMALL = SyntheticSettings(identities=5, shots=2, frames=10, size=64, val_share=0.2)
PLAIN = EpisodeSettings(size=64, batch=2, shots_max=3, augmentation=NONE)


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthesise(tmp_path_factory.mktemp("bank"), SMALL).path


def same(one: Episode, other: Episode) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("photos", "photo_points", "target", "target_points", "identity", "position")
    )


def test_an_episode_has_the_shapes_and_types_it_promises(bank: Path) -> None:
    stream = EpisodeStream(bank, replace(PLAIN, shots_min=3), seed=1)
    episode = next(stream)
    assert episode.photos.shape == (2, 3, 64, 64, 3)
    assert episode.photos.dtype == episode.target.dtype == np.uint8
    assert episode.photo_points.shape == (2, 3, 478, 3)
    assert episode.target.shape == (2, 64, 64, 3)
    assert episode.target_points.shape == (2, 478, 3)
    assert episode.photo_points.dtype == episode.target_points.dtype == np.float32
    assert episode.identity.dtype == np.int64
    assert episode.position == 0
    assert stream.position == 1


def test_the_target_is_never_among_the_photos(bank: Path) -> None:
    stream = EpisodeStream(bank, replace(PLAIN, shots_max=8), seed=2)
    for _ in range(20):
        episode = next(stream)
        apart = np.abs(episode.photo_points - episode.target_points[:, None]).max(axis=(2, 3))
        assert (apart > 0.01).all()


def test_every_number_of_photos_is_drawn_and_no_other(bank: Path) -> None:
    stream = EpisodeStream(bank, PLAIN, seed=3)
    assert {next(stream).photos.shape[1] for _ in range(30)} == {1, 2, 3}


def test_a_stream_resumed_at_a_position_goes_on_exactly(bank: Path) -> None:
    settings = replace(PLAIN, augmentation=Augmentation())
    whole = EpisodeStream(bank, settings, seed=4)
    batches = [next(whole) for _ in range(6)]
    state = json.loads(json.dumps(whole.state()))
    assert state["position"] == 6
    resumed = EpisodeStream(bank, settings, seed=state["seed"], position=3)
    assert all(same(next(resumed), batch) for batch in batches[3:])


def test_two_ranks_together_see_what_one_alone_sees(bank: Path) -> None:
    alone = EpisodeStream(bank, replace(PLAIN, batch=4), seed=5)
    ranks = [EpisodeStream(bank, PLAIN, seed=5, rank=rank, world_size=2) for rank in (0, 1)]
    for _ in range(4):
        expected, parts = next(alone), [next(rank) for rank in ranks]
        assert np.array_equal(expected.photos, np.concatenate([part.photos for part in parts]))
        assert np.array_equal(expected.identity, np.concatenate([part.identity for part in parts]))


def test_seeds_differ(bank: Path) -> None:
    one, other = (next(EpisodeStream(bank, PLAIN, seed=seed)) for seed in (6, 7))
    assert not same(one, replace(other, position=one.position))


def test_decoding_at_need_gives_the_same_episodes_as_the_cache(bank: Path, tmp_path: Path) -> None:
    built: list[tuple[int, int]] = []
    cached = EpisodeStream(
        bank, PLAIN, seed=8, cache=tmp_path / "elsewhere", progress=lambda *count: built.append(count)
    )
    assert built[-1] == (80, 80)
    decoded = EpisodeStream(bank, replace(PLAIN, cache_gb=0.0), seed=8)
    assert list((tmp_path / "elsewhere").iterdir())
    assert all(same(next(cached), next(decoded)) for _ in range(4))


def test_splits_do_not_share_people_and_numbers_are_the_same_in_both(bank: Path) -> None:
    train = EpisodeStream(bank, PLAIN, seed=9)
    val = EpisodeStream(bank, PLAIN, seed=9, split="val")
    seen = {int(i) for _ in range(30) for i in next(train).identity}
    assert seen == {0, 1, 2, 3}
    assert {int(i) for _ in range(3) for i in next(val).identity} == {4}
    assert train.identity_count == 5


def test_half_of_the_episodes_come_from_high_quality(bank: Path) -> None:
    low_only = EpisodeStream(bank, replace(PLAIN, high_quality_share=0.0), seed=10)
    opened = open_bank(bank)
    names = {
        opened.identities.index(e.facts.identity) for e in opened.of_split("train") if e.facts.quality != HIGH
    }
    assert 0 < len(names) < 4
    assert {int(i) for _ in range(20) for i in next(low_only).identity} == names


def _pupil_error_px(episode: Episode, index: int) -> float:
    """Mean distance of the darkest pixel near each iris landmark, which is the pupil, from that landmark."""
    image = cv2.cvtColor(episode.target[index], cv2.COLOR_RGB2GRAY)
    distances = []
    for iris in (468, 473):
        x, y = episode.target_points[index, iris, :2]
        x0, y0 = round(float(x)) - 4, round(float(y)) - 4
        part = image[max(y0, 0) : y0 + 9, max(x0, 0) : x0 + 9]
        row, column = np.unravel_index(int(part.argmin()), part.shape)
        distances.append(float(np.hypot(max(x0, 0) + column - x, max(y0, 0) + row - y)))
    return float(np.mean(distances))


def test_landmarks_follow_every_change_of_the_pictures(tmp_path: Path) -> None:
    bank = synthesise(tmp_path / "b", SyntheticSettings(identities=3, shots=1, frames=6, val_share=0.0)).path
    settings = EpisodeSettings(
        batch=16, shots_max=1, augmentation=Augmentation(mirror=0.5, turn_deg=20, scale=0.2, shift=0.05)
    )
    episode = next(EpisodeStream(bank, settings, seed=11))
    for index in range(16):
        right, left = (episode.target_points[index, list(eye), 0].mean() for eye in (RIGHT_EYE, LEFT_EYE))
        assert right < left  # the person's right eye lies left in the picture, also after a mirror flip
    assert np.median([_pupil_error_px(episode, index) for index in range(16)]) < 2.5


def test_a_mirrored_episode_is_the_mirror_image_of_the_plain_one(bank: Path) -> None:
    plain = EpisodeStream(bank, PLAIN, seed=12).at(0)
    flipped = EpisodeStream(bank, replace(PLAIN, augmentation=replace(NONE, mirror=1.0)), seed=12).at(0)
    assert np.array_equal(plain.target[:, :, ::-1], flipped.target)
    assert np.allclose(
        63 - plain.target_points[:, RIGHT_EYE[0], 0], flipped.target_points[:, LEFT_EYE[0], 0], atol=1e-3
    )
    assert np.allclose(plain.target_points[..., 1].mean(), flipped.target_points[..., 1].mean(), atol=1e-3)


def test_smaller_pictures_keep_their_landmarks_in_place(bank: Path) -> None:
    whole = EpisodeStream(bank, PLAIN, seed=13).at(0)
    half = EpisodeStream(bank, replace(PLAIN, size=32), seed=13).at(0)
    assert half.target.shape == (2, 32, 32, 3)
    assert np.allclose((whole.target_points[..., :2] + 0.5) / 2 - 0.5, half.target_points[..., :2], atol=1e-3)
    averaged = cv2.resize(whole.target[0], (32, 32), interpolation=cv2.INTER_AREA)
    assert np.abs(averaged.astype(int) - half.target[0]).mean() < 1.0


def test_far_targets_differ_more_from_their_photos_than_random_ones() -> None:
    random = np.random.default_rng(0)
    measures = np.zeros((40, 5), np.float32)
    measures[:, YAW], measures[:, MOUTH] = random.uniform(-30, 30, 40), random.uniform(0, 0.3, 40)

    def mean_apart(far_share: float) -> float:
        draw, apart = np.random.default_rng(1), []
        for _ in range(200):
            photo, target = choose_frames(draw, measures, 1, FrameChoice(far_share=far_share))
            apart.append(abs(float(measures[photo, YAW] - measures[target, YAW])))
        return float(np.mean(apart))

    assert mean_apart(1.0) > 1.3 * mean_apart(0.0)


def test_an_empty_databank_is_refused(tmp_path: Path) -> None:
    create_bank(tmp_path, 64)
    with pytest.raises(DatabankError, match="is empty"):
        EpisodeStream(tmp_path, PLAIN, seed=0)


def test_a_folder_that_is_no_databank_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatabankError, match="is no databank"):
        EpisodeStream(tmp_path, PLAIN, seed=0)


def test_a_databank_of_one_person_is_refused(tmp_path: Path) -> None:
    synthesise(tmp_path, replace(SMALL, identities=1))
    with pytest.raises(DatabankError, match="one person only"):
        EpisodeStream(tmp_path, PLAIN, seed=0)


def test_more_photos_than_any_clip_has_frames_is_refused(bank: Path) -> None:
    with pytest.raises(DatabankError, match="Choose at most 9 photos"):
        EpisodeStream(bank, replace(PLAIN, shots_max=10), seed=0)


def test_a_split_without_clips_is_refused(tmp_path: Path) -> None:
    synthesise(tmp_path, replace(SMALL, val_share=0.0))
    with pytest.raises(DatabankError, match="no clip of the split 'val'"):
        EpisodeStream(tmp_path, PLAIN, seed=0, split="val")


def test_a_truncated_shard_is_refused_by_name(tmp_path: Path) -> None:
    synthesise(tmp_path, SMALL)
    shard = tmp_path / "shards" / "synthetic.tar"
    shard.write_bytes(shard.read_bytes()[:-20_000])
    with pytest.raises(DatabankError, match=r"synthetic\.tar is cut off"):
        EpisodeStream(tmp_path, PLAIN, seed=0)


@pytest.mark.parametrize("wrong", [{"shots_min": 0}, {"shots_max": 0}, {"size": 33}, {"batch": 0}])
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(DatabankError):
        EpisodeSettings(**wrong)
