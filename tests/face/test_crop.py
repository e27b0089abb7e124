"""Squares cut from pictures: exact places, no aliasing, whole shots covered."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enliven.face.crop import crop_for, crop_of_square, fixed_square, square, take
from enliven.geometry import Box, Similarity
from enliven.topology import mean_shape
from enliven.types import FaceCrop, Landmarks, Picture


def ramps(width: int, height: int) -> Picture:
    """A picture whose red and green tell the place: x / 8 and y / 8."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x / 8, y / 8, 0 * x], axis=2).astype(np.float64).round().astype(np.uint8)


@given(
    side=st.floats(30, 1200),
    angle_deg=st.floats(-180, 180),
    x=st.floats(900, 1100),
    y=st.floats(900, 1100),
)
@settings(max_examples=30, deadline=None)
def test_a_crop_pixel_shows_what_lies_at_its_place_in_the_picture(
    side: float, angle_deg: float, x: float, y: float
) -> None:
    crop = square((x, y), side, 64, angle_deg)
    patch = take(ramps(2000, 2000), crop).astype(np.float64)
    for corner in ((10, 10), (50, 12), (31, 31), (8, 57)):
        px, py = crop.to_picture.apply(np.array(corner, np.float64))
        red, green, _ = patch[corner[1], corner[0]] * 8
        assert abs(red - px) <= 8.5
        assert abs(green - py) <= 8.5


def test_the_identity_crop_is_the_picture_itself() -> None:
    picture = np.random.default_rng(3).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    assert np.array_equal(take(picture, FaceCrop(Similarity(), 64)), picture)


@pytest.mark.parametrize("side", [128, 384, 500])
def test_shrinking_averages_instead_of_picking(side: int) -> None:
    checks = np.indices((512, 512)).sum(axis=0) % 2 * 255
    picture = np.repeat(checks[..., None], 3, axis=2).astype(np.uint8)
    patch = take(picture, square((255.5, 255.5), side, 64))
    assert abs(patch.mean() - 127.5) < 3
    assert patch.std() < 20


def test_a_disc_keeps_its_centre_to_a_twentieth_of_a_pixel() -> None:
    picture = np.zeros((900, 900, 3), np.uint8)
    cv2.circle(picture, (16 * 437, 16 * 512), 16 * 60, (255, 255, 255), -1, cv2.LINE_AA, 4)
    for side in (300, 431.7, 700, 880):
        crop = square((450.0, 450.0), side, 192, 11.0)
        weight = take(picture, crop)[..., 0].astype(np.float64)
        y, x = np.indices(weight.shape)
        centre = np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum()
        expected = crop.to_picture.inverse().apply(np.array([437.0, 512.0]))
        assert np.abs(centre - expected).max() < 0.05


def test_outside_of_the_picture_the_border_goes_on() -> None:
    picture = np.full((40, 60, 3), 200, np.uint8)
    patch = take(picture, square((0.0, 0.0), 300, 32))
    assert (patch == 200).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (3, 2)])
def test_pictures_of_hardly_any_pixels_can_be_cropped(shape: tuple[int, int]) -> None:
    patch = take(np.full((*shape, 3), 77, np.uint8), square((0.0, 0.0), 900, 32))
    assert (patch == 77).all()


def test_the_crop_holds_the_face_with_room_above() -> None:
    face = Landmarks((mean_shape() * 60 + [300, 250, 0]).astype(np.float32), (640, 480))
    crop = crop_for(face, size=256)
    inside = Box.around(crop.to_picture.inverse().apply(face.xy))
    assert 256 / inside.height == pytest.approx(1.9, abs=0.01)
    assert inside.y0 > 256 - inside.y1 > 20
    assert inside.center[0] == pytest.approx(127.5, abs=0.5)


def test_one_square_covers_a_whole_shot_and_stays_inside() -> None:
    boxes = [Box(200 + 4 * i, 100, 300 + 4 * i, 210) for i in range(20)]
    area = fixed_square(boxes, (640, 480))
    assert area.width == area.height
    assert area.x0 >= 0
    assert area.x0 + area.width <= 640
    assert area.y0 >= 0
    assert area.y0 + area.height <= 480
    assert all(area.intersection(box) == box for box in boxes)


def test_a_still_face_gets_the_usual_margin() -> None:
    area = fixed_square([Box(300, 200, 380, 300)] * 5, (1280, 720))
    assert area.width == pytest.approx(1.9 * 100, abs=1)


def test_reading_a_square_box_shows_exactly_its_pixels() -> None:
    picture = np.random.default_rng(5).integers(0, 255, (100, 120, 3)).astype(np.uint8)
    patch = take(picture, crop_of_square(Box(20, 30, 52, 62), 32))
    assert np.array_equal(patch, picture[30:62, 20:52])


def test_a_shot_without_boxes_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="no square"):
        fixed_square([], (640, 480))
