"""The pictures that differ most are chosen, sharp ones first, and the person's own only."""

from __future__ import annotations

import numpy as np
from tests.synthetic_face import draw_face

from enliven.gallery.choose import most_different, most_fitting
from enliven.gallery.people import distances, largest_person, person_around
from enliven.measure import LOOKS
from enliven.types import Landmarks

_YAW, _MOUTH, _EYES = (LOOKS.index(name) for name in ("yaw", "mouth", "eyes"))


def face(**drawn: float) -> Landmarks:
    return Landmarks(draw_face(64, **drawn)[1], (64, 64))  # type: ignore[arg-type]


def looks_of(count: int, **changed: list[float]) -> list[np.ndarray]:
    rows = np.zeros((count, len(LOOKS)), np.float32)
    for name, values in changed.items():
        rows[:, LOOKS.index(name)] = values
    return list(rows)


def test_of_many_alike_the_odd_ones_are_chosen() -> None:
    looks = looks_of(6, yaw=[0.0, 0.1, 0.05, 2.0, -2.0, 0.1], mouth=[0, 0, 0, 0, 0, 3.0])
    assert sorted(most_different(looks, [1.0] * 6, first=0, count=4)) == [0, 3, 4, 5]


def test_of_two_that_differ_alike_the_sharp_one_is_chosen() -> None:
    looks = looks_of(3, yaw=[0.0, 1.0, 1.0])
    assert most_different(looks, [1.0, 0.4, 1.0], first=0, count=2) == [0, 2]


def test_no_more_are_chosen_than_there_are() -> None:
    assert sorted(most_different(looks_of(3, yaw=[0, 1, 2]), [1.0] * 3, first=1, count=32)) == [0, 1, 2]


def test_the_animated_picture_is_frontal_with_open_eyes_and_sharp() -> None:
    turned, fitting, blinking, soft = face(yaw_deg=20), face(yaw_deg=2), face(eyes_open=0.1), face()
    assert most_fitting([turned, fitting, blinking, soft], [1.0, 1.0, 1.0, 0.3]) == 1


def test_the_animated_picture_shows_no_face_that_is_seldom_made() -> None:
    shouting, usual = face(mouth_open=0.9), [face(yaw_deg=yaw, mouth_open=0.1) for yaw in (3, 6, 9)]
    assert most_fitting([shouting, *usual], [1.0] * 4) == 1


def person(seed: int, count: int, spread: float) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    middle = random.normal(size=128)
    middle /= np.linalg.norm(middle)
    return [(middle + spread * random.normal(size=128) / 128**0.5).astype(np.float32) for _ in range(count)]


def test_two_people_are_told_apart_and_the_larger_group_found() -> None:
    between = distances([*person(0, 3, 0.3), *person(1, 5, 0.3)])
    assert person_around(between, 0).tolist() == [True] * 3 + [False] * 5
    assert largest_person(between).tolist() == [False] * 3 + [True] * 5


def test_a_profile_is_known_by_the_half_profile_between() -> None:
    front, side = np.zeros(128, np.float32), np.zeros(128, np.float32)
    side[0] = 0.8
    half = side / 2
    assert person_around(distances([front, half, side]), 0).all()
    assert not person_around(distances([front, side]), 0).all()
