"""What more than one room does to pictures."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from enliven.geometry import Similarity
from enliven.pixels import before, blended, common, places_read, strips
from enliven.types import Backdrop


@pytest.fixture
def draw() -> np.random.Generator:
    return np.random.default_rng(0)


def test_where_nothing_flows_each_pixel_reads_the_place_it_stands_for() -> None:
    place = Similarity(0.5, 0.0, (3.0, -2.0))
    maps = places_read(np.zeros((8, 8, 2), np.float32), Similarity(4.0), place, (6, 5))
    assert maps.shape == (5, 6, 2)
    for (x, y), read in (((0, 0), (3.0, -2.0)), ((5, 4), (5.5, 0.0))):
        np.testing.assert_allclose(maps[y, x], read, atol=1e-5)


def test_the_flow_is_read_where_the_pixel_lies_in_its_grid() -> None:
    flow = np.zeros((10, 10, 2), np.float32)
    flow[..., 0] = np.arange(10)  # grows by one a cell, which is two pixels of the picture
    maps = places_read(flow, Similarity(2.0), Similarity(shift_px=(4.0, 6.0)), (5, 5))
    np.testing.assert_allclose(maps[0, :, 0], [4 + 2.0, 5 + 2.5, 6 + 3.0, 7 + 3.5, 8 + 4.0], atol=0.05)
    np.testing.assert_allclose(maps[:, 0, 1], [6, 7, 8, 9, 10], atol=1e-5)


def test_blending_in_bytes_is_right_to_a_level_and_exact_at_both_ends(draw: np.random.Generator) -> None:
    above, below = draw.integers(0, 256, (2, 40, 50, 3), dtype=np.uint8)
    alpha = draw.integers(0, 256, (40, 50), dtype=np.uint8)
    alpha[:10], alpha[10:20] = 0, 255
    share = alpha[..., None] / 255.0
    mixed = blended(above, below, alpha)
    assert np.abs(mixed - (above * share + below * (1 - share))).max() <= 1.0
    np.testing.assert_array_equal(mixed[:10], below[:10])
    np.testing.assert_array_equal(mixed[10:20], above[10:20])


def test_blending_changes_neither_of_both(draw: np.random.Generator) -> None:
    above, below = draw.integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    kept = above.copy(), below.copy()
    blended(above, below, cv2.blur(above[..., 0], (3, 3)))
    np.testing.assert_array_equal(above, kept[0])
    np.testing.assert_array_equal(below, kept[1])


@pytest.mark.parametrize("scale", [0.7, 1.0, 6.3])
def test_strips_hold_all_pixels_beside_marked_cells_and_leave_out_what_is_far(scale: float) -> None:
    cells = np.zeros((60, 80), np.uint8)
    cv2.circle(cells, (30, 25), 12, 1, -1)
    cells[37:, 10:60] = 1
    place, box = Similarity(scale, 0.0, (-3.4, 7.7)), (5, 2, int(70 * scale), int(55 * scale))
    windows = strips(cells > 0, place, box)
    y, x = np.mgrid[box[1] : box[3], box[0] : box[2]]
    at = place.inverse().apply(np.stack([x, y], axis=-1).reshape(-1, 2)).astype(np.float32)
    maps = at.reshape(*x.shape, 2)
    touched = cv2.remap(cells.astype(np.float32), maps, None, cv2.INTER_LINEAR) > 1e-3
    held = np.zeros(touched.shape, int)
    for x0, y0, x1, y1 in windows:
        assert box[0] <= x0 < x1 <= box[2]
        assert box[1] <= y0 < y1 <= box[3]
        held[y0 - box[1] : y1 - box[1], x0 - box[0] : x1 - box[0]] += 1
    assert touched.any()
    assert (held[touched] == 1).all()
    assert held.max() == 1, "nothing is read twice"
    assert held.mean() < 0.8


def test_where_nothing_is_marked_inside_the_box_nothing_is_read() -> None:
    cells = np.zeros((20, 20), np.bool_)
    assert strips(cells, Similarity(2.0), (0, 0, 40, 40)) == []
    cells[:, 15:] = True
    assert strips(cells, Similarity(2.0), (0, 0, 20, 40)) == []


def test_what_two_windows_share() -> None:
    assert common((0, 0, 10, 8), (3, -2, 20, 5)) == (3, 0, 10, 5)
    assert common((3, 2, 5, 4), (0, 0, 10, 8)) == (3, 2, 5, 4)
    assert common((0, 0, 10, 8), (10, 0, 12, 8)) is None, "they only touch"


def test_before_a_backdrop_only_the_person_is_seen(draw: np.random.Generator) -> None:
    moved, plate = draw.integers(0, 256, (2, 6, 8, 3), dtype=np.uint8)
    alpha = np.zeros((20, 20), np.uint8)
    alpha[:, 5:] = 255  # from column 8 of the picture on, of which the backdrop begins at 3
    backdrop = Backdrop(np.zeros((20, 20, 3), np.uint8), alpha, (3, 1))
    maps = np.stack(np.meshgrid(np.arange(4.0, 12.0), np.arange(2.0, 8.0)), axis=-1).astype(np.float32)
    shown = before(moved, maps, backdrop, plate)
    assert np.array_equal(shown[:, :4], plate[:, :4])
    assert np.array_equal(shown[:, 4:], moved[:, 4:])
    assert maps[0, 0].tolist() == [4.0, 2.0], "the places stay as they are"
    assert backdrop.box_xyxy == (3, 1, 23, 21)
    assert backdrop.plate_in((4, 2, 9, 8)).shape == (6, 5, 3)
