"""Renderings in the picture: what is changed, what is kept, and where."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from enliven.compositing.paste import Paster
from enliven.geometry import Similarity
from enliven.pixels import blended, places_read
from enliven.types import Backdrop, FaceCrop, Floats, Picture, Rendering, Retouch

SIDE = 96


@pytest.fixture(scope="module")
def photo() -> Picture:
    return np.random.default_rng(1).integers(40, 216, (SIDE, SIDE, 3), dtype=np.uint8)


def retouched(photo: Picture, gain_add: Floats, place: Similarity) -> Picture:
    still = np.zeros((SIDE, SIDE, 2), np.float32)
    retouch = Retouch(gain_add.astype(np.float32), place)
    return Paster(photo).paste(Rendering(still, FaceCrop(Similarity(), SIDE), retouch=retouch))


def shifted(photo: Picture, by_px: float, backdrop: Backdrop | None) -> Picture:
    """All that moves, moved to the right."""
    flow = np.zeros((SIDE, SIDE, 2), np.float32)
    flow[8:-8, 8:-8, 0] = -by_px
    return Paster(photo).paste(Rendering(flow, FaceCrop(Similarity(), SIDE), backdrop=backdrop))


def layer(side: int, gain: float, add: float) -> Floats:
    return np.dstack([np.full((side, side), gain, np.float32), np.full((side, side, 3), add, np.float32)])


def test_a_gain_of_one_and_nothing_added_changes_no_pixel(photo: Picture) -> None:
    result = retouched(photo, layer(16, 1.0, 0.0), Similarity(3.0, 0.0, (10.3, 7.8)))
    assert np.array_equal(result, photo)


def test_what_is_added_leaves_detail_finer_than_the_layers_pixels(photo: Picture) -> None:
    result = retouched(photo, layer(16, 1.0, 12.0), Similarity(4.0, 0.0, (16.0, 16.0)))
    inside = (slice(16, 76), slice(16, 76))
    assert np.array_equal(result[inside], photo[inside] + 12)


def test_a_gain_of_zero_paints_over(photo: Picture) -> None:
    result = retouched(photo, layer(16, 0.0, 99.0), Similarity(2.0, 0.0, (20.0, 30.0)))
    assert (result[30:60, 20:50] == 99).all()
    outside = np.ones((SIDE, SIDE), bool)
    outside[30:61, 20:51] = False
    assert np.array_equal(result[outside], photo[outside])


def test_a_layer_beyond_the_pictures_edge_is_cut_off(photo: Picture) -> None:
    result = retouched(photo, layer(32, 0.0, 7.0), Similarity(1.0, 0.0, (-16.0, 80.0)))
    assert (result[80:, :16] == 7).all()
    assert np.array_equal(result[:80], photo[:80])
    beyond = retouched(photo, layer(8, 0.0, 7.0), Similarity(1.0, 0.0, (500.0, 80.0)))
    assert np.array_equal(beyond, photo)


def test_sums_out_of_range_are_clipped(photo: Picture) -> None:
    assert retouched(photo, layer(SIDE, 1.0, 300.0), Similarity()).min() == 255
    assert retouched(photo, layer(SIDE, 1.0, -300.0), Similarity()).max() == 0


def test_only_the_person_moves_in_front_of_a_backdrop(photo: Picture) -> None:
    plate = np.full((60, 70, 3), 99, np.uint8)
    alpha = np.zeros((60, 70), np.uint8)
    alpha[20:40, 20:40] = 255  # in the photo: rows 30 to 49, columns 25 to 44
    result = shifted(photo, 10.0, Backdrop(plate, alpha, (5, 10)))
    np.testing.assert_array_equal(result[31:49, 36:54], photo[31:49, 26:44])
    assert (result[31:49, 26:34] == 99).all(), "where the person was"
    assert (result[15:28, 20:60] == 99).all(), "what no person covers"


@pytest.mark.parametrize(("scale", "corner"), [(1.0, (0, 0)), (2.9, (0, 0)), (2.9, (37, 21))])
def test_reading_the_person_alone_shows_what_reading_everything_shows(
    scale: float, corner: tuple[int, int]
) -> None:
    draw = np.random.default_rng(7)
    height, width, cells = 190, 230, 64
    photo, plate = draw.integers(0, 256, (2, height, width, 3), dtype=np.uint8)
    alpha = np.zeros((height, width), np.uint8)
    cv2.ellipse(alpha, (120, 90), (30, 44), 10.0, 0.0, 360.0, 255, -1)
    alpha[130:, 70:180] = 255
    alpha[40:60, 96:98] = 255  # a lock of hair
    alpha = cv2.blur(alpha, (5, 5))
    flow = cv2.GaussianBlur(draw.normal(0.0, 60.0, (cells, cells, 2)).astype(np.float32), (0, 0), 4.0)
    place = Similarity(scale, 0.0, (12.0, 3.0))
    x, y = corner
    backdrop = Backdrop(plate[y:, x:], alpha[y:, x:], corner)
    result = Paster(photo).paste(Rendering(flow, FaceCrop(place, cells), backdrop=backdrop))
    left, top, right, bottom = 12, 3, min(width, int(12 + scale * 63)), min(height, int(3 + scale * 63))
    maps = places_read(
        flow, place, Similarity(shift_px=(float(left), float(top))), (right - left, bottom - top)
    )
    moved = cv2.remap(photo, maps, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    kept = cv2.remap(
        backdrop.alpha, maps - np.float32(corner), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    before = blended(moved, plate[top:bottom, left:right], kept)
    inside = (slice(max(top, y), bottom), slice(max(left, x), right))
    shown = before[inside[0].start - top :, inside[1].start - left :]
    assert np.abs(flow).max() > 10.0
    apart = np.abs(result[inside].astype(int) - shown)
    # OpenCV reads a flow to a 32nd of its cells, counted from each window's corner.
    assert np.percentile(apart, 99.9) <= 12 * scale
    assert (apart[kept[inside[0].start - top :, inside[1].start - left :] == 0] == 0).all()


def test_a_part_without_backdrop_moves_as_a_whole(photo: Picture) -> None:
    plate, alpha = np.full((20, 20, 3), 99, np.uint8), np.zeros((20, 20), np.uint8)
    result = shifted(photo, 10.0, Backdrop(plate, alpha, (60, 60)))
    alone = shifted(photo, 10.0, None)
    assert (result[60:80, 60:80] == 99).all()
    np.testing.assert_array_equal(result[:60], alone[:60])


@pytest.mark.parametrize("scale", [1.0, 2.5])
def test_what_lies_hidden_between_two_moved_parts_is_not_seen(scale: float) -> None:
    """The left half stays, the right one comes from 30 pixels further right: over a black strip between them."""
    photo = np.full((SIDE, SIDE, 3), 200, np.uint8)
    photo[:, 50:74] = 0
    cells = int(SIDE / scale)
    flow = np.zeros((cells, cells, 2), np.float32)
    place = Similarity(scale, 0.0, (0.5 * scale - 0.5, 0.5 * scale - 0.5))
    seam = int(48 / scale)
    flow[4:-4, seam:, 0] = 30.0
    result = Paster(photo).paste(Rendering(flow, FaceCrop(place, cells)))
    rows = slice(int(8 * scale), int((cells - 8) * scale))
    assert result[rows, :60].min() >= 190
    assert result[: int(2 * scale), 50:74].max() == 0  # what does not move is as it was


def test_flows_that_jump_everywhere_are_pasted_too() -> None:
    """A large photo of a turned head has more torn pixels than OpenCV takes in a row (32,767)."""
    side = 240
    photo = np.random.default_rng(3).integers(40, 216, (side, side, 3), dtype=np.uint8)
    flow = np.zeros((side, side, 2), np.float32)
    flow[::2, :, 1] = 20.0
    result = Paster(photo).paste(Rendering(flow, FaceCrop(Similarity(), side)))
    assert np.array_equal(result[0:200:2], photo[20:220:2])
    assert np.array_equal(result[1:200:2], photo[1:200:2])


def test_a_smooth_stretch_is_read_as_it_was(photo: Picture) -> None:
    """A flow without a jump is left to the cubic reading, which keeps the photo's sharpness."""
    flow = np.zeros((SIDE, SIDE, 2), np.float32)
    flow[..., 0] = np.linspace(0, 40, SIDE, dtype=np.float32)[None]
    x = (np.arange(SIDE, dtype=np.float32) + flow[0, :, 0])[None].repeat(SIDE, axis=0)
    y = np.arange(SIDE, dtype=np.float32)[:, None].repeat(SIDE, axis=1)
    wanted = cv2.remap(photo, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    result = Paster(photo).paste(Rendering(flow, FaceCrop(Similarity(), SIDE)))
    assert np.array_equal(result[:, 1:], wanted[:, 1:])
