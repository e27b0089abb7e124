"""Background that a head uncovers: taken from pictures of the same scene, and only where they can know it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from enliven.geometry import Similarity
from enliven.model.backdrop import backdrop_of
from enliven.model.revealed import Revealed, revealed
from enliven.types import FaceCrop, Floats, Matte, Picture, Scene, SceneView

SIZE, FACE_PX = 160, 60.0
CROP = FaceCrop(Similarity(), SIZE)
KNOWN = np.ones((SIZE, SIZE), np.float32)
POINTS = np.zeros((478, 3), np.float32)


@pytest.fixture(scope="module")
def room() -> Picture:
    noise = np.random.default_rng(5).normal(0.0, 1.0, (SIZE, SIZE, 3))
    smooth = cv2.GaussianBlur(noise, (0, 0), 4.0)
    return np.asarray(np.clip(120.0 + 40.0 * smooth / smooth.std(), 0, 255), np.uint8)


def person(x: int) -> Floats:
    alpha = np.zeros((SIZE, SIZE), np.float32)
    cv2.ellipse(alpha, (x, 100), (28, 46), 0, 0, 360, 1.0, -1)
    return alpha


def taken(room: Picture, x: int, light: float = 1.0) -> Picture:
    picture = np.where(person(x)[..., None] > 0.5, np.uint8(210), room)
    return np.asarray(np.clip(picture * light, 0, 255), np.uint8)


def view(room: Picture, x: int, light: float = 1.0, known: Floats = KNOWN) -> SceneView:
    return SceneView(taken(room, x, light), known, POINTS, person(x))


def scene(room: Picture, *views: SceneView, outline: bool = True) -> Scene:
    return Scene(CROP, taken(room, 60), tuple(views), person(60) if outline else None)


def off(found: Revealed, room: Picture) -> float:
    known = found.known > 0.5
    return float(np.abs(found.picture.astype(float) - room)[known].mean())


def test_what_a_moved_head_uncovers_is_the_true_background(room: Picture) -> None:
    found = revealed(scene(room, view(room, 110), view(room, 112), view(room, 114)))
    assert found is not None
    hidden = person(60) > 0.5
    assert found.known[hidden].mean() > 0.6
    assert found.known[~cv2.dilate(hidden.astype(np.uint8), np.ones((9, 9))).astype(bool)].max() == 0.0
    assert off(found, room) < 1.0


def test_read_between_pixels_it_has_no_dark_rim(room: Picture) -> None:
    """Black where it is not known was drawn as a thin line around people who stand in."""
    found = revealed(scene(room, view(room, 110), view(room, 112), view(room, 114)))
    assert found is not None
    picture, known = found.over((0, 0, SIZE, SIZE), 4 * SIZE)
    true = cv2.resize(room, (4 * SIZE, 4 * SIZE), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    rim = (known > 0.1) & (known < 0.9)
    assert rim.any()
    assert (picture - true)[rim].min() > -25.0


def test_other_light_is_brought_to_the_photos(room: Picture) -> None:
    found = revealed(scene(room, view(room, 110, 0.88), view(room, 112, 0.9)))
    assert found is not None
    assert off(found, room) < 5.0


def test_nobodys_hair_gets_into_it(room: Picture) -> None:
    """Where in one of three pictures something stands before the wall, the others outvote it."""
    passing = view(room, 112)
    passing.picture[90:100, 40:70] = (0, 0, 0)
    found = revealed(scene(room, view(room, 110), passing, view(room, 114)))
    assert found is not None
    assert off(found, room) < 1.0


def test_where_pictures_contradict_each_other_nothing_is_known(room: Picture) -> None:
    other = view(room, 112)
    other.picture[80:110, 35:80] ^= 128
    found = revealed(scene(room, view(room, 112), other))
    assert found is not None
    assert found.known[85:105, 50:60].max() == 0.0


@pytest.mark.parametrize("reason", ["moved", "dark", "unseen", "no outline", "not cut out", "alone"])
def test_nothing_is_taken_from_pictures_that_cannot_tell(room: Picture, reason: str) -> None:
    good = view(room, 110)
    moved = SceneView(np.roll(good.picture, 12, axis=0), KNOWN, POINTS, good.person)
    views = {
        "moved": [moved],
        "dark": [view(room, 110, 0.5)],
        "unseen": [view(room, 110, known=np.zeros_like(KNOWN))],
        "no outline": [SceneView(good.picture, KNOWN, POINTS)],
        "not cut out": [good],
        "alone": [],
    }[reason]
    assert revealed(scene(room, *views, outline=reason != "not cut out")) is None


def test_the_plate_shows_it_where_it_lies_in_the_photo(room: Picture) -> None:
    """Behind the person the room stands instead of a fill from around; the rest of the plate is as without."""
    photo = cv2.resize(taken(room, 60), (2 * SIZE, 2 * SIZE), interpolation=cv2.INTER_LINEAR)
    found = revealed(scene(room, view(room, 112), view(room, 114)))
    assert found is not None
    crop = FaceCrop(Similarity(2.0, 0.0, (0.5, 0.5)), SIZE)
    matte = Matte(person(60), (0, 0, 2 * SIZE, 2 * SIZE))
    without = backdrop_of(photo, matte, 2 * FACE_PX)
    with_it = backdrop_of(photo, matte, 2 * FACE_PX, behind=Revealed(found.picture, found.known, crop))
    true = cv2.resize(room, (2 * SIZE, 2 * SIZE), interpolation=cv2.INTER_LINEAR).astype(float)
    known = cv2.resize(found.known, (2 * SIZE, 2 * SIZE)) > 0.99
    before, after = (np.abs(each.plate - true)[known].mean() for each in (without, with_it))
    assert after < 0.35 * before
    far = cv2.dilate(person(60), np.ones((61, 61))) == 0.0
    far = cv2.resize(far.astype(np.uint8), (2 * SIZE, 2 * SIZE)) > 0
    assert np.array_equal(without.plate[far], with_it.plate[far])
    assert np.array_equal(without.alpha, with_it.alpha)
