"""The engine that needs no training, on a textured picture with a face whose landmarks are known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from enliven.compositing.paste import Paster
from enliven.geometry import Similarity
from enliven.measure import mouth_openness
from enliven.model.head_flow import silhouettes
from enliven.model.mesh_flow import Labels, MeshFlow, closed_mesh, doubled_areas
from enliven.model.strokes import outlined
from enliven.model.warp_engine import WarpEngine
from enliven.topology import (
    CONTOURS,
    FACE_OVAL,
    INNER_LIPS,
    INNER_LOWER_LIP,
    INNER_UPPER_LIP,
    LEFT_LOWER_LID,
    LEFT_UPPER_LID,
    OUTER_LIPS,
    RIGHT_LOWER_LID,
    RIGHT_UPPER_LID,
    mean_shape,
)
from enliven.types import FaceCrop, Floats, Landmarks, Matte, Picture, Rendering

SIZE = 600
FACE_RADIUS_PX = 50.0


@pytest.fixture(scope="module")
def photo() -> Picture:
    noise = np.random.default_rng(1).integers(60, 200, (SIZE, SIZE, 3)).astype(np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 2.5), np.uint8)


@pytest.fixture(scope="module")
def points() -> Floats:
    placed = mean_shape() * FACE_RADIUS_PX + [SIZE / 2, SIZE / 2, 0]
    return shut_mouth(placed.astype(np.float32))


@pytest.fixture(scope="module")
def engine(photo: Picture, points: Floats) -> WarpEngine:
    return WarpEngine(photo, Landmarks(points, (SIZE, SIZE)))


def shut_mouth(points: Floats) -> Floats:
    shut = points.copy()
    upper, lower = list(INNER_UPPER_LIP), list(INNER_LOWER_LIP)
    shut[upper] = shut[lower] = (points[upper] + points[lower]) / 2
    return shut


def opened_mouth(points: Floats, gap_px: float) -> Floats:
    opened = points.copy()
    upper, lower = INNER_UPPER_LIP + OUTER_LIPS[1:10], INNER_LOWER_LIP + OUTER_LIPS[11:]
    opened[list(upper), 1] -= 0.5 * gap_px
    opened[list(lower), 1] += 0.5 * gap_px
    return opened


def turned(points: Floats, yaw_deg: float) -> Floats:
    c, s = np.cos(np.radians(yaw_deg)), np.sin(np.radians(yaw_deg))
    centre = np.array([SIZE / 2, SIZE / 2, 0])
    rotation = np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])
    return ((points - centre) @ rotation.T + centre).astype(np.float32)


def flow_at(engine: WarpEngine, points: Floats) -> Floats:
    rendering = engine.render(points)
    on_grid = rendering.crop.to_picture.inverse().apply(points[:, :2]).astype(np.float32)
    return cv2.remap(rendering.flow, on_grid[:, 0], on_grid[:, 1], cv2.INTER_LINEAR).reshape(-1, 2)


def test_a_face_that_does_not_move_leaves_the_photo_as_it_is(
    photo: Picture, points: Floats, engine: WarpEngine
) -> None:
    result = Paster(photo).paste(engine.render(points))
    np.testing.assert_array_equal(result, photo)


def test_every_landmark_takes_its_own_pixels_along(points: Floats, engine: WarpEngine) -> None:
    rng = np.random.default_rng(2)
    wave = np.sin(points[:, :2] / 25.0 + rng.uniform(0, 6, 2)) * 3.0
    moved = points.copy()
    moved[:, :2] += wave.astype(np.float32) + np.array([4.0, -2.0])
    inside = [i for i in CONTOURS if i < 468 and i not in FACE_OVAL]
    error = np.linalg.norm(flow_at(engine, moved)[inside] - (points - moved)[inside, :2], axis=1)
    assert error.mean() < 0.25
    assert error.max() < 1.5


def test_the_outline_of_the_face_follows_too(points: Floats, engine: WarpEngine) -> None:
    moved = points + np.array([6.0, 3.0, 0.0], np.float32)
    error = flow_at(engine, moved)[list(FACE_OVAL)] - [-6.0, -3.0]
    assert np.abs(error).max() < 0.7


def test_the_corners_of_the_photo_never_move(photo: Picture, points: Floats, engine: WarpEngine) -> None:
    result = Paster(photo).paste(engine.render(points + np.array([12.0, -8.0, 0.0], np.float32)))
    for rows in (slice(0, 8), slice(-8, None)):
        for columns in (slice(0, 8), slice(-8, None)):
            np.testing.assert_array_equal(result[rows, columns], photo[rows, columns])


def test_the_photo_itself_is_never_written_to(photo: Picture, points: Floats, engine: WarpEngine) -> None:
    before = photo.copy()
    Paster(photo).paste(engine.render(opened_mouth(points, 12.0)))
    np.testing.assert_array_equal(photo, before)


def test_the_mesh_runs_one_way_round_and_has_no_holes(points: Floats) -> None:
    faces = closed_mesh()
    open_face = opened_mouth(points, 3.0)
    assert (doubled_areas(open_face[:, :2], faces) < 0).mean() > 0.98
    labels = MeshFlow(open_face).label(open_face, SIZE)
    inside = np.zeros((SIZE, SIZE), np.uint8)
    cv2.fillPoly(inside, [np.round(open_face[list(FACE_OVAL), :2]).astype(np.int32)], 1)
    assert (labels[cv2.erode(inside, np.ones((5, 5))) > 0] >= 0).all()


def test_a_coarser_grid_reads_the_triangles_that_it_would_find_itself(points: Floats) -> None:
    fine = Labels(MeshFlow(points).label(points, SIZE), FaceCrop(Similarity(), SIZE))
    to_own = Similarity(0.8, 0.0, (-4.0, 7.0))
    crop = FaceCrop(Similarity(1.6, 0.0, (3.0, 1.0)), SIZE // 2)
    read = fine.read_by(to_own, crop)
    on_grid = points.copy()
    on_grid[:, :2] = (crop.to_picture.inverse() @ to_own).apply(points[:, :2])
    own = MeshFlow(on_grid).label(on_grid, crop.size)
    assert read.crop is crop
    assert (own >= 0).sum() > 1000
    assert ((read.numbers >= 0) != (own >= 0)).sum() < 0.08 * (own >= 0).sum()
    corners = on_grid[closed_mesh(), :2].astype(np.float32)
    rows, columns = np.nonzero(read.numbers >= 0)
    beside = [
        cv2.pointPolygonTest(corners[read.numbers[y, x]], (float(x), float(y)), True)
        for y, x in zip(rows[::7], columns[::7], strict=True)
    ]
    assert min(beside) > -1.5, "every cell lies in its triangle or next to it"


def test_known_triangles_make_the_same_picture(photo: Picture, points: Floats, engine: WarpEngine) -> None:
    opened = opened_mouth(points, 9.0)
    known = engine.render(opened, engine.label(opened))
    np.testing.assert_array_equal(Paster(photo).paste(known), Paster(photo).paste(engine.render(opened)))


def test_lips_that_open_show_a_dark_inside_and_closed_lips_none(
    photo: Picture, points: Floats, engine: WarpEngine
) -> None:
    assert mouth_openness(points) < 0.01
    assert engine.render(points).overlays == ()
    opened = opened_mouth(points, 16.0)
    result = Paster(photo).paste(engine.render(opened)).astype(float)
    x, y = opened[list(INNER_LIPS), :2].mean(axis=0).round().astype(int)
    lips = photo[int(points[0, 1]) - 2 : int(points[0, 1]) + 3, x - 4 : x + 5].mean()
    assert result[y + 2 : y + 5, x - 3 : x + 4].mean() < 0.75 * lips


def test_shut_lids_cover_the_eyeballs_and_leave_a_dark_line(
    photo: Picture, points: Floats, engine: WarpEngine
) -> None:
    shut = points.copy()
    for upper, lower in ((RIGHT_UPPER_LID, RIGHT_LOWER_LID), (LEFT_UPPER_LID, LEFT_LOWER_LID)):
        shut[list(upper)] = shut[list(lower)]
    overlays = engine.render(shut).overlays
    assert len(overlays) == 2
    for overlay in overlays:
        assert (overlay.alpha > 0.05).mean() < 0.6, "a line, not an eye"
        assert overlay.image[overlay.alpha > 0.3].mean() < 0.75 * photo.mean()


def test_half_shut_lids_slide_over_a_round_iris(points: Floats, engine: WarpEngine) -> None:
    half = points.copy()
    for upper, lower in ((RIGHT_UPPER_LID, RIGHT_LOWER_LID), (LEFT_UPPER_LID, LEFT_LOWER_LID)):
        half[list(upper)] = 0.5 * half[list(upper)] + 0.5 * half[list(lower)]
    assert len(engine.render(half).overlays) == 2


@pytest.mark.parametrize("yaw_deg", [-35.0, -15.0, 15.0, 35.0])
def test_a_turned_head_gives_finite_flow_and_one_outline(
    points: Floats, engine: WarpEngine, yaw_deg: float
) -> None:
    target = turned(points, yaw_deg)
    rendering = engine.render(target)
    assert np.isfinite(rendering.flow).all()
    assert np.abs(rendering.flow).max() < 2 * FACE_RADIUS_PX
    for face, outline in zip((points, target), silhouettes(points[:, :2], target[:, :2]), strict=True):
        assert np.abs(from_outline(face, outline)).max() < 0.5, "every outline point lies on the hull"


@pytest.mark.parametrize(("photo_deg", "frame_deg"), [(55.0, 35.0), (-60.0, -40.0), (50.0, 60.0)])
def test_beside_a_profile_nothing_of_the_face_is_seen_again(
    photo: Picture, points: Floats, photo_deg: float, frame_deg: float
) -> None:
    """Points of the far cheek once led the photo's outline into the place beside the frame's: two profiles."""
    source, target = turned(points, photo_deg), turned(points, frame_deg)
    rendering = WarpEngine(photo, Landmarks(source, (SIZE, SIZE))).render(target)
    y, x = np.mgrid[0:SIZE:4, 0:SIZE:4]
    places = np.column_stack([x.ravel(), y.ravel()]).astype(np.float32)
    away = from_outline(target, places)
    beside = places[(away < -2.0) & (away > -15.0)]
    assert from_outline(source, beside + read_at(rendering, beside)).max() < 2.0


@pytest.mark.parametrize("way_px", [(0.0, -60.0), (45.0, -45.0), (0.0, 50.0)])
def test_a_head_that_goes_far_shows_nothing_twice(
    photo: Picture, points: Floats, engine: WarpEngine, way_px: tuple[float, float]
) -> None:
    """Where the head came from, the neck is drawn out; it once showed the lips again."""
    matte = Matte(np.ones((64, 64), np.float32), (0, 0, SIZE, SIZE))
    for each in (engine, WarpEngine(photo, Landmarks(points, (SIZE, SIZE)), matte=matte)):
        target = points + np.array([*way_px, 0.0], np.float32)
        rendering = each.render(target)
        way = -np.array(way_px) / np.linalg.norm(way_px)
        along = target[:468, :2].mean(axis=0) + way * np.arange(0.0, 250.0)[:, None]
        read = along + read_at(rendering, along.astype(np.float32))
        assert np.diff(read @ way).min() > -0.05


def from_outline(face: Floats, places: Floats) -> Floats:
    """(N,) how far places (N, 2) lie inside of a face's convex outline; negative outside."""
    hull = cv2.convexHull(np.ascontiguousarray(face[:468, :2]))
    return np.array([cv2.pointPolygonTest(hull, (float(x), float(y)), True) for x, y in places], np.float32)


def read_at(rendering: Rendering, places: Floats) -> Floats:
    """(N, 2) flow in photo pixels at places (N, 2) of the photo."""
    cells = rendering.crop.to_picture.inverse().apply(places).astype(np.float32)
    found = cv2.remap(rendering.flow, cells[:, 0], cells[:, 1], cv2.INTER_LINEAR)
    return np.asarray(found.reshape(-1, 2), np.float32)


def test_a_photo_from_the_side_lends_its_seen_half(photo: Picture, points: Floats) -> None:
    aside = turned(points, 38.0)
    engine = WarpEngine(photo, Landmarks(aside, (SIZE, SIZE)))
    assert not any(overlay.alpha.max() > 0.5 for overlay in engine.render(aside).overlays)
    assert any(overlay.alpha.max() > 0.5 for overlay in engine.render(points).overlays)


def lit(points: Floats, *, far: int, near: int) -> Picture:
    """A smooth face whose far half, seen from a turned head's nose, has another light than the near one."""
    columns, nose = points[list(FACE_OVAL), 0], points[4, 0]
    far_is_left = nose - columns.min() < columns.max() - nose
    ramp = np.clip((np.arange(SIZE) - nose) / 24.0 + 0.5, 0.0, 1.0)
    light = far + (near - far) * (ramp if far_is_left else 1.0 - ramp)
    skin = np.array([1.0, 0.8, 0.7])
    return np.asarray(np.tile(light[None, :, None] * skin, (SIZE, 1, 1)), np.uint8)


def far_cheek(points: Floats, picture: Picture, source: Floats) -> float:
    """Mean grey of a picture at the cheek that ``source`` turns away."""
    columns, nose = source[list(FACE_OVAL), 0], source[4, 0]
    cheek = [50, 101, 118] if nose - columns.min() < columns.max() - nose else [280, 330, 347]
    places = np.rint(points[cheek, :2]).astype(int)
    return float(picture[places[:, 1], places[:, 0]].mean())


@pytest.mark.parametrize(("far", "near"), [(110, 170), (220, 110)])
def test_a_far_cheek_keeps_its_own_light(points: Floats, far: int, near: int) -> None:
    """A shaded near cheek was once laid, grey, over the lit far side of a painting."""
    aside = turned(points, 30.0)
    photo = lit(aside, far=far, near=near)
    engine = WarpEngine(photo, Landmarks(aside, (SIZE, SIZE)))
    result = Paster(photo).paste(engine.render(points))
    own = far_cheek(aside, photo, aside)
    assert far_cheek(points, result, aside) == pytest.approx(own, rel=0.12)


def test_a_shadow_beside_the_near_ear_does_not_fall_on_the_far_cheek(points: Floats) -> None:
    """A far cheek is narrow, but its light is seen; told from the middle of the face alone, it had a dark band."""
    aside = turned(points, 30.0)
    columns, nose = aside[list(FACE_OVAL), 0], float(aside[4, 0])
    near_is_right = nose - columns.min() < columns.max() - nose
    edge = columns.max() if near_is_right else columns.min()
    towards_ear = (np.arange(SIZE) - nose) / (edge - nose)
    light = 200.0 - 120.0 * np.clip((towards_ear - 0.55) / 0.2, 0.0, 1.0)
    photo = np.tile(light[None, :, None] * np.array([1.0, 0.8, 0.7]), (SIZE, 1, 1)).astype(np.uint8)
    matte = Matte(np.ones((64, 64), np.float32), (0, 0, SIZE, SIZE))
    result = Paster(photo).paste(
        WarpEngine(photo, Landmarks(aside, (SIZE, SIZE)), matte=matte).render(points)
    )
    cheek = points[[116, 123, 147] if near_is_right else [345, 352, 376], :2].round().astype(int)
    assert result[cheek[:, 1], cheek[:, 0], 0].mean() > 165


def test_hair_behind_a_far_cheek_is_covered_by_a_loan(points: Floats) -> None:
    aside = turned(points, 34.0)
    photo = lit(aside, far=150, near=170)
    columns, nose = aside[list(FACE_OVAL), 0], aside[4, 0]
    if nose - columns.min() < columns.max() - nose:
        photo[:, : round(columns.min() + 5)] = (60, 40, 30)
    else:
        photo[:, round(columns.max() - 5) :] = (60, 40, 30)
    engine = WarpEngine(photo, Landmarks(aside, (SIZE, SIZE)))
    result = Paster(photo).paste(engine.render(points))
    inner = cv2.erode(outlined(points[:, :2], FACE_OVAL, SIZE), np.ones((9, 9))) > 0.5
    assert (result[inner].mean(axis=1) < 80).mean() < 0.01


def test_what_landmarks_place_beside_a_turned_face_is_lent(photo: Picture, points: Floats) -> None:
    """Landmarks of a hidden cheek lie beyond the person's outline, and once brought the background into the face."""
    aside = turned(points, 38.0)
    columns, nose = aside[list(FACE_OVAL), 0], aside[4, 0]
    far_is_left = nose - columns.min() < columns.max() - nose
    border = columns.min() + 12 if far_is_left else columns.max() - 12
    person = (np.arange(SIZE) > border) == far_is_left
    wall = np.array([0, 255, 0], np.uint8)
    walled = np.where(person[None, :, None], photo, wall).astype(np.uint8)
    matte = Matte(np.tile(person.astype(np.float32), (SIZE, 1)), (0, 0, SIZE, SIZE))
    landmarks = Landmarks(aside, (SIZE, SIZE))
    lent = [
        overlay
        for overlay in WarpEngine(walled, landmarks, matte=matte).render(aside).overlays
        if overlay.alpha.max() > 0.5
    ]
    assert lent
    for overlay in lent:
        shown = overlay.image[overlay.alpha > 0.5]
        assert (shown[:, 1].astype(int) - shown[:, 0] < 150).mean() > 0.95


def test_the_rims_of_slivers_are_read_from_their_own_triangles(points: Floats) -> None:
    """Between pressed lips triangles are slivers; pixels on their rims were once read from all over the face."""
    opened = opened_mouth(points, 12.0)
    mesh = MeshFlow(opened)
    farthest = 0.0
    for gap in np.linspace(-0.6, 0.6, 13):
        target = opened_mouth(points, float(gap))
        flow = mesh.flow_of(target, mesh.label(target, SIZE))
        mouth = flow[np.abs(flow).max(axis=2) > 0]
        farthest = max(farthest, float(np.abs(mouth).max()))
    assert farthest < 12.0


def test_the_seam_of_pressed_lips_is_a_line_and_no_staircase(points: Floats) -> None:
    """A slanting seam crosses the grid's cells: its edge is to be found between them, not on them."""
    slope = np.float32(0.13)
    source, target = opened_mouth(points, 8.0), points.copy()
    for moved in (source, target):
        moved[:, 1] += slope * (moved[:, 0] - SIZE / 2)
    mesh = MeshFlow(source)
    flow = mesh.flow_of(target, mesh.label(target, SIZE))[..., 1]
    columns = np.arange(SIZE // 2 - 12, SIZE // 2 + 13)
    seam = np.interp(columns, *target[[78, 308], :2].T)
    edges = []
    for column, height in zip(columns, seam, strict=True):
        rows = np.arange(int(height) - 4, int(height) + 6)
        values = flow[rows, column]  # the upper lip reads above its place, the lower lip below
        last = int(np.nonzero(values < -1e-3)[0].max())
        edges.append(rows[last] + values[last] / (values[last] - values[last + 1]))
    smooth = np.polyval(np.polyfit(columns, edges, 3), columns)
    assert np.abs(np.array(edges) - smooth).std() < 0.1
