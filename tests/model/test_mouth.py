"""The inside of mouths: places that every mouth has alike, teeth in smiles, dark in wide ones, in the photo's tones."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from tests.synthetic_face import face_shape

from enliven.model.mouth import MouthLayer, tones_of
from enliven.model.mouth_inside import Shown, Tones, painted, place_facts, shown_in
from enliven.model.mouth_wide import deepened, wideness
from enliven.model.opening import Grid, Opening
from enliven.topology import INNER_LIPS, OUTER_LIPS
from enliven.types import Floats

SIZE, FACE_PX = 512, 260.0
SKIN, LIPS = np.array([205.0, 160.0, 140.0]), np.array([175.0, 100.0, 98.0])
TONES = Tones(LIPS, SKIN)


def face(mouth_open: float = 0.0) -> Floats:
    """(478, 3) in the middle of a picture of side ``SIZE``."""
    shape = face_shape(mouth_open=mouth_open).astype(np.float64)
    shape *= FACE_PX / np.linalg.norm(shape[10] - shape[152])
    shape[:, :2] += SIZE / 2
    return np.asarray(shape, np.float32)


def opening(gap: float, width: float = 0.3, roll_deg: float = 0.0) -> Opening:
    """Lips ``gap`` face heights apart in their middle, their inner corners ``width`` face heights apart."""
    points = face().astype(np.float64)
    middle = points[[INNER_LIPS[0], INNER_LIPS[10]], :2].mean(axis=0)
    across = np.linspace(-1.0, 1.0, 11)
    for lips, lip in ((INNER_LIPS, 0.0), (OUTER_LIPS, 0.05)):
        for side, row in ((-1, lips[:11]), (1, (lips[0], *lips[:9:-1]))):
            points[list(row), 0] = middle[0] + across * (width / 2 + lip / 2) * FACE_PX
            points[list(row), 1] = middle[1] + side * (gap / 2 + lip) * FACE_PX * (1.0 - across**2)
    angle = np.radians(roll_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points[:, :2] = (points[:, :2] - SIZE / 2) @ turn.T + SIZE / 2
    return Opening(np.asarray(points, np.float32))


def middle_of(mouth: Opening, tones: Tones = TONES) -> Grid:
    """(R, 3) colours from the upper lip down, in the middle third of the mouth."""
    at = mouth.places(20, 30)[0]
    return np.asarray(painted(mouth, tones, at)[:, 10:20].mean(axis=1))


def test_places_run_from_lip_to_lip_and_corner_to_corner() -> None:
    mouth = opening(0.1, 0.3)
    at, facts, below, above = mouth.places(40, 60)
    assert facts.shape == (40, 60, 5)
    across = (at[:, -1] - at[:, 0]) @ [1.0, 0.0]
    assert np.allclose(across, 0.3 * FACE_PX * 59 / 60, rtol=0.01)
    assert np.allclose((below + above)[:, 30], 0.1, atol=0.005)
    assert below[0].max() < above[0].max()


@pytest.mark.parametrize("roll_deg", [-70.0, 25.0, 160.0])
def test_a_rolled_head_has_the_same_mouth(roll_deg: float) -> None:
    upright, rolled = opening(0.06), opening(0.06, roll_deg=roll_deg)
    assert np.allclose(upright.shape_facts, rolled.shape_facts, atol=1e-3)
    for mine, other in zip(upright.places(8, 8)[1:], rolled.places(8, 8)[1:], strict=True):
        assert np.allclose(mine, other, atol=2e-3)
    assert np.allclose(middle_of(upright), middle_of(rolled), atol=2.0)


def test_pixels_find_their_place_in_the_grid() -> None:
    mouth = opening(0.08, roll_deg=15.0)
    at, _, below, _ = mouth.places(6, 10)
    shares, along, under = mouth.shares(at)
    assert np.allclose(shares[..., 0], (np.arange(10) + 0.5) / 10, atol=1e-3)
    assert np.allclose(shares[..., 1], ((np.arange(6) + 0.5) / 6)[:, None], atol=1e-3)
    assert np.allclose(under, below * mouth.face_px, atol=1e-2)
    assert np.allclose(along, shares[..., 0] * mouth.width_px, atol=1e-2)


def test_a_smile_shows_teeth_and_pursed_lips_do_not() -> None:
    smiling, pursed = opening(0.05, 0.36), opening(0.05, 0.17)
    assert shown_in(smiling, TONES).upper > 0.02
    assert shown_in(pursed, TONES).upper < 0.005
    assert middle_of(smiling).mean() > 1.15 * middle_of(pursed).mean()


def test_a_wide_mouth_is_dark_and_red_below_its_teeth() -> None:
    colours = middle_of(opening(0.2))
    assert colours.mean(axis=1).argmax() < 7, "the brightest is above: teeth"
    throat = colours[12:]
    assert throat.mean() < 0.6 * SKIN.mean()
    assert (throat[:, 0] > 1.2 * throat[:, 2]).all()


def test_a_wide_mouth_has_a_tongue_on_its_floor_and_dark_above_it() -> None:
    colours = middle_of(opening(0.12))
    tongue, throat = colours[15:18], colours[9:13].min(axis=0)
    assert tongue.mean() > 1.5 * throat.mean()
    assert tongue.mean() < LIPS.mean()
    hue, lips = tongue.mean(axis=0) / tongue.mean(), LIPS / LIPS.mean()
    assert np.allclose(hue, lips, atol=0.15), "a tongue has the colour of lips"


def test_the_tongue_lies_in_the_middle() -> None:
    mouth = opening(0.12)
    row = painted(mouth, TONES, mouth.places(20, 30)[0])[15].mean(axis=1)
    assert row[12:18].min() > 1.3 * max(row[:3].max(), row[-3:].max())


def test_a_mouth_that_talks_is_as_it_was_learned() -> None:
    talking = opening(0.04)
    assert wideness(talking) == 0.0
    learned_alone = np.full((20, 28, 3), 0.5)
    assert np.array_equal(deepened(learned_alone, talking, LIPS, 150.0, np.zeros((20, 28))), learned_alone)
    assert not np.allclose(
        deepened(learned_alone, opening(0.12), LIPS, 150.0, np.zeros((20, 28))), learned_alone
    )


def test_a_grey_photo_gets_a_grey_mouth() -> None:
    grey = Tones(np.full(3, 105.0), np.full(3, 165.0))
    for gap in (0.03, 0.06, 0.12):
        colours = middle_of(opening(gap), grey)
        assert np.ptp(colours, axis=1).max() < 30.0


def test_more_light_makes_it_lighter_in_the_same_measure() -> None:
    dim = Tones(LIPS * 0.5, SKIN * 0.5)
    share = middle_of(opening(0.05), dim).mean() / middle_of(opening(0.05)).mean()
    assert 0.4 < share < 0.65


def test_what_is_shown_decides_where_teeth_end() -> None:
    mouth = opening(0.1)
    short, long = (place_facts(mouth, TONES, Shown(upper, 0.0, 0.4)) for upper in (0.02, 0.07))
    assert np.count_nonzero(short[..., 5] > 0.0) > np.count_nonzero(long[..., 5] > 0.0)


def test_it_opens_without_a_jump() -> None:
    gaps = np.linspace(0.02, 0.2, 40)
    levels = [middle_of(opening(float(gap))).mean() for gap in gaps]
    assert np.abs(np.diff(levels)).max() < 6.0


def test_a_closed_photo_opens_its_mouth_within_the_lips() -> None:
    photo = np.full((SIZE, SIZE, 3), SKIN, np.uint8)
    closed = face()
    ring = closed[list(INNER_LIPS), :2].astype(np.int32)
    cv2.polylines(photo, [ring], True, LIPS.tolist(), 9)
    layer = MouthLayer(photo, closed)
    assert layer.overlay(closed, 1.0) is None
    open_lips = face(mouth_open=1.0)
    shown = layer.overlay(open_lips, 1.0)
    assert shown is not None
    at = shown.to_picture.apply(np.argwhere(shown.alpha > 0.5)[:, ::-1].astype(np.float64))
    inside = cv2.pointPolygonTest
    lips = open_lips[list(INNER_LIPS), :2]
    assert min(inside(lips, (float(x), float(y)), True) for x, y in at) > -4.0


def test_tones_are_of_lips_and_skin() -> None:
    photo = np.full((SIZE, SIZE, 3), SKIN, np.uint8)
    tones = tones_of(photo, face())
    assert np.allclose(tones.skin, SKIN)
    assert np.allclose(tones.lips, SKIN)


def test_a_photos_own_teeth_hang_from_the_upper_lip_however_the_head_rolls() -> None:
    """A white row below the upper lip stays as long when the mouth opens farther, upright or rolled."""
    lengths = []
    for roll_deg in (0.0, 30.0):
        own, wide = (opening(gap, roll_deg=roll_deg) for gap in (0.06, 0.1))
        photo = np.full((SIZE, SIZE, 3), 60, np.uint8)
        rows = np.stack(np.meshgrid(np.arange(SIZE), np.arange(SIZE)), axis=-1).astype(np.float64)
        shares, _, below = own.shares(rows)
        inside = (shares > 0.0).all(axis=-1) & (shares < 1.0).all(axis=-1)
        photo[inside & (below < 8.0)] = 255
        shown = MouthLayer(photo, own.points).overlay(wide.points, 1.0)
        assert shown is not None
        teeth = np.argwhere(shown.image.min(axis=-1) > 200)[:, ::-1] + shown.to_picture.shift_px
        lengths.append(float(np.percentile(wide.shares(teeth.astype(np.float64))[2], 95)))
    assert lengths[0] == pytest.approx(8.0, abs=1.5)
    assert lengths[1] == pytest.approx(lengths[0], abs=1.0)


def test_a_dark_gap_is_not_hung_below_the_lip_of_a_mouth_that_opens_far() -> None:
    """A photo with lips a little apart and nothing between them tells nothing of a wide mouth; with teeth it does."""
    own, near, far = opening(0.035), opening(0.045), opening(0.12)
    rows = np.stack(np.meshgrid(np.arange(SIZE), np.arange(SIZE)), axis=-1).astype(np.float64)
    inside = own.shares(rows)[0]
    between = (inside > 0.0).all(axis=-1) & (inside < 1.0).all(axis=-1)
    levels = {}
    for kind, colour in (("dark", (60, 20, 20)), ("teeth", (235, 225, 215))):
        photo = np.full((SIZE, SIZE, 3), SKIN, np.uint8)
        photo[between] = colour
        layer = MouthLayer(photo, own.points)
        for name, mouth in (("near", near), ("far", far)):
            shown = layer.overlay(mouth.points, 1.0)
            assert shown is not None
            at = mouth.places(20, 30)[0][3, 10:20] - shown.to_picture.shift_px
            x, y = np.round(at).astype(int).T
            levels[kind, name] = float(shown.image[y, x].mean())
    assert levels["dark", "near"] < 80.0
    assert levels["dark", "far"] > 100.0, "teeth as others have them"
    assert levels["teeth", "near"] > 180.0
    assert levels["teeth", "far"] > 150.0, "its own teeth stay"
