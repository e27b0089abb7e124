"""The photo that looks most like the frame lends, comes in and goes out without a jump, and lends inside the face."""

from __future__ import annotations

import numpy as np
import pytest
from tests.model.covered import covered
from tests.model.test_export import HYBRID, checkpoint_of
from tests.synthetic_face import draw_face

from enliven.compositing.paste import Paster
from enliven.geometry import Similarity
from enliven.measure import LOOKS
from enliven.model.export import export_onnx
from enliven.model.face_lender import FaceLender
from enliven.model.hybrid_engine import HybridEngine
from enliven.model.lending import Lending, odds_of, prior
from enliven.model.light import alike_in_light, recoloured
from enliven.model.runtime import Graphs
from enliven.model.warp_engine import WarpEngine
from enliven.types import FaceCrop, Floats, FurtherPhoto, Landmarks, Picture, Rendering

MOUTH = LOOKS.index("mouth")


def mouth(openness: float) -> Floats:
    found = np.zeros(len(LOOKS) + 3, np.float32)
    found[MOUTH] = openness
    return found


def test_the_nearest_photo_lends_and_none_where_the_animated_one_is_near() -> None:
    others = [mouth(1.0), mouth(3.0)]
    assert Lending(mouth(0.0), others).step(mouth(2.8)) == (1, 1.0)
    assert Lending(mouth(0.0), others).step(mouth(0.1)) is None


def test_a_change_of_lender_never_jumps() -> None:
    lending = Lending(mouth(0.0), [mouth(1.5), mouth(3.0)])
    course = [*np.linspace(0, 3, 30), *np.linspace(3, 0, 30), *([3.0, 0.0] * 10)]
    last = lending.step(mouth(course[0]))
    used = set()
    for openness in course[1:]:
        now = lending.step(mouth(float(openness)))
        before, after = ((lent[0], lent[1]) if lent else (None, 0.0) for lent in (last, now))
        if before[0] == after[0]:
            assert abs(after[1] - before[1]) < 0.26
        else:
            assert max(before[1], after[1]) < 0.26, "one goes out before the next comes in"
        used.add(after[0])
        last = now
    assert {None, 0, 1} <= used


def test_between_two_equal_ones_there_is_no_flicker() -> None:
    lending = Lending(mouth(0.0), [mouth(2.0), mouth(2.4)])
    first = lending.step(mouth(2.1))
    random = np.random.default_rng(0)
    for _ in range(50):
        assert lending.step(mouth(2.2 + 0.05 * float(random.normal()))) == first


def test_it_lends_inside_the_face_only_and_only_what_it_shows_better() -> None:
    _, points = draw_face(128, mouth_open=0.8)
    wanted, shut, wide = mouth(2.0), mouth(0.0), mouth(2.1)
    share = np.exp(prior(points[:, :2], 128, 1.0, odds_of(wanted, shut, wide)))[1]
    share = share / (1.0 + share)
    lips = (points[[13, 14], :2].mean(axis=0) / 4).astype(int)
    cheek = (points[50, :2] / 4).astype(int)
    assert share[lips[1], lips[0]] > 0.9
    assert share[cheek[1], cheek[0]] < 0.1
    assert share[:3].max() < 1e-3
    assert share[:, :3].max() < 1e-3
    back = np.exp(prior(points[:, :2], 128, 1.0, odds_of(wanted, wide, shut)))[1]
    assert back[lips[1], lips[0]] < 0.1


def test_colours_of_a_darker_photo_are_brought_to_those_of_the_animated_one() -> None:
    picture, points = draw_face(128)
    dark = (picture * 0.75).astype(np.uint8)
    assert np.abs(recoloured(dark, points, picture, points).astype(int) - picture)[40:90, 45:85].mean() < 3.0


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> Graphs:
    folder = tmp_path_factory.mktemp("exported")
    export_onnx(checkpoint_of(HYBRID), folder)
    return Graphs(folder)


def engine_of(graphs: Graphs, faces: list[tuple[Picture, Floats]]) -> HybridEngine:
    photo, points = faces[0]
    side = photo.shape[0]
    crop = FaceCrop(Similarity(), 64)
    further = [FurtherPhoto(*face) for face in faces[1:]]
    return HybridEngine(WarpEngine(photo, Landmarks(points, (side, side))), crop, photo, graphs, further)


@pytest.mark.filterwarnings("ignore")
def test_a_photo_with_an_open_mouth_lends_its_teeth_at_the_photos_resolution(graphs: Graphs) -> None:
    shut, wide = draw_face(64), draw_face(256, mouth_open=0.9)
    engine = engine_of(graphs, [shut, wide])
    target = draw_face(64, mouth_open=0.9)[1]
    alone = engine_of(graphs, [shut]).render(target)
    rendering = engine.render(target)
    own = rendering.overlays[: len(alone.overlays)]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(own, alone.overlays, strict=True))
    lent = rendering.overlays[len(alone.overlays)]
    assert lent.to_picture.scale == 1.0, "read once, pixel by pixel of the animated photo"
    assert all(shift.is_integer() for shift in lent.to_picture.shift_px)
    x, y = np.rint(target[[13, 14], :2].mean(axis=0)).astype(int)
    share = covered(rendering.overlays[len(alone.overlays) :], (64, 64))
    assert share[y - 2 : y + 3, x - 2 : x + 3].mean() > 0.7


@pytest.mark.parametrize("lent_side", [64, 256])
def test_what_is_lent_lies_where_the_frame_wants_it(graphs: Graphs, lent_side: int) -> None:
    lender = FaceLender(*draw_face(lent_side, mouth_open=0.9), 64, draw_face(64))
    target = draw_face(64, yaw_deg=8.0, mouth_open=0.7)
    moved = lender.move(target[1])
    place = FaceCrop(Similarity(4.0, 0.0, (21.5, 11.5)), 64)  # the square lies in a photo of 300 x 280
    whole = np.ones((64, 64), np.float32)
    lent = lender.overlays(moved, moved.guess.flow, whole, place, (300, 280))
    picture = np.zeros((280, 300, 3), np.uint8)
    shown = Paster(picture).paste(Rendering(np.zeros((8, 8, 2), np.float32), place, lent))
    truth = draw_face(256, yaw_deg=8.0, mouth_open=0.7)[0]
    inside = (slice(90, 170), slice(90, 166))
    assert np.abs(shown[10:266, 20:276][inside].astype(int) - truth[inside]).mean() < 12.0
    assert shown[270:].max() == shown[:, :18].max() == 0, "nothing beside the square"
    assert covered(lent, (300, 280))[14:262, 24:272].min() > 0.99
    cut = lender.overlays(moved, moved.guess.flow, whole, place, (200, 150))[0]
    assert cut.to_picture.apply(np.array(cut.alpha.shape[::-1])).tolist() == [200.0, 150.0], (
        "what lies beside the photo is not read"
    )
    assert lender.overlays(moved, moved.guess.flow, 0 * whole, place, (300, 280)) == ()


def test_what_lies_over_a_lent_face_shows_as_far_as_it_lends(graphs: Graphs) -> None:
    lender = FaceLender(*draw_face(64, mouth_open=0.1), 64, draw_face(64))
    moved = lender.move(draw_face(64, mouth_open=0.8)[1])
    place = FaceCrop(Similarity(), 64)
    assert moved.rendering.overlays
    for share in (0.5, 1.0):
        alpha = np.full((64, 64), share, np.float32)
        overlays = lender.overlays(moved, moved.guess.flow, alpha, place, (64, 64))
        layers = overlays[-len(moved.rendering.overlays) :]
        for layer, before in zip(layers, moved.rendering.overlays, strict=True):
            assert np.allclose(layer.alpha, share * before.alpha, atol=1e-3)
            assert np.array_equal(layer.image, before.image)


def test_many_photos_cost_two(graphs: Graphs, monkeypatch: pytest.MonkeyPatch) -> None:
    faces = [draw_face(64, mouth_open=m, yaw_deg=y) for m in (0.0, 0.5, 1.0) for y in (-15.0, 0.0, 15.0)]
    engine = engine_of(graphs, faces)
    seen: list[int] = []
    plain = graphs.frame
    monkeypatch.setattr(graphs, "frame", lambda p, d, g, w=None: seen.append(len(g)) or plain(p, d, g, w))
    for m in np.linspace(0, 1, 6):
        engine.render(draw_face(64, mouth_open=float(m))[1])
    assert max(seen) == 2
    assert sum(lender._warp is not None for lender in engine._lenders) <= 3, (
        "the others were never made ready"
    )


def test_in_the_same_light_what_is_only_a_little_nearer_lends_too() -> None:
    frame, base, lender = mouth(1.0), mouth(0.8), mouth(1.0)
    alike, other = odds_of(frame, base, lender, 1.0), odds_of(frame, base, lender, 0.0)
    assert alike[0] > 0.0 > other[0]
    assert all(a > b for a, b in zip(alike, other, strict=True))


def test_light_from_the_other_side_is_told_from_a_darker_picture() -> None:
    picture, points = draw_face(128)
    across = np.linspace(0.1, 1.0, 128, dtype=np.float32)[None, :, None]
    lit_left, lit_right = ((picture * side).astype(np.uint8) for side in (across[:, ::-1], across))
    darker = recoloured((picture * 0.8).astype(np.uint8), points, picture, points)
    assert alike_in_light((picture, points), (darker, points)) == 1.0
    assert alike_in_light((lit_left, points), (lit_right, points)) < 0.5


def test_a_cheek_that_turns_away_lends_nothing() -> None:
    target = draw_face(64)[1]
    halves = {}
    for yaw_deg in (0.0, 38.0):
        lender = FaceLender(*draw_face(256, yaw_deg=yaw_deg), 64, draw_face(64))
        shown = lender.shown(lender.move(target))
        halves[yaw_deg] = sorted([float(shown[:, :8].mean()), float(shown[:, 8:].mean())])
    (less, more), (hidden, seen) = halves[0.0], halves[38.0]
    assert less > 0.9 * more, "from the front both cheeks lend"
    middles = (target[list(pair), 1::-1].mean(axis=0) / 4 for pair in ((13, 14), (159, 145)))
    teeth, eye = (tuple(middle.astype(int)) for middle in middles)
    assert min(shown[teeth], shown[eye]) > 0.9, "and so do mouth and eyes"
    assert seen > 0.8 * more
    assert hidden < 0.8 * less


def test_where_pictures_do_not_follow_each_other_the_nearest_photo_lends_at_once() -> None:
    lending = Lending(mouth(0.0), [mouth(1.0), mouth(1.2)], at_once=True)
    course = [1.0, 0.0, 1.2, 0.95, 1.3]
    assert [lending.step(mouth(openness)) for openness in course] == [
        (0, 1.0),
        None,
        (1, 1.0),
        (0, 1.0),
        (1, 1.0),
    ]
