"""The photo that looks most like the frame lends, comes in and goes out without a jump, and lends inside the face."""

from __future__ import annotations

import numpy as np
import pytest
from tests.model.test_export import HYBRID, checkpoint_of
from tests.synthetic_face import draw_face

from enliven.geometry import Similarity
from enliven.measure import LOOKS
from enliven.model.export import export_onnx
from enliven.model.face_lender import FaceLender
from enliven.model.hybrid_engine import HybridEngine
from enliven.model.lending import Lending, odds_of, prior
from enliven.model.light import alike_in_light, recoloured
from enliven.model.runtime import Graphs
from enliven.model.warp_engine import WarpEngine
from enliven.types import FaceCrop, Floats, FurtherPhoto, Landmarks, Picture

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
def test_a_photo_with_an_open_mouth_lends_its_teeth_at_its_own_resolution(graphs: Graphs) -> None:
    shut, wide = draw_face(64), draw_face(256, mouth_open=0.9)
    engine = engine_of(graphs, [shut, wide])
    target = draw_face(64, mouth_open=0.9)[1]
    alone = engine_of(graphs, [shut]).render(target)
    rendering = engine.render(target)
    assert len(rendering.overlays) == len(alone.overlays) + 1
    lent = rendering.overlays[-1]
    assert lent.to_picture.scale == pytest.approx(0.25), "four of its pixels to one of the animated photo's"
    x, y = np.rint(lent.to_picture.inverse().apply(target[[13, 14], :2].mean(axis=0))).astype(int)
    assert lent.alpha[y - 3 : y + 4, x - 3 : x + 4].mean() > 0.7


def test_what_is_lent_lies_where_the_frame_wants_it(graphs: Graphs) -> None:
    wide = draw_face(256, mouth_open=0.9)
    lender = FaceLender(*wide, 64, draw_face(64))
    target = draw_face(64, yaw_deg=8.0, mouth_open=0.7)
    moved = lender.move(target[1])
    overlay = lender.overlay(
        moved, moved.guess.flow, np.ones((64, 64), np.float32), FaceCrop(Similarity(), 64)
    )
    assert overlay is not None
    truth = draw_face(256, yaw_deg=8.0, mouth_open=0.7)[0]
    assert overlay.image.shape == truth.shape
    inside = (slice(90, 170), slice(90, 166))
    assert np.abs(overlay.image[inside].astype(int) - truth[inside]).mean() < 12.0


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
