"""What is made up behind somebody goes on as what is seen beside them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from enliven.model.backdrop import backdrop_of
from enliven.model.completion import Completion, completed
from enliven.types import Floats, Matte, Picture

SIDE = 128


def striped(side: int = SIDE) -> Floats:
    """Folds of a curtain."""
    x = np.arange(side, dtype=np.float32)
    row = 120.0 + 60.0 * np.sin(x * (2 * np.pi / (side / 8)))
    return np.repeat(np.repeat(row[None], side, axis=0)[..., None], 3, axis=2).astype(np.float32)


def hole(side: int = SIDE) -> Floats:
    """(side, side) 0 in an ellipse, 1 elsewhere."""
    known = np.ones((side, side), np.float32)
    cv2.ellipse(known, (side // 2, side // 2), (side // 7, side // 4), 0.0, 0.0, 360.0, 0.0, -1)
    return known


def filled(picture: Floats, known: Floats) -> Completion:
    seen = picture * known[..., None]
    smooth = np.where(known[..., None] > 0, picture, picture[known > 0].mean(axis=0)).astype(np.float32)
    found = completed(seen, known, smooth)
    assert found is not None
    return found


def test_folds_go_on_through_the_hole() -> None:
    picture, known = striped(), hole()
    found = filled(picture, known).filled
    gone = known == 0
    wrong = np.abs(found - picture)[gone].mean()
    flat = np.abs(picture[known > 0].mean() - picture)[gone].mean()
    assert flat > 35.0
    assert wrong < 0.25 * flat
    np.testing.assert_allclose(found[known > 0], picture[known > 0], atol=1e-2)


def test_what_was_in_the_hole_is_never_seen() -> None:
    picture, known = striped(), hole()
    other = np.where(known[..., None] > 0, picture, np.float32(255.0))
    smooth = np.where(known[..., None] > 0, picture, np.float32(120.0)).astype(np.float32)
    one, two = (completed(each, known, smooth) for each in (picture, other))
    assert one is not None
    assert two is not None
    np.testing.assert_array_equal(one.filled, two.filled)
    np.testing.assert_array_equal(one.offsets, two.offsets)


def test_offsets_lead_from_the_hole_to_what_is_known_and_nowhere_else() -> None:
    known = hole()
    offsets = filled(striped(), known).offsets
    assert (offsets[known > 0] == 0).all()
    rows, columns = np.nonzero(known == 0)
    read = np.stack([columns, rows], axis=-1) + offsets[rows, columns]
    assert (known[read[:, 1].astype(int), read[:, 0].astype(int)] == 1).all()


def test_along_the_pictures_border_too() -> None:
    known = np.ones((SIDE, SIDE), np.float32)
    known[90:, 40:90] = 0
    found = filled(striped(), known)
    gone = known == 0
    rows, columns = np.nonzero(gone)
    read = np.stack([columns, rows], axis=-1) + found.offsets[rows, columns]
    assert (known[read[:, 1].astype(int), read[:, 0].astype(int)] == 1).all()
    assert np.abs(found.filled - striped())[gone].mean() < 12.0


def test_a_larger_picture_keeps_its_grain_in_the_hole() -> None:
    draw = np.random.default_rng(2)
    large = 3 * SIDE
    picture = np.clip(cv2.resize(striped(), (large, large)) + draw.normal(0, 9, (large, large, 1)), 0, 255)
    photo = np.asarray(picture, np.uint8)
    photo[hole(large) == 0] = (200, 30, 30)  # somebody without a grain
    known = hole()
    small = cv2.resize(photo, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    known = np.asarray(cv2.erode(known, np.ones((3, 3))), np.float32)
    shown = filled(small, known).over(photo, 1.0 - known)
    gone = cv2.erode((hole(large) == 0).astype(np.uint8), np.ones((15, 15))) > 0

    def grain(of: Floats | Picture) -> float:
        of = of.astype(np.float32)
        return float((of - cv2.GaussianBlur(of, (0, 0), 2.0))[gone].std())

    assert grain(shown) == pytest.approx(grain(picture), rel=0.35)


def test_no_grain_is_read_where_the_picture_shows_somebody_else_in_front() -> None:
    """What further pictures show behind the person is known, but the photo's grain there is the person's."""
    photo = np.full((3 * SIDE, 3 * SIDE, 3), 150, np.uint8)
    photo[::2, 200:] = 0  # hair
    offsets = np.full((SIDE, SIDE, 2), 40.0, np.float32)
    hair = np.zeros((SIDE, SIDE), np.float32)
    hair[:, 60:] = 1.0
    found = Completion(np.full((SIDE, SIDE, 3), 150.0, np.float32), offsets)
    assert np.abs(found.over(photo, 0 * hair) - 150.0)[:, 100:].max() > 50.0
    np.testing.assert_allclose(found.over(photo, hair), 150.0, atol=1e-2)


@pytest.mark.parametrize("size", [1, 3, 9, 20])
def test_a_hole_too_small_for_the_coarse_sizes_is_filled_all_the_same(size: int) -> None:
    """What other frames of a video show leaves corners behind the person that nobody saw."""
    picture, known = striped(256), np.ones((256, 256), np.float32)
    known[100 : 100 + size, 90 : 90 + size] = 0
    found = filled(picture, known)
    truth = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    assert np.abs(found.filled - truth).max() < 15.0
    photo = np.asarray(picture, np.uint8)
    assert np.isfinite(found.over(photo, np.zeros((SIDE, SIDE), np.float32))).all()


def test_where_too_little_is_known_nothing_is_made_up() -> None:
    known = np.zeros((SIDE, SIDE), np.float32)
    known[:10] = 1
    picture = striped()
    assert completed(picture, known, picture) is None


def test_a_backdrop_is_patterned_where_the_person_was_and_as_it_was_elsewhere() -> None:
    side = 256
    photo = np.asarray(striped(side), np.uint8)
    alpha = 1.0 - hole(side)
    backdrop, smooth = (
        backdrop_of(photo, Matte(alpha, (0, 0, side, side)), 60.0, patterned=wanted)
        for wanted in (True, False)
    )
    away = cv2.dilate(alpha, np.ones((25, 25))) == 0
    assert np.array_equal(backdrop.plate[away], photo[away])
    off, before = (np.abs(each.plate.astype(int) - photo)[alpha > 0].mean() for each in (backdrop, smooth))
    assert off < 0.4 * before
