"""A frame of the animated picture's own scene lends all of the person, before the animated picture's background."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from tests.model.covered import covered
from tests.model.test_export import HYBRID, checkpoint_of
from tests.synthetic_face import draw_face

from enliven.geometry import Similarity
from enliven.model.correction import fade, sides_within
from enliven.model.export import export_onnx
from enliven.model.hybrid_engine import HybridEngine
from enliven.model.lending import Around, prior
from enliven.model.nearest import looks_and_place
from enliven.model.revealed import Revealed, background_of, stands_still
from enliven.model.runtime import Graphs
from enliven.model.stand_in import StandIn, standing
from enliven.model.sway import CELLS, MOVES, Sway
from enliven.model.warp_engine import WarpEngine
from enliven.topology import FACE_OVAL
from enliven.types import FaceCrop, Floats, FurtherPhoto, Landmarks, Matte, Picture, Scene, SceneView

SIDE = 64
CROP = FaceCrop(Similarity(), SIDE)
KNOWN = np.ones((SIDE, SIDE), np.float32)
SMALL = 9.0
"""Radius of the drawn faces: hair and shoulders around them find room."""


@pytest.fixture(scope="module")
def room() -> Picture:
    noise = np.random.default_rng(5).normal(0.0, 1.0, (SIDE, SIDE, 3))
    smooth = cv2.GaussianBlur(noise, (0, 0), 4.0)
    return np.asarray(np.clip(130.0 + 40.0 * smooth / smooth.std(), 0, 255), np.uint8)


def taken(room: Picture, yaw_deg: float, x: float = 31.5) -> tuple[Picture, Floats, Floats]:
    """Picture, landmarks and outline of somebody with a mane, and a face in it."""
    mane = np.array(room)
    cv2.circle(mane, (round(x), 28), 19, (90, 60, 160 if yaw_deg else 20), -1)
    picture, points = draw_face(SIDE, (x, 30.0), SMALL, yaw_deg=yaw_deg, onto=mane)
    return picture, points, np.asarray(np.abs(picture.astype(int) - room).max(axis=2) > 8, np.float32)


def view(room: Picture, yaw_deg: float, x: float = 31.5, known: Floats = KNOWN) -> SceneView:
    picture, points, outline = taken(room, yaw_deg, x)
    return SceneView(picture, known, points, outline)


def scene(room: Picture, *views: SceneView) -> Scene:
    picture, _, outline = taken(room, 0.0)
    return Scene(CROP, picture, views, outline)


def test_only_the_same_camera_room_and_light_give_a_stand_in(room: Picture) -> None:
    same, dark = view(room, 15.0), view((room * 0.7).astype(np.uint8), 15.0)
    moved = view(np.roll(room, 17, axis=1), 15.0)
    whole = scene(room, same, dark, moved)
    assert [stands_still(whole, each) for each in whole.views] == [True, False, False]
    assert standing(whole, SceneView(same.picture, KNOWN, same.points), SIDE) is None, "no outline"
    found = standing(whole, same, 2 * SIDE)
    assert found is not None
    assert found.known.shape == (2 * SIDE, 2 * SIDE)
    assert found.matte.box_xyxy == (0, 0, 2 * SIDE, 2 * SIDE)


def test_all_that_is_known_of_a_scene_is_the_photos_background_and_what_was_behind_the_person(
    room: Picture,
) -> None:
    picture, _, outline = taken(room, 0.0)
    alone = background_of(picture, outline, CROP, None)
    away = cv2.dilate(outline, np.ones((7, 7))) == 0.0  # the drawing is soft at its edge
    assert alone.known[away].min() == 1.0
    assert np.abs(alone.picture.astype(int) - room)[away].max() <= 4
    assert alone.known[outline > 0.5].max() == 0.0
    behind = Revealed(room, (outline > 0.5).astype(np.float32), CROP)
    both = background_of(picture, outline, CROP, behind)
    assert both.known[outline > 0.5].mean() > 0.9
    hidden = cv2.erode(outline, np.ones((7, 7))) > 0.5
    assert np.array_equal(both.picture[hidden], room[hidden])


def test_the_person_is_set_into_the_animated_pictures_scene_and_what_was_cut_off_is_not_shown(
    room: Picture,
) -> None:
    other_room = np.asarray(room[::-1], np.uint8)
    known = KNOWN.copy()
    known[:, 48:] = 0.0
    seen = view(other_room, 15.0, known=known)
    found = standing(scene(other_room, seen), seen, SIDE)
    assert found is not None
    background = Revealed(room, KNOWN, CROP)
    lender = StandIn(seen.picture, seen.points, SIDE, found, background, unhurried=False)
    assert found.matte.alpha[28, 31] == 1.0
    assert np.array_equal(lender.picture[26:30, 29:34], seen.picture[26:30, 29:34])
    assert np.array_equal(lender.picture[:40, :6], room[:40, :6])
    shown = lender.shown(lender.move(seen.points))
    assert shown[:, :11].min() > 0.9
    assert shown[:, 13:].max() < 0.1


def test_where_a_picture_was_cut_off_it_shows_whom_its_border_shows(room: Picture) -> None:
    """Outlines count what was not looked at as person; a stand-in's border was drawn out, be it wall or shoulder."""
    known, outline = KNOWN.copy(), view(room, 15.0).person
    assert outline is not None
    known[:6], known[:, 56:] = 0.0, 0.0
    seen = view(room, 15.0, known=known)
    seen = SceneView(seen.picture, known, seen.points, np.where(known > 0, outline, np.float32(1.0)))
    found = standing(scene(room, seen), seen, SIDE)
    assert found is not None
    assert found.matte.alpha[:, 56:].max() == 0.0
    assert np.array_equal(found.matte.alpha[6:, :56], outline[6:, :56])
    low = KNOWN.copy()
    low[40:] = 0.0
    cut = SceneView(seen.picture, low, seen.points, np.where(low > 0, outline, np.float32(1.0)))
    lower = standing(scene(room, cut), cut, SIDE)
    assert lower is not None
    assert np.array_equal(lower.matte.alpha[40:], np.repeat(outline[39:40], SIDE - 40, axis=0))


def test_a_stand_in_goes_along_as_the_person_does(room: Picture) -> None:
    seen, (picture, points, _) = view(room, 15.0), taken(room, 0.0)
    found = standing(scene(room, seen), seen, SIDE)
    assert found is not None
    warp = WarpEngine(picture, Landmarks(points, (SIDE, SIDE)))
    turn = np.zeros((MOVES, CELLS, CELLS, 2), np.float32)
    turn[0, :, :, 1] = 2.0
    bound = np.full(MOVES, 9.0, np.float32)
    flows = []
    for own in (None, Sway(turn, -bound, bound)):
        warp.add_sway(own)
        lender = StandIn(seen.picture, seen.points, SIDE, found, None, (warp, CROP), unhurried=False)
        assert np.abs(lender.move(seen.points).rendering.flow).max() < 0.5, "its own pose is its own picture"
        flows.append(lender.move(points).rendering.flow)
    assert np.abs(flows[1] - flows[0]).max() > 0.5


def place(yaw: float) -> Floats:
    found = np.zeros(11, np.float32)
    found[0] = yaw
    return found


def test_surroundings_change_over_frames_and_not_to_and_fro() -> None:
    around = Around(place(0.0))
    assert around.step(0, place(2.0), place(1.8)) == 1.0, "the lender itself comes in by its own share"
    shares = [around.step(0, place(2.0), place(0.1)) for _ in range(5)]
    assert np.allclose(shares, [0.75, 0.5, 0.25, 0.0, 0.0])
    assert around.step(0, place(2.0), place(1.02)) == 0.0, "hardly nearer"
    shares = [around.step(0, place(2.0), place(1.2)) for _ in range(4)]
    assert np.allclose(shares, [0.25, 0.5, 0.75, 1.0])
    assert around.step(0, place(2.0), place(0.98)) == 1.0, "hardly farther"
    assert Around(place(0.0), at_once=True).step(3, place(2.0), place(0.1)) == 0.0


def test_of_two_heads_one_is_shown() -> None:
    _, points = draw_face(256)
    even = (0.0, 0.0, 0.0)
    for around, expected in ((1.0, (0.95, 1.0)), (0.0, (0.0, 1e-3))):
        share = np.exp(prior(points[:, :2], 256, 1.0, even, around))[1]
        share /= 1.0 + share
        assert expected[0] <= share[0, 0] <= expected[1]
        cheek = share[tuple((points[50, 1::-1] / 4).astype(int))]
        assert cheek > 0.9 if around else cheek == pytest.approx(0.5, abs=0.1)


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> Graphs:
    folder = tmp_path_factory.mktemp("exported")
    export_onnx(checkpoint_of(HYBRID), folder)
    return Graphs(folder)


@pytest.mark.filterwarnings("ignore")
def test_a_stand_in_shows_its_hair_and_the_animated_pictures_background_stays(
    room: Picture, graphs: Graphs
) -> None:
    picture, points, outline = taken(room, 0.0)
    turned = view(room, 18.0, 36.0)
    found = standing(scene(room, turned), turned, SIDE)
    assert found is not None
    warp = WarpEngine(picture, Landmarks(points, (SIDE, SIDE)), matte=Matte(outline, (0, 0, SIDE, SIDE)))
    background = background_of(picture, outline, CROP, None)
    further = [
        FurtherPhoto(turned.picture, turned.points, found),
        FurtherPhoto(*taken(room, -18.0)[:2]),
    ]
    engine = HybridEngine(warp, CROP, picture, graphs, further, background=background, at_once=True)
    own = warp.render(turned.points).overlays
    lent = engine.render(turned.points).overlays[len(own) :]
    assert engine.lends
    shown = covered(lent, (SIDE, SIDE))
    face = cv2.fillPoly(
        np.zeros((SIDE, SIDE), np.uint8), [np.rint(turned.points[list(FACE_OVAL), :2]).astype(int)], 1
    )
    hair = (turned.person > 0.5) & (cv2.dilate(face, np.ones((7, 7))) == 0)  # type: ignore[operator]
    assert shown[hair].mean() > 0.8
    assert shown[:36, :8].max() < 0.1, "nobody is there in either"
    at = looks_and_place(points, SIDE)
    assert np.allclose(engine._looks_of(engine._lenders[1])[-3:], at[-3:]), (
        "a face alone has no place of its own"
    )


def test_what_is_lent_ends_softly_where_the_photo_goes_on_beyond_the_square() -> None:
    crop = FaceCrop(Similarity(1.0, 0.0, (0.0, 10.0)), SIDE)
    sides = sides_within(crop, (SIDE + 20, SIDE + 10))
    assert sides == (False, True, True, False)
    share = fade(SIDE, sides)
    assert share[20, 0] == share[-1, 20] == 1.0
    assert share[0, 20] == share[20, -1] == 0.0
    assert np.array_equal(fade(SIDE), np.minimum(share, fade(SIDE, (True, False, False, True))))
