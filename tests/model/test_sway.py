"""How hair and shoulders go with the head: told in the head's own measures, learned only from what holds."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from enliven.compositing.paste import Paster
from enliven.geometry import Similarity
from enliven.model.sway import CAUSES, CELLS, MOVES, Posture, Sway, Unhurried, calmed, everyones
from enliven.model.sway_learner import learn_sway
from enliven.model.warp_engine import WarpEngine
from enliven.topology import FACE_OVAL, mean_shape
from enliven.types import FaceCrop, Floats, Landmarks, Picture, Scene, SceneView

SIZE = 256
RADIUS_PX = 42.0
CROP = FaceCrop(Similarity(), SIZE)


@pytest.fixture(scope="module")
def photo() -> Picture:
    noise = np.random.default_rng(3).integers(40, 220, (SIZE, SIZE, 3)).astype(np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 3.0), np.uint8)


def face(shift: tuple[float, float] = (0.0, 0.0), size: float = 1.0) -> Floats:
    """(478, 3) a frontal face in the middle of the photo."""
    points = mean_shape() * (RADIUS_PX * size)
    points[:, :2] += np.array([SIZE / 2, SIZE / 2 - 10]) + np.array(shift)
    return np.asarray(points, np.float32)


def engine_of(photo: Picture, *sways: Sway) -> WarpEngine:
    return WarpEngine(photo, Landmarks(face(), (SIZE, SIZE)), sway=sways)


def leaning(cells: float) -> Sway:
    """What lies below the chin moves to the left by so many cells per step that the head moves to the right."""
    table = np.zeros((MOVES, CELLS, CELLS, 2), np.float32)
    table[3, CELLS * 6 // 10 :, :, 0] = cells
    return Sway(smoothed(table), np.full(MOVES, -9.0, np.float32), np.full(MOVES, 9.0, np.float32))


def smoothed(table: Floats) -> Floats:
    return np.stack([cv2.GaussianBlur(each, (0, 0), 2.0) for each in table])


def views_of(engine: WarpEngine, photo: Picture, moves: list[float]) -> list[SceneView]:
    paster, known = Paster(photo), np.ones((SIZE, SIZE), np.float32)
    moved = [face((x, 0.3 * x)) for x in moves]
    return [SceneView(paster.paste(engine.render(points)), known, points) for points in moved]


def test_causes_are_nothing_at_rest_and_free_of_the_picture_s_size() -> None:
    rest = Posture.of(face())
    assert np.abs(rest.causes(Posture.of(face()))).max() < 1e-4
    causes = rest.causes(Posture.of(face((10.0, -4.0), 1.1)))
    twice = Posture.of(face() * 2).causes(Posture.of(face((10.0, -4.0), 1.1) * 2))
    assert causes.shape == (CAUSES,)
    assert np.allclose(causes, twice, atol=1e-3)
    assert causes[3] > 0 > causes[4], "to the right, and up"
    assert causes[5] == pytest.approx(np.log(1.1) / 0.1, abs=1e-2)


def test_beyond_what_was_seen_a_change_counts_no_more() -> None:
    sway = Sway(np.ones((2, CELLS, CELLS, 2), np.float32), np.array([-1.0, 0.0]), np.array([2.0, 0.0]))
    still = np.zeros((CELLS, CELLS, 2), np.float32)
    for yaw, wanted in ((1.0, 1.0), (5.0, 2.0), (-3.0, -1.0)):
        causes = np.zeros(CAUSES, np.float32)
        causes[:2] = yaw, 7.0
        assert np.allclose(sway.flow(causes, still), wanted)


def test_what_would_fold_is_calmed_where_it_would_and_nowhere_else() -> None:
    flow = np.zeros((CELLS, CELLS, 2), np.float32)
    flow[..., 0] = np.linspace(
        0.0, 0.2 * CELLS, CELLS
    )  # a fifth of a cell from one to the next: nothing folds
    assert np.array_equal(calmed(flow, 0.5), flow)
    flow[20:23, 20:23, 1] += 4.0
    gentle = calmed(flow, 0.5)
    assert np.abs(np.diff(gentle[..., 1], axis=0)).max() <= 0.5 + 1e-5
    far = np.ones((CELLS, CELLS), bool)
    far[8:35, 8:35] = False
    assert np.array_equal(gentle[far], flow[far])


def test_moves_together_that_no_picture_showed_do_not_fold() -> None:
    """Learned from heads that lean as they turn; one that leans the other way is beyond all of them."""
    own = everyones()
    table = own.table[:MOVES] * 12.0
    wild = Sway(table, np.full(MOVES, -4.0, np.float32), np.full(MOVES, 4.0, np.float32))
    causes = np.array([2.0, -1.0, 2.0, -4.0, 4.0, -1.0] + [0.0] * (CAUSES - MOVES), np.float32)
    flow = calmed(wild.flow(causes, np.zeros((CELLS, CELLS, 2), np.float32)))
    stretch = 1.0 + np.diff(flow[..., 0], axis=1), 1.0 + np.diff(flow[..., 1], axis=0)
    assert min(each.min() for each in stretch) > 0.0, "no place is read twice"
    assert np.abs(flow).max() > 0.5


@pytest.mark.parametrize("times", [1, 3])
def test_nor_do_several_sways_together_or_where_all_of_them_end_at_the_face(
    photo: Picture, times: int
) -> None:
    table = everyones().table[:MOVES] * 12.0 / times
    wild = Sway(table, np.full(MOVES, -9.0, np.float32), np.full(MOVES, 9.0, np.float32))
    points = face((-25.0, 20.0), 0.9)
    engine, bare = engine_of(photo, *[wild] * times), engine_of(photo)
    added = engine.surroundings(points) - bare.surroundings(points)
    assert max(np.abs(np.diff(added, axis=axis)).max() for axis in (0, 1)) < 0.9, "far from folding"
    assert np.abs(added).max() > 0.5


def test_another_picture_of_the_person_goes_along_in_the_same_way(photo: Picture) -> None:
    """Its places are those that show the same, its moves are told from how it holds its head."""
    engine, points = engine_of(photo), face((12.0, 0.0), 1.1)
    assert engine.own_sways(points, engine.crop) == (), "nobody's own"
    engine.add_sway(leaning(0.5))
    other = WarpEngine(photo, Landmarks(points, (SIZE, SIZE)), sway=())
    (carried,) = engine.own_sways(points, other.crop)
    since = Posture.of(face()).causes(Posture.of(points))[:MOVES]
    assert np.allclose(carried.most, 9.0 - since, atol=1e-4)
    assert np.allclose(carried.least, -9.0 - since, atol=1e-4)
    scale = engine.crop.size * engine.crop.to_picture.scale / (other.crop.size * other.crop.to_picture.scale)
    middle = slice(CELLS // 2 - 6, CELLS // 2 + 6)
    assert np.allclose(carried.table[3, 50, middle, 0], 0.5 * scale, atol=0.03)
    assert np.abs(carried.table[3, :24]).max() < 0.02
    edge = np.argmax(carried.table[3, :, CELLS // 2, 0] > 0.25 * scale)
    own_edge = np.argmax(leaning(0.5).table[3, :, CELLS // 2, 0] > 0.25)
    assert abs(int(edge) - int(own_edge)) <= 4, "the same shoulders"


def test_trembling_is_calmed_and_real_moves_are_followed_at_once() -> None:
    random, calm = np.random.default_rng(2), Unhurried()
    trembling = random.normal(0.0, 0.03, (200, CAUSES)).astype(np.float32)
    calmed = np.stack([calm.step(each) for each in trembling])
    assert np.abs(np.diff(calmed[20:], axis=0)).mean() < 0.4 * np.abs(np.diff(trembling[20:], axis=0)).mean()
    far = np.full(CAUSES, 1.5, np.float32)
    assert np.array_equal(calm.step(far), far)


def test_the_outline_of_the_face_stays_where_the_mesh_has_it(photo: Picture) -> None:
    with_sway, bare = engine_of(photo, leaning(3.0)), engine_of(photo)
    moved = face((12.0, 0.0))
    change = with_sway.surroundings(moved) - bare.surroundings(moved)
    cells = with_sway.crop.to_picture.inverse().apply(moved[list(FACE_OVAL), :2]) * (
        CELLS / with_sway.crop.size
    )
    at = np.clip(np.rint(cells - 0.5), 0, CELLS - 1).astype(int)
    assert np.abs(change).max() > 1.5
    assert np.abs(change[at[:, 1], at[:, 0]]).mean() < 0.35


def test_at_rest_nothing_moves_and_the_square_s_rim_never_does(photo: Picture) -> None:
    engine = WarpEngine(photo, Landmarks(face(), (SIZE, SIZE)))
    assert engine.sway == (everyones(),)
    assert np.abs(engine.surroundings(face())).max() < 0.01
    moved = engine.surroundings(face((14.0, 6.0)))
    rim = np.concatenate([moved[0], moved[-1], moved[:, 0], moved[:, -1]])
    assert np.abs(moved).max() > 1.0
    assert np.abs(rim).max() < 1e-3


def test_what_people_s_shoulders_do_is_not_that_of_a_post(photo: Picture) -> None:
    """The packaged table says something, alike for left and right."""
    with_table, bare = WarpEngine(photo, Landmarks(face(), (SIZE, SIZE))), engine_of(photo)
    right, left = (
        with_table.surroundings(face((x, 0.0))) - bare.surroundings(face((x, 0.0))) for x in (14.0, -14.0)
    )
    assert np.abs(right).max() > 0.3
    mirrored = left[:, ::-1] * [-1.0, 1.0]
    assert np.abs(right - mirrored).mean() < 0.1 * np.abs(right).mean() + 0.02


def test_a_person_s_own_way_is_learned_and_serves_moves_that_no_picture_showed(photo: Picture) -> None:
    truth, engine = engine_of(photo, leaning(1.2)), engine_of(photo)
    scene = Scene(CROP, photo, tuple(views_of(truth, photo, [-16.0, -10.0, -5.0, 5.0, 10.0, 16.0])))
    learned = learn_sway(engine, scene)
    assert learned is not None
    assert engine.sway == (), "the engine is left as it was"
    new = face((7.5, 2.3))
    wanted = truth.surroundings(new)
    before = np.abs(engine.surroundings(new) - wanted).mean()
    engine.sway = (learned,)
    assert np.abs(engine.surroundings(new) - wanted).mean() < 0.6 * before


def test_pictures_of_other_scenes_and_single_ones_teach_nothing(photo: Picture) -> None:
    engine = engine_of(photo)
    known, random = np.ones((SIZE, SIZE), np.float32), np.random.default_rng(5)
    strange = [
        SceneView(
            np.asarray(
                cv2.GaussianBlur(random.integers(0, 255, photo.shape).astype(np.uint8), (0, 0), 3.0), np.uint8
            ),
            known,
            face((float(x), 0.0)),
        )
        for x in (-15, -8, -3, 4, 9, 15)
    ]
    found = learn_sway(engine, Scene(CROP, photo, tuple(strange)))
    assert found is None or np.abs(found.table).max() < 0.2
    assert learn_sway(engine, Scene(CROP, photo, tuple(strange[:1]))) is None


def test_what_a_picture_does_not_show_teaches_nothing(photo: Picture) -> None:
    truth, engine = engine_of(photo, leaning(1.2)), engine_of(photo)
    views = views_of(truth, photo, [-16.0, -8.0, 8.0, 16.0])
    blind = [SceneView(view.picture, np.zeros_like(view.known), view.points) for view in views]
    assert learn_sway(engine, Scene(CROP, photo, tuple(blind))) is None
