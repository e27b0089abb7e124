"""Landmark pictures: the right lines in the right colours at the right places."""

from __future__ import annotations

import numpy as np
import pytest

from enliven.face.draw import draw_landmarks, draw_overlay
from enliven.topology import mean_shape
from enliven.types import Floats, Landmarks


@pytest.fixture(scope="module")
def points() -> Floats:
    return (mean_shape() * 60 + [128, 128, 0]).astype(np.float32)


def has_colour(picture: Floats, colour: tuple[int, int, int]) -> bool:
    return bool((picture == np.array(colour)).all(axis=-1).any())


COLOURS = {
    "jaw": (255, 255, 255),
    "right brow": (255, 0, 0),
    "left brow": (0, 255, 0),
    "nose": (0, 0, 255),
    "right eye": (255, 0, 255),
    "left eye": (0, 255, 255),
    "outer lips": (255, 255, 0),
}


@pytest.mark.parametrize("original", [True, False])
def test_every_group_of_the_paper_has_its_colour(points: Floats, original: bool) -> None:
    picture = draw_landmarks(points, 256, original=original)
    assert picture.shape == (256, 256, 3)
    assert picture.dtype == np.uint8
    assert all(has_colour(picture, colour) for colour in COLOURS.values())


@pytest.mark.parametrize(
    ("index", "colour"),
    [(152, "jaw"), (105, "right brow"), (334, "left brow"), (6, "nose"), (2, "nose"), (61, "outer lips")],
)
def test_lines_run_through_their_landmarks(points: Floats, index: int, colour: str) -> None:
    x, y = points[index, :2].round().astype(int)
    around = draw_landmarks(points, 256, original=True)[y - 1 : y + 2, x - 1 : x + 2]
    assert has_colour(around, COLOURS[colour])


def test_the_original_knows_no_irises_inner_lips_and_forehead(points: Floats) -> None:
    points = points * [2.5, 2.5, 1] - [64, 64, 0]
    original, ours = (draw_landmarks(points, 512, original=flag) for flag in (True, False))
    inner_lip, iris = points[14, :2].round().astype(int), points[469, :2].round().astype(int)
    for x, y in (inner_lip, iris):
        assert ours[y - 1 : y + 2, x - 1 : x + 2].any()
    assert not original[iris[1], iris[0]].any()
    forehead = points[10, :2].round().astype(int)
    assert not ours[: forehead[1] + 20].any()


def test_half_a_pixel_shows(points: Floats) -> None:
    moved = points + np.array([0.5, 0.0, 0.0], np.float32)
    assert not np.array_equal(draw_landmarks(points, 256), draw_landmarks(moved, 256))


def test_points_far_outside_and_not_finite_limits_do_no_harm(points: Floats) -> None:
    assert draw_landmarks(points * 1e6, 64).shape == (64, 64, 3)


def test_an_overlay_leaves_the_picture_it_was_given_alone(points: Floats) -> None:
    picture = np.full((256, 256, 3), 90, np.uint8)
    drawn = draw_overlay(picture, Landmarks(points, (256, 256)))
    assert (picture == 90).all()
    assert 0.01 < (drawn != 90).any(axis=2).mean() < 0.3
