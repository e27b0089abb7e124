"""Each figure of merit by what it must do, not by numbers once recorded."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from scipy.linalg import sqrtm
from skimage.metrics import structural_similarity

from enliven.databank.synthetic import SyntheticSettings, draw_shot
from enliven.evaluation import metrics
from enliven.evaluation.estimate import estimate
from enliven.evaluation.observer import Observer
from enliven.face.identity import cosine, distance
from enliven.geometry import RigidPose
from enliven.topology import OUTER_LIPS, mean_shape
from enliven.types import Floats, Picture

SIDE = 256
SHOT = draw_shot(SyntheticSettings(identities=2, shots=1, frames=6), 0, 0)


def picture(seed: int, size: int = 48) -> Picture:
    noise = np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 3), np.uint8)


def shifted(image: Picture, dx: float, dy: float) -> Picture:
    matrix = np.array([[1.0, 0.0, dx], [0.0, 1.0, dy]])
    size_wh = (image.shape[1], image.shape[0])
    return np.asarray(cv2.warpAffine(image, matrix, size_wh, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def face(yaw_deg: float = 0.0) -> Floats:
    """(478, 3) the mean face in a crop of 256 pixels, turned."""
    c, s = math.cos(math.radians(yaw_deg)), math.sin(math.radians(yaw_deg))
    rotation = np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])
    return RigidPose(50.0, rotation, np.array([128.0, 128.0, 0.0])).apply(mean_shape()).astype(np.float32)


def test_equal_pictures_are_perfect() -> None:
    a = picture(0)
    assert metrics.l1(a, a) == 0.0
    assert metrics.psnr(a, a) == 100.0
    assert metrics.ssim(a, a) == pytest.approx(1.0)


def test_l1_and_psnr_follow_their_definitions() -> None:
    dark, light = np.full((8, 8, 3), 40, np.uint8), np.full((8, 8, 3), 91, np.uint8)
    assert metrics.l1(dark, light) == metrics.l1(light, dark) == pytest.approx(0.2)
    assert metrics.psnr(dark, light) == pytest.approx(20 * math.log10(5))


def test_the_more_noise_the_worse_every_picture_figure() -> None:
    true, random = picture(1), np.random.default_rng(2)
    noise = random.normal(size=true.shape)
    noisy = [np.clip(true + amount * noise, 0, 255).astype(np.uint8) for amount in (2, 8, 32)]
    for measure, sign in ((metrics.l1, 1), (metrics.psnr, -1), (metrics.ssim, -1)):
        values = [sign * measure(made, true) for made in noisy]
        assert values == sorted(values)
        assert values[0] < values[2]


def test_ssim_is_that_of_wang_and_others() -> None:
    """Their window has 11 pixels; skimage's Gaussian is cut at 3.5 sigma, which is the same 11."""
    a, b = picture(3), picture(4)
    grey = [structural_similarity(
        a[..., c], b[..., c], data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    ) for c in range(3)]  # fmt: skip
    assert metrics.ssim(a, b) == pytest.approx(float(np.mean(grey)))


def test_landmarks_three_pixels_off_are_three_pixels_off_in_every_region() -> None:
    wanted = face()
    found = wanted + np.array([0.0, 3.0, 50.0], np.float32)  # depth does not count
    assert metrics.landmark_distances(found, wanted, SIDE) == pytest.approx(
        dict.fromkeys(metrics.REGIONS, 3.0)
    )
    half = metrics.landmark_distances(found / 2, wanted / 2, SIDE // 2)
    assert half["akd"] == pytest.approx(3.0)


def test_an_open_mouth_is_seen_in_the_mouth_alone() -> None:
    wanted = face()
    found = wanted.copy()
    found[list(OUTER_LIPS), 1] += 4.0
    apart = metrics.landmark_distances(found, wanted, SIDE)
    assert apart["akd_mouth"] == pytest.approx(2.0)  # the inner lips rest
    assert apart["akd_eyes"] == apart["akd_jaw"] == 0.0
    assert 0.0 < apart["akd"] < apart["akd_mouth"]


def test_regions_lie_where_their_names_say() -> None:
    y = mean_shape()[:, 1]
    eyes, mouth, jaw = (y[list(metrics.REGIONS[f"akd_{name}"])] for name in ("eyes", "mouth", "jaw"))
    assert eyes.max() < mouth.min()
    assert jaw.max() == y[152] > mouth.max()
    assert len(jaw) == 17


def test_no_face_counts_twenty_pixels() -> None:
    assert set(metrics.landmark_distances(None, face(), SIDE).values()) == {20.0}
    assert metrics.expression_error(None, face(), SIDE) == 20.0


@pytest.mark.parametrize("yaw", [0.0, 5.0, 25.0])
def test_a_turned_head_has_that_pose_error_and_no_expression_error(yaw: float) -> None:
    assert metrics.pose_error_deg(face(yaw), face(), SIDE) == pytest.approx(yaw, abs=0.1)
    assert metrics.expression_error(face(yaw), face(), SIDE) == pytest.approx(0.0, abs=1e-3)


def test_an_expression_has_no_pose_error() -> None:
    smiling = face()
    smiling[list(OUTER_LIPS), 1] -= 5.0
    assert metrics.pose_error_deg(smiling, face(), SIDE) == pytest.approx(0.0, abs=0.1)
    assert metrics.expression_error(smiling, face(), SIDE) > 0.5


def test_flicker_is_one_for_the_truth_none_for_a_still_and_twice_for_twice_the_change() -> None:
    true = np.random.default_rng(5).integers(80, 120, (8, 16, 16, 3)).astype(np.uint8)
    assert metrics.flicker(true, true) == 1.0
    assert metrics.flicker(np.repeat(true[:1], 8, axis=0), true) == 0.0
    assert metrics.flicker((true - 80) * 2, true) == pytest.approx(2.0)
    steady = np.repeat((np.arange(8, dtype=np.uint8) * 9)[:, None, None, None], 16, axis=1)
    assert metrics.flicker(steady, true[:, :, :1, :1]) == 0.0  # a steady change is no flicker
    assert math.isnan(metrics.flicker(true, steady))


def test_frechet_distance_is_that_of_the_formula() -> None:
    random = np.random.default_rng(6)
    a = random.normal(size=(60, 5)).astype(np.float32)
    b = (random.normal(size=(40, 5)) @ random.normal(size=(5, 5)) + 1.0).astype(np.float32)
    one, other = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    shift = np.square(a.mean(axis=0) - b.mean(axis=0)).sum()
    expected = shift + np.trace(one + other - 2 * np.real(sqrtm(one @ other)))
    assert metrics.frechet_distance(a, b) == pytest.approx(float(expected), rel=1e-4)
    assert metrics.frechet_distance(a, a) == pytest.approx(0.0, abs=1e-6)
    assert metrics.frechet_distance(a, a + 2.0) == pytest.approx(5 * 4.0, rel=1e-5)
    assert math.isnan(metrics.frechet_distance(a[:1], b))


def test_frechet_distance_bears_fewer_frames_than_numbers() -> None:
    few = np.random.default_rng(7).normal(size=(6, 128)).astype(np.float32)
    assert metrics.frechet_distance(few, few) == pytest.approx(0.0, abs=1e-6)


def test_the_interval_surrounds_the_mean_narrows_with_clips_and_repeats() -> None:
    random = np.random.default_rng(8)
    few, many = random.normal(3.0, 1.0, 12).tolist(), random.normal(3.0, 1.0, 400).tolist()
    one, other = estimate(few, 0), estimate(many, 0)
    assert one is not None
    assert other is not None
    assert one.low < one.mean < one.high
    assert other.high - other.low < 0.5 * (one.high - one.low)
    assert other.high - other.low == pytest.approx(2 * 1.96 * np.std(many) / 20, rel=0.1)
    assert estimate(few, 0) == one


def test_what_was_not_measured_does_not_count() -> None:
    found = estimate([1.0, math.nan, 3.0], 0)
    assert found is not None
    assert (found.mean, found.clips) == (2.0, 2)
    assert estimate([math.nan], 0) is None


def test_a_picture_shifted_by_three_pixels_has_an_akd_of_about_three() -> None:
    with Observer() as observer:
        true, points = SHOT.images[0], SHOT.points[0]
        seen, moved = observer.look(true, points), observer.look(shifted(true, 3.0, 0.0), points)
        assert seen.points is not None
        assert moved.points is not None
        again = observer.look(true, points)
    apart = metrics.landmark_distances(moved.points, seen.points, SIDE)
    assert apart["akd"] == pytest.approx(3.0, abs=0.5)
    assert again.points is not None
    assert metrics.landmark_distances(again.points, seen.points, SIDE)["akd"] == 0.0


def test_a_picture_without_a_face_is_said_so_and_still_described() -> None:
    with Observer() as observer:
        sight = observer.look(np.full((SIDE, SIDE, 3), 127, np.uint8), SHOT.points[0])
    assert sight.points is None
    assert sight.descriptor.shape == (128,)


def test_the_same_person_is_nearer_than_another() -> None:
    other = draw_shot(SyntheticSettings(identities=2, shots=1, frames=6), 1, 0)
    with Observer() as observer:
        one, later, else_ = (
            observer.look(shot.images[frame], shot.points[frame]).descriptor
            for shot, frame in ((SHOT, 0), (SHOT, 3), (other, 0))
        )
    assert distance(one, one) == 0.0
    assert cosine(one, one) == pytest.approx(1.0)
    assert distance(one, later) < distance(one, else_)
    assert cosine(one, later) > cosine(one, else_)
