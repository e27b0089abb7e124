"""One step of a fitting, looked at closely."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from tests.fitting.test_fit import crops

from enliven.fitting.album import Album
from enliven.fitting.base import Base, person_of
from enliven.fitting.game import FitGame
from enliven.fitting.settings import FitSettings


def test_landmarks_of_targets_are_found_once_and_belong_to_their_photos(base: Base) -> None:
    photos = crops(4)
    album = Album(photos, base.talker, base.checkpoint.config.original_drawing)
    game = FitGame(
        base.talker, None, base.checkpoint, person_of(base, photos), FitSettings(), torch.device("cpu")
    )
    assert len(game._landmarks) == 2
    first = album.lesson([[1], [0]], [0, 2])
    again = album.lesson([[0], [1], [3]], [2, 3, 0])
    for loss in game._landmarks:
        torch.testing.assert_close(game._wanted(loss, first), loss.wanted(first.batch), atol=1e-3, rtol=0.0)
        torch.testing.assert_close(game._wanted(loss, again), loss.wanted(again.batch), atol=1e-3, rtol=0.0)
    asked = []
    for loss in game._landmarks:
        loss.network.register_forward_hook(lambda *_: asked.append(1))
        game._wanted(loss, replace(again, targets=(3, 2, 0)))
    assert asked == []


def test_the_running_mean_follows_every_weight(base: Base) -> None:
    photos = crops(2)
    game = FitGame(
        base.talker,
        None,
        base.checkpoint,
        person_of(base, photos),
        FitSettings(mean=0.9),
        torch.device("cpu"),
    )
    before = {name: value.clone() for name, value in game.mean.items()}
    with torch.no_grad():
        for value in game.fitted().values():
            value.add_(1.0)
    game._follow()
    assert set(game.mean) == set(game.fitted())
    for name, value in game.mean.items():
        np.testing.assert_allclose((value - before[name]).numpy(), 0.1, atol=1e-5)
