"""The photo without its person: what is filled in, what is kept, and that a moving head bends no background."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from enliven.compositing.paste import Paster
from enliven.model.backdrop import backdrop_of
from enliven.model.guess import Guesser
from enliven.model.warp_engine import WarpEngine
from enliven.topology import mean_shape
from enliven.types import Floats, Landmarks, Matte, Picture

SIDE = 240
FACE_PX = 100.0
CENTRE = (120, 130)


@pytest.fixture(scope="module")
def points() -> Floats:
    return np.asarray(mean_shape() * 50 + [*CENTRE, 0], np.float32)


@pytest.fixture(scope="module")
def matte() -> Matte:
    alpha = np.zeros((256, 256), np.float32)
    cv2.ellipse(alpha, (128, 134), (62, 90), 0, 0, 360, 1.0, -1)
    return Matte(alpha, (0, 0, SIDE, SIDE))


@pytest.fixture(scope="module")
def photo(matte: Matte) -> Picture:
    """A red person before upright blue and white bars."""
    picture = np.full((SIDE, SIDE, 3), 255, np.uint8)
    picture[:, (np.arange(SIDE) // 12) % 2 == 0] = (40, 60, 200)
    person = cv2.resize(matte.alpha, (SIDE, SIDE)) > 0.5
    picture[person] = (200, 40, 40)
    return picture


def test_the_person_is_gone_from_the_plate_and_the_rest_is_untouched(photo: Picture, matte: Matte) -> None:
    backdrop = backdrop_of(photo, matte, FACE_PX)
    red = (backdrop.plate[..., 0].astype(int) - backdrop.plate[..., 1]) > 60
    assert red.sum() == 0
    np.testing.assert_array_equal(backdrop.plate[:20, :40], photo[:20, :40])
    np.testing.assert_array_equal(backdrop.plate[:, :20], photo[:, :20])


def test_the_person_is_whole_in_the_outline_and_far_background_is_not(photo: Picture, matte: Matte) -> None:
    backdrop = backdrop_of(photo, matte, FACE_PX)
    person = cv2.resize(matte.alpha, (SIDE, SIDE)) > 0.99
    assert backdrop.alpha[person].min() >= 250
    assert backdrop.alpha[:, :30].max() == 0


def test_a_lock_of_hair_that_the_matte_lacks_goes_along_and_leaves_the_wall(matte: Matte) -> None:
    wall = np.full((SIDE, SIDE, 3), 190, np.uint8)
    wall[60:110, 10:50] = 150  # a broad shadow
    lock = np.zeros((SIDE, SIDE), np.uint8)
    cv2.polylines(lock, [np.array([[176, 140], [188, 165], [184, 195]])], False, 1, 3)
    nail = np.zeros_like(lock)
    cv2.circle(nail, (198, 120), 2, 1, -1)
    picture = wall.copy()
    picture[(lock | nail) > 0] = (50, 40, 40)
    picture[cv2.resize(matte.alpha, (SIDE, SIDE)) > 0.5] = (200, 40, 40)
    backdrop, without = (backdrop_of(picture, matte, FACE_PX, locks=wanted) for wanted in (True, False))
    leaving = (lock > 0) & (without.alpha < 10)
    assert leaving.sum() > 40
    assert (backdrop.alpha[leaving] > 127).mean() > 0.95
    assert np.abs(backdrop.plate[leaving].astype(int) - 190).max() < 16
    assert without.plate[leaving].mean() < 120, "it stood still on the wall"
    away = (nail > 0) | (wall[..., 0] < 190)
    assert backdrop.alpha[away].max() == 0, "what does not touch the person, or is broad, is none"
    np.testing.assert_array_equal(backdrop.plate[away], picture[away])


def test_before_a_background_with_a_pattern_no_locks_are_looked_for(photo: Picture, matte: Matte) -> None:
    found, without = (backdrop_of(photo, matte, FACE_PX, locks=wanted) for wanted in (True, False))
    np.testing.assert_array_equal(found.alpha, without.alpha)
    np.testing.assert_array_equal(found.plate, without.plate)


def test_the_outline_lies_where_the_matte_says(photo: Picture) -> None:
    """Of a matte that covers a part of the photo only."""
    alpha = np.zeros((64, 64), np.float32)
    alpha[16:48, 16:48] = 1.0
    backdrop = backdrop_of(photo, Matte(alpha, (40, 60, 168, 188)), 10.0)
    assert backdrop.plate.shape == (128, 128, 3)
    assert backdrop.corner_xy == (40, 60)
    assert backdrop.alpha[64, 64] == 255
    assert backdrop.alpha[4, 4] == 0


def test_a_person_without_any_background_is_filled_without_a_warning(photo: Picture) -> None:
    with np.errstate(all="raise"):
        backdrop = backdrop_of(photo, Matte(np.ones((64, 64), np.float32), (0, 0, SIDE, SIDE)), 40.0)
    assert backdrop.alpha.min() == 255


def test_bars_beside_a_moving_head_stay_straight(photo: Picture, points: Floats, matte: Matte) -> None:
    landmarks = Landmarks(points, (SIDE, SIDE))
    moved = points + np.array([14.0, -6.0, 0.0], np.float32)
    beside = (slice(60, 200), np.r_[12:40, 214:232])  # between the matte and the photo's border
    still, bent = (
        Paster(photo).paste(WarpEngine(photo, landmarks, matte=each).render(moved)) for each in (matte, None)
    )
    np.testing.assert_array_equal(still[beside], photo[beside])
    assert np.abs(bent[beside].astype(int) - photo[beside]).max() > 60, "or this test shows nothing"
    assert tuple(still[130, 150]) == (200, 40, 40), "and the person is there"


def test_the_networks_are_shown_the_same_still_background(
    photo: Picture, points: Floats, matte: Matte
) -> None:
    moved = points + np.array([10.0, 0.0, 0.0], np.float32)
    layers = Guesser(photo, points, matte).guess(moved).layers
    assert layers.shape == (4, SIDE, SIDE)
    np.testing.assert_allclose(layers[3, 60:200, 12:36], 1.0)
    wanted = photo[60:200, 12:36].transpose(2, 0, 1) / 127.5 - 1.0
    np.testing.assert_allclose(layers[:3, 60:200, 12:36], wanted, atol=0.01)
    assert layers[3, 130, 120] < 0.01, "before the face lies nothing"


def test_a_head_that_the_photo_cuts_off_is_closed_above(photo: Picture) -> None:
    """Moved down, it shows an arch of hair with background above; it once rose to the border as a column."""
    alpha = np.zeros((256, 256), np.float32)
    cv2.ellipse(alpha, (128, 70), (62, 120), 0, 0, 360, 1.0, -1)
    cut = photo.copy()
    cut[cv2.resize(alpha, (SIDE, SIDE)) > 0.5] = (200, 40, 40)
    high = np.asarray(mean_shape() * 25 + [120, 72, 0], np.float32)
    engine = WarpEngine(cut, Landmarks(high, (SIDE, SIDE)), matte=Matte(alpha, (0, 0, SIDE, SIDE)))
    down = high + np.array([0.0, 40.0, 0.0], np.float32)
    result = Paster(cut).paste(engine.render(down)).astype(int)
    red = (result[..., 0] - result[..., 1]) > 90
    assert cut[0, 120].tolist() == [200, 40, 40]
    assert not red[0].any()
    assert red[45, 120]
    assert 0 < red[36].sum() < red[50].sum()
