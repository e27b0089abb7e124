"""The driver's motion on another person: what must hold whoever they are."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.motion.people import SIZE_WH, Look, looking, mirrored, person, tracked

from enliven.errors import UsageError
from enliven.geometry import Similarity
from enliven.measure import eye_openness, head_pose, mouth_openness, mouth_width
from enliven.motion.driver import OPEN_LEAST, gaze
from enliven.motion.gaps import lip_gaps, set_lips
from enliven.motion.regions import REGIONS, TransferSettings, region_weights
from enliven.motion.stream import transfer_stream
from enliven.motion.transfer import MotionTransfer
from enliven.topology import (
    INNER_LOWER_LIP,
    INNER_UPPER_LIP,
    LEFT_IRIS,
    OUTER_LIPS,
    RIGHT_IRIS,
    mean_shape,
    smile,
)
from enliven.types import Floats, Landmarks

NEUTRAL = Look()
looks = st.builds(
    Look,
    mouth=st.floats(0.0, 0.45),
    eyes=st.floats(0.0, 1.1),
    gaze=st.floats(-0.05, 0.05),
    brows=st.floats(-0.03, 0.08),
    yaw_deg=st.floats(-25, 25),
    roll_deg=st.floats(-12, 12),
    x=st.floats(246, 266),
    y=st.floats(250, 262),
)
seeds = st.integers(0, 10_000)


def moved(
    source: Landmarks, driver: list[Landmarks], settings_: TransferSettings | None = None
) -> list[Floats]:
    """The source's points for each moment of the driver."""
    faces = [tracked(landmarks, number) for number, landmarks in enumerate(driver)]
    transfer = MotionTransfer(source, settings_)
    return [motion.points for motion in transfer_stream(faces, transfer, Fraction(10))]


@given(seed=seeds, look=looks)
@settings(max_examples=30, deadline=None)
def test_a_source_driven_by_its_own_still_is_unchanged(seed: int, look: Look) -> None:
    own = looking(person(seed), look)
    points = moved(own, [own, own])[-1]
    open_eyes = look.eyes > 0.6 and min(eye_openness(own.points)) > OPEN_LEAST
    if open_eyes and (look.mouth < 0.001 or look.mouth > 0.05):
        assert np.abs(points[:, :2] - own.xy).max() < 0.3
    else:  # eyes or lips that are nearly shut are shut altogether
        assert np.abs(points[:, :2] - own.xy).max() < 3.0


@given(seed=seeds, look=looks, scale=st.floats(0.4, 2.5), dx=st.floats(-80, 80), dy=st.floats(-80, 80))
@settings(max_examples=30, deadline=None)
def test_scaling_and_recropping_the_driver_changes_nothing(
    seed: int, look: Look, scale: float, dx: float, dy: float
) -> None:
    source, driver = looking(person(seed), NEUTRAL), person(seed + 1)
    clip = [looking(driver, NEUTRAL), looking(driver, look)]
    place = Similarity(scale, 0.0, (dx, dy))
    other = [landmarks.moved(place, (900, 700)) for landmarks in clip]
    for a, b in zip(moved(source, clip), moved(source, other), strict=True):
        assert np.abs(a - b).max() < 0.05


@given(seed=seeds, look=looks)
@settings(max_examples=30, deadline=None)
def test_a_mirrored_driver_gives_mirrored_motion(seed: int, look: Look) -> None:
    source, driver = looking(person(seed), NEUTRAL), person(seed + 1)
    clip = [looking(driver, NEUTRAL), looking(driver, look)]
    plain = moved(source, clip)[-1]
    in_mirror = moved(mirrored(source), [mirrored(landmarks) for landmarks in clip])[-1]
    back = mirrored(Landmarks(in_mirror, SIZE_WH)).points
    # Triangulated means differ a little from side to side, since no landmark set is quite symmetric.
    assert np.abs(back[:, :2] - plain[:, :2]).max() < 1.0


@given(seed=seeds, look=looks)
@settings(max_examples=20, deadline=None)
def test_strength_zero_stands_still(seed: int, look: Look) -> None:
    source, driver = looking(person(seed), NEUTRAL), person(seed + 1)
    still = TransferSettings(strength=dict.fromkeys(REGIONS, 0.0))
    points = moved(source, [looking(driver, NEUTRAL), looking(driver, look)], still)[-1]
    assert np.abs(points - source.points).max() < 0.05


@given(seed=seeds, open_mouth=st.floats(0.05, 0.45), look=looks)
@settings(max_examples=30, deadline=None)
def test_lips_closed_in_the_driver_close_also_an_open_mouth_in_the_photo(
    seed: int, open_mouth: float, look: Look
) -> None:
    source = looking(person(seed), Look(mouth=open_mouth))
    driver = person(seed + 1)
    shut = Look(**{**look.__dict__, "mouth": 0.0})
    points = moved(source, [looking(driver, NEUTRAL), looking(driver, shut)])[-1]
    at_256 = 256 / np.linalg.norm(source.xy[10] - source.xy[152])
    assert lip_gaps(points).max() * at_256 < 0.5


LOWER_LIP_COLUMNS = ((14, 15, 16, 17), (87, 86, 85, 84), (317, 316, 315, 314), (402, 403, 404, 405))
"""Points of the lower lip from its inner edge to its outer one."""


@pytest.mark.parametrize("gap", [0.0, 0.3, 0.5])
def test_a_lip_moves_as_a_whole_and_never_folds(gap: float) -> None:
    """Rings between a lip's edges once lagged behind them: a closing mouth showed its seam all over the lip."""
    points = (mean_shape() * 80.0 + [256, 256, 0]).astype(np.float32)
    jaw = points[:, 1] > points[list(INNER_LOWER_LIP), 1].min() - 1e-3
    if gap == 0.0:
        points[jaw, 1] += 0.4 * 80.0  # the photo's mouth stands wide open, the driver shuts it
    thickness = {column: np.diff(points[list(column), 1]) for column in LOWER_LIP_COLUMNS}
    result = set_lips(points, np.full(len(INNER_LOWER_LIP), gap * 80.0, np.float32))
    for column, before in thickness.items():
        np.testing.assert_allclose(np.diff(result[list(column), 1]), before, atol=0.2 * before.sum())


def with_one_corner_raised(landmarks: Landmarks, by: float) -> Landmarks:
    """A one-sided smile; ``by`` in mean-face units."""
    points = landmarks.points.copy()
    corner = points[OUTER_LIPS[0], :2]
    near = np.exp(-0.5 * (np.linalg.norm(points[:, :2] - corner, axis=1) / (0.15 * NEUTRAL.scale)) ** 2)
    points[:, 1] -= (near * by * NEUTRAL.scale).astype(np.float32)
    return Landmarks(points, landmarks.image_size_wh)


@given(seed=seeds, by=st.floats(0.2, 0.35))
@settings(max_examples=20, deadline=None)
def test_a_grimace_is_no_reference(seed: int, by: float) -> None:
    source, driver = looking(person(seed), NEUTRAL), person(seed + 1)
    grimace = with_one_corner_raised(looking(driver, NEUTRAL), by)
    straight = looking(driver, Look(brows=0.03, yaw_deg=4.0))
    points = moved(source, [grimace, straight])[-1]
    lips = points[list(OUTER_LIPS), :2] - points[[OUTER_LIPS[0], OUTER_LIPS[10]], :2].mean(axis=0)
    assert (
        abs(lips[0, 1] - lips[10, 1]) < 0.05 * NEUTRAL.scale
    )  # read against the grimace: three times as much


def smiling(landmarks: Landmarks, by: float) -> Landmarks:
    """With a mouth wider by a share of the distance of the eyes' outer corners; the face looks ahead."""
    points = landmarks.points.copy()
    points[:, :2] += smile() * np.float32(by * NEUTRAL.scale)
    return Landmarks(points, landmarks.image_size_wh)


@given(seed=seeds, by=st.floats(0.16, 0.22))
@settings(max_examples=20, deadline=None)
def test_who_smiles_all_the_time_makes_the_photo_smile(seed: int, by: float) -> None:
    source, driver = looking(person(seed), NEUTRAL), looking(person(seed), Look(mouth=0.1))
    points = moved(source, [smiling(driver, by)] * 2)[-1]
    assert 0.06 < mouth_width(points) - mouth_width(source.points) < by
    corners = [OUTER_LIPS[0], OUTER_LIPS[10]]
    assert (points[corners, 1] < source.points[corners, 1] - 1.0).all()


@given(seed=seeds, by=st.floats(0.0, 0.2))
@settings(max_examples=20, deadline=None)
def test_a_photos_own_smile_stays_when_the_driver_has_none(seed: int, by: float) -> None:
    source, driver = smiling(looking(person(seed), NEUTRAL), by), looking(person(seed), NEUTRAL)
    points = moved(source, [driver] * 2)[-1]
    assert abs(mouth_width(points) - mouth_width(source.points)) < 0.01


@given(seed=seeds, aside=st.floats(-0.08, 0.08))
@settings(max_examples=20, deadline=None)
def test_a_reference_that_glances_aside_does_not_turn_all_later_looks(seed: int, aside: float) -> None:
    source, driver = looking(person(seed), NEUTRAL), person(seed + 1)
    clip = [looking(driver, Look(gaze=aside)), looking(driver, NEUTRAL)]
    transfer = MotionTransfer(source)
    transfer.choose_among([tracked(clip[0], 0)])
    at_camera = transfer.update(tracked(clip[1], 1)).points
    along = (gaze(at_camera) - gaze(source.points))[:, 0]
    # What may be noise of two people's eyes is left alone; of a glance of a quarter of an eye most is made up for.
    assert np.abs(along).max() < 0.07


@given(seed=seeds, noise_seed=seeds, yaw_deg=st.floats(-35, 35))
@settings(max_examples=30, deadline=None)
def test_shut_lips_of_a_turned_face_open_without_kinks(seed: int, noise_seed: int, yaw_deg: float) -> None:
    """Points of shut lips lie beside each other by chance; lips once opened that way, criss-cross."""
    points = looking(person(seed), Look(yaw_deg=yaw_deg)).points.copy()
    upper, lower = list(INNER_UPPER_LIP), list(INNER_LOWER_LIP)
    noise = np.random.default_rng(noise_seed).normal(0.0, 0.4, (2, len(upper), 2))
    points[upper, :2] += noise[0].astype(np.float32)
    points[lower, :2] += noise[1].astype(np.float32)
    gaps = 20.0 * np.sin(np.linspace(0.1, np.pi - 0.1, len(upper))).astype(np.float32)
    result = set_lips(points, gaps)
    for lip in (upper, lower):
        assert np.abs(result[lip, 0] - points[lip, 0]).max() < 3.0


@given(seed=seeds, narrow=st.floats(0.5, 1.0), shut_photo=st.booleans())
@settings(max_examples=30, deadline=None)
def test_eyes_that_close_close_fully_and_open_again(seed: int, narrow: float, shut_photo: bool) -> None:
    source = looking(person(seed), Look(eyes=0.1 if shut_photo else 1.0))
    driver = person(seed + 1)
    clip = [looking(driver, Look(eyes=narrow * e)) for e in (1.0, 1.0, 0.5, 0.1, 0.5, 1.0)]
    shut, opened = moved(source, clip)[3], moved(source, clip)[-1]
    assert (
        max(eye_openness(shut)) <= max(0.02, max(eye_openness(source.points)) if shut_photo else 0.0) + 1e-3
    )
    assert min(eye_openness(opened)) > 0.15


def test_an_opening_mouth_opens_by_the_drivers_measure() -> None:
    source, driver = looking(person(1), NEUTRAL), person(2)
    clip = [looking(driver, Look(mouth=m)) for m in (0.0, 0.15, 0.3, 0.45)]
    opened = [mouth_openness(points) for points in moved(source, clip)]
    wanted = [mouth_openness(landmarks.points) for landmarks in clip]
    assert np.abs(np.array(opened) - wanted).max() < 0.06
    assert opened == sorted(opened)


def test_the_head_turns_like_the_drivers() -> None:
    source, driver = looking(person(3), NEUTRAL), person(4)
    clip = [looking(driver, Look(yaw_deg=yaw, roll_deg=yaw / 3)) for yaw in (0, -20, 10, 25)]
    for points, driven in zip(moved(source, clip), clip, strict=True):
        pose, wanted = head_pose(Landmarks(points, SIZE_WH)), head_pose(driven)
        assert pose.yaw_deg == pytest.approx(wanted.yaw_deg, abs=2.5)
        assert pose.roll_deg == pytest.approx(wanted.roll_deg, abs=1.5)


def test_irises_follow_the_gaze_and_stay_round() -> None:
    source, driver = looking(person(5), NEUTRAL), person(6)
    points = moved(source, [looking(driver, NEUTRAL), looking(driver, Look(gaze=0.05))])[-1]
    for iris in (RIGHT_IRIS, LEFT_IRIS):
        shift = points[list(iris), :2] - source.xy[list(iris)]
        assert shift[:, 0].min() > 2.0
        assert np.ptp(shift, axis=0).max() < 0.2, "all five points of the iris move alike"


@pytest.mark.parametrize("region", REGIONS)
def test_each_region_moves_only_its_own_points(region: str) -> None:
    source, driver = looking(person(7), NEUTRAL), person(8)
    everything = Look(mouth=0.3, eyes=0.75, gaze=0.05, brows=0.06, yaw_deg=12)
    only = TransferSettings(strength={region: 1.0})
    points = moved(source, [looking(driver, NEUTRAL), looking(driver, everything)], only)[-1]
    distance = np.linalg.norm(points[:, :2] - source.xy, axis=1)
    if region == "pose":
        assert (distance > 0.5).mean() > 0.8
        return
    assert distance.max() > 1.0
    allowed = region_weights()[region] > 0
    if region == "gaze":
        assert distance[:468].max() < 0.05
    elif region in {"mouth", "brows"}:
        assert distance[~allowed].max() < 0.05


def test_a_lost_driver_holds_and_says_so() -> None:
    source, driver = looking(person(9), NEUTRAL), person(10)
    faces = [
        tracked(None, 0, found=False),
        tracked(looking(driver, NEUTRAL), 1),
        tracked(looking(driver, Look(mouth=0.3)), 2),
        tracked(looking(driver, Look(mouth=0.3)), 3, found=False),
    ]
    motions = list(transfer_stream(faces, MotionTransfer(source), Fraction(10)))
    assert [motion.held for motion in motions] == [True, False, False, True]
    np.testing.assert_array_equal(motions[0].points, source.points)
    np.testing.assert_array_equal(motions[3].points, motions[2].points)


def test_a_driver_found_again_is_met_without_a_jump() -> None:
    source, driver = looking(person(9), NEUTRAL), person(10)
    turned = Look(mouth=0.3, yaw_deg=20)
    faces = [tracked(looking(driver, NEUTRAL), n) for n in range(5)]
    faces += [tracked(None, 5, found=False)]
    faces += [tracked(looking(driver, turned), 6 + n) for n in range(12)]
    points = [m.points for m in transfer_stream(faces, MotionTransfer(source), Fraction(10))]
    steps = [np.abs(b[:, :2] - a[:, :2]).mean() for a, b in itertools.pairwise(points)]
    whole = np.abs(points[-1][:, :2] - points[4][:, :2]).mean()
    assert max(steps) < 0.3 * whole
    np.testing.assert_array_equal(points[-1], points[-2])


def test_the_reference_is_found_wherever_it_lies() -> None:
    source, driver = looking(person(11), NEUTRAL), person(12)
    talking = [Look(mouth=0.4, yaw_deg=18), Look(mouth=0.3, yaw_deg=10), NEUTRAL, Look(mouth=0.2)]
    points = moved(source, [looking(driver, look) for look in talking])
    assert np.abs(points[2][:, :2] - source.xy).max() < 1.5


def test_a_better_reference_comes_in_without_a_jump() -> None:
    source, driver = looking(person(13), NEUTRAL), person(14)
    clip = [looking(driver, Look(mouth=0.25, yaw_deg=15))] * 30 + [looking(driver, NEUTRAL)] * 60
    faces = [tracked(landmarks, number) for number, landmarks in enumerate(clip)]
    motions = [m.points for m in transfer_stream(faces, MotionTransfer(source), Fraction(1, 5))]
    steps = [np.abs(b[:, :2] - a[:, :2]).mean() for a, b in itertools.pairwise(motions)]
    jump_of_the_driver = steps.index(max(steps))
    others = steps[:jump_of_the_driver] + steps[jump_of_the_driver + 1 :]
    assert max(others) < 1.5
    assert np.abs(motions[-1][:, :2] - source.xy).max() < 1.5


def test_a_scene_cut_begins_anew() -> None:
    source = looking(person(15), NEUTRAL)
    first, second = person(16), person(17)
    faces = [tracked(looking(first, NEUTRAL), n) for n in range(5)]
    faces += [tracked(looking(second, Look(scale=40, x=100)), 5 + n, cut=n == 0) for n in range(5)]
    motions = list(transfer_stream(faces, MotionTransfer(source), Fraction(10)))
    for motion in motions:
        assert np.abs(motion.points[:, :2] - source.xy).max() < 1.5


def test_absolute_motion_takes_the_points_as_they_are() -> None:
    source, driver = looking(person(18), NEUTRAL), person(19)
    driven = looking(driver, Look(mouth=0.2, yaw_deg=10, x=240))
    points = moved(source, [driven], TransferSettings(mode="absolute"))[0]
    np.testing.assert_allclose(points, driven.points, atol=1e-3)


def test_absolute_motion_from_another_picture_size_is_laid_on_the_face() -> None:
    source, driver = looking(person(20), NEUTRAL), person(21)
    driven = looking(driver, NEUTRAL).moved(Similarity(2.0, 0.0, (30.0, -50.0)), (1300, 900))
    points = moved(source, [driven], TransferSettings(mode="absolute"))[0]
    assert np.abs(points[:, :2].mean(axis=0) - source.xy.mean(axis=0)).max() < 12


@pytest.mark.parametrize("yaw_deg", [-75.0, -60.0, 60.0, 75.0])
def test_profile_poses_stay_finite_and_in_place(yaw_deg: float) -> None:
    source, driver = looking(person(22), NEUTRAL), person(23)
    points = moved(source, [looking(driver, NEUTRAL), looking(driver, Look(yaw_deg=yaw_deg))])[-1]
    assert np.isfinite(points).all()
    assert np.abs(points[:, :2] - source.xy).max() < 200


def test_a_driver_who_walks_away_does_not_pull_the_head_off_its_neck() -> None:
    source, driver = looking(person(24), NEUTRAL), person(25)
    points = moved(source, [looking(driver, NEUTRAL), looking(driver, Look(x=900.0))])[-1]
    face = np.linalg.norm(source.xy[10] - source.xy[152])
    assert np.abs(points[:, :2].mean(axis=0) - source.xy.mean(axis=0)).max() < 0.3 * face


def test_settings_are_checked() -> None:
    with pytest.raises(UsageError, match="relative"):
        TransferSettings(mode="sideways")
    with pytest.raises(UsageError, match="between 0 and 2"):
        TransferSettings(strength={"mouth": 3.0})
    with pytest.raises(UsageError, match="mouth"):
        TransferSettings(strength={"ears": 1.0})
