"""The photos that a frame is made of."""

from __future__ import annotations

import numpy as np
import pytest
from tests.synthetic_face import turned_face

from enliven.model.nearest import MOST, Nearest
from enliven.types import Floats

SIZE = 128
REGIONS = 4


def face(yaw_deg: float, mouth_open: float = 0.0) -> Floats:
    return turned_face(SIZE, yaw_deg=yaw_deg, mouth_open=mouth_open)


YAWS = (-30.0, -20.0, -10.0, 0.0, 10.0, 20.0, 30.0)


@pytest.fixture(scope="module")
def nearest() -> Nearest:
    return Nearest([face(yaw) for yaw in YAWS], SIZE)


@pytest.mark.parametrize("yaw_deg", YAWS)
def test_the_photo_that_looks_like_the_frame_comes_first(nearest: Nearest, yaw_deg: float) -> None:
    chosen, log_weights = nearest.choose(face(yaw_deg))
    assert YAWS[chosen[0]] == yaw_deg
    assert (log_weights[:, 0] == 0.0).all()
    assert log_weights.shape == (REGIONS, MOST)
    assert len(chosen) == MOST
    assert (np.diff(log_weights.max(axis=0)) <= 0).all()


def test_of_few_photos_all_are_used() -> None:
    chosen, log_weights = Nearest([face(0.0), face(25.0)], SIZE).choose(face(12.0))
    assert sorted(chosen) == [0, 1]
    assert np.isfinite(log_weights).all()
    alone, weight = Nearest([face(0.0)], SIZE).choose(face(25.0))
    assert list(alone) == [0]
    assert (weight == 0.0).all()


def test_an_open_mouth_is_preferred_for_an_open_mouth() -> None:
    nearest = Nearest([face(0.0), face(0.0, 0.6)], SIZE)
    assert nearest.choose(face(4.0, 0.6))[0][0] == 1
    assert nearest.choose(face(4.0, 0.0))[0][0] == 0


def test_weights_never_jump(nearest: Nearest) -> None:
    """Photos come in and go out at no weight: shares follow a slow turn of the head slowly."""
    shares = []
    for yaw_deg in np.arange(-28.0, 28.0, 0.25):
        chosen, log_weights = nearest.choose(face(float(yaw_deg)))
        share = np.zeros((REGIONS, len(YAWS)))
        share[:, chosen] = np.exp(log_weights) / np.exp(log_weights).sum(axis=1, keepdims=True)
        shares.append(share)
    assert np.abs(np.diff(shares, axis=0)).max() < 0.25


def test_every_region_prefers_what_looks_like_the_frame_there() -> None:
    """One photo has the frame's mouth, another one the place of its head."""
    frame = face(0.0, 0.6)
    elsewhere = frame + np.array([0.2 * SIZE, 0.0, 0.0], np.float32)
    there = face(0.0)
    chosen, shares = Nearest([elsewhere, there], SIZE).shares(frame)
    mouth_x, mouth_y = (frame[[13, 14], :2].mean(axis=0) / 4).astype(int)
    of = {int(number): share for number, share in zip(chosen, shares, strict=True)}
    assert of[0][mouth_y, mouth_x] > of[1][mouth_y, mouth_x] + 1.0
    assert of[1][1, 1] > of[0][1, 1] + 1.0
