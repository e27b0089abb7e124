"""What an album keeps is what training computes anew at every step."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from tests.model.test_export import HYBRID, checkpoint_of
from tests.synthetic_face import draw_face

from enliven.databank.episodes import Episode
from enliven.fitting import album as album_module
from enliven.fitting.album import Album, Lesson, draw_lesson, draw_lesson_of_two
from enliven.fitting.pictures import Crop
from enliven.model.checkpoint import networks_of
from enliven.training.batches import make_batch

Draw = Callable[[Album, int, int, np.random.Generator], Lesson]
CROPS = [Crop(*draw_face(64, mouth_open=n / 8, yaw_deg=3.0 * n)) for n in range(7)]


@pytest.fixture(scope="module")
def talker() -> torch.nn.Module:
    torch.manual_seed(0)
    return networks_of(checkpoint_of(HYBRID), "here")


@pytest.fixture(scope="module")
def album(talker: torch.nn.Module) -> Album:
    return Album(CROPS, talker, original=False)


def test_a_lesson_is_the_batch_that_training_would_make(album: Album, talker: torch.nn.Module) -> None:
    lesson = album.lesson([[1, 2], [4, 5]], [0, 3])
    shown = [[CROPS[int(n)] for n in row] for row in _photos_of(lesson.batch.photos)]
    targets = [CROPS[0], CROPS[3]]
    wanted = make_batch(
        Episode(
            np.stack([np.stack([c.picture for c in row]) for row in shown]),
            np.stack([np.stack([c.points for c in row]) for row in shown]),
            np.stack([c.picture for c in targets]),
            np.stack([c.points for c in targets]),
            np.zeros(2, np.int64),
            position=0,
        ),
        emphasis=5.0,
        original_drawing=False,
    )
    for name in ("photos", "photo_drawings", "target", "drawing", "points", "importance", "flow"):
        assert torch.equal(getattr(lesson.batch, name), getattr(wanted, name)), name
    assert (lesson.batch.layers - wanted.layers).abs().max() < 1e-3
    features = talker.source_encoder(wanted.photos.flatten(0, 1), wanted.photo_drawings.flatten(0, 1))  # type: ignore[operator]
    for kept, found in zip(lesson.features, features, strict=True):
        assert torch.allclose(kept.flatten(0, 1), found, atol=1e-4)


def _photos_of(photos: torch.Tensor) -> list[list[int]]:
    """Which crops they are."""
    known = [_tensor(crop) for crop in CROPS]
    return [
        [next(n for n, k in enumerate(known) if torch.allclose(k, photo)) for photo in row] for row in photos
    ]


@pytest.mark.parametrize("draw", [draw_lesson, draw_lesson_of_two])
def test_nobody_is_shown_the_photo_that_is_asked_for(album: Album, draw: Draw) -> None:
    for seed in range(20):
        lesson = draw(album, 5, 2, np.random.default_rng(seed))
        for row, target in zip(lesson.batch.photos, lesson.batch.target, strict=True):
            assert not any(torch.equal(photo, target) for photo in row)
            assert not any(torch.equal(photo, _tensor(held)) for photo in row for held in CROPS[5:])


def test_a_lesson_of_two_has_the_animated_photo_and_the_nearest_of_the_others_that_are_shown(
    album: Album, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[list[int], int]] = []
    plain = album.nearest
    monkeypatch.setattr(
        album, "nearest", lambda rest, target: asked.append((rest, target)) or plain(rest, target)
    )
    for seed in range(30):
        asked.clear()
        lesson = draw_lesson_of_two(album, 7, 2, np.random.default_rng(seed))
        for row, (rest, target) in zip(_photos_of(lesson.batch.photos), asked, strict=True):
            first = 0 if target else next(n for n in row if n not in rest)
            away = {n: abs(n - target) for n in rest}  # yaw and mouth go along with the number
            nearest = min(away, key=lambda n: away[n])
            assert first in row
            assert any(away[n] == away[nearest] for n in row if n != first)
            assert target not in row


def test_two_photos_teach_each_other(album: Album) -> None:
    lesson = draw_lesson_of_two(album, 2, 2, np.random.default_rng(0))
    assert lesson.batch.photos.shape[:2] == (2, 1)


def _tensor(crop: Crop) -> torch.Tensor:
    return torch.from_numpy(crop.picture).permute(2, 0, 1) / 127.5 - 1.0


def test_the_memory_of_guesses_is_bounded(talker: torch.nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(album_module, "_MOST_GUESSES", 5)
    small = Album(CROPS, talker, original=False)
    first = small.lesson([[1, 2, 3]], [0])
    for target in range(1, 7):
        small.lesson([[n for n in range(7) if n != target]], [target])
    assert len(small._guesses) <= 5
    assert torch.equal(small.lesson([[1, 2, 3]], [0]).batch.flow, first.batch.flow)
