"""Noise goes, motion stays."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from tests.motion.people import SIZE_WH, Look, looking, person, tracked

from enliven.measure import eye_openness
from enliven.motion.smoothing import LandmarkSmoother, _quantile
from enliven.types import Floats, Landmarks, TrackedFace

PX_AT_256 = 80.8
"""``Look.scale`` at which a face is about 256 pixels high."""


def noisy(landmarks: Landmarks, rng: np.random.Generator) -> Landmarks:
    """With noise like that of the tracker: the whole face trembles, each part by itself, each point a little."""
    whole = rng.normal(0, 0.20, (1, 3))
    parts = rng.normal(0, 0.15, (8, 3))[np.arange(478) * 8 // 478]
    points = landmarks.points + whole + parts + rng.normal(0, 0.08, (478, 3))
    return Landmarks(points.astype(np.float32), SIZE_WH)


def smoothed(clip: list[Landmarks], strength: float = 1.0, rate: int = 25) -> list[Floats]:
    smoother = LandmarkSmoother(strength)
    faces = [TrackedFace(Fraction(n, rate), landmarks, True) for n, landmarks in enumerate(clip)]
    return [face.landmarks.points for face in map(smoother.update, faces) if face.landmarks is not None]


@pytest.mark.parametrize("rate", [25, 60])
def test_a_still_face_of_ten_seconds_stands_still(rate: int) -> None:
    rng = np.random.default_rng(0)
    still = looking(person(1), Look(scale=PX_AT_256))
    clip = [noisy(still, rng) for _ in range(10 * rate)]
    raw = np.stack([landmarks.xy for landmarks in clip]).std(axis=0).mean()
    after = np.stack(smoothed(clip, rate=rate))[rate:, :, :2].std(axis=0)
    assert raw > 0.22
    assert after.mean() < 0.15
    assert after.mean() < 0.55 * raw


def test_a_fast_blink_keeps_nine_tenths_of_its_closure() -> None:
    openings = [1.0] * 10 + [0.55, 0.05, 0.4, 0.8] + [1.0] * 5
    clip = [looking(person(2), Look(eyes=e, scale=PX_AT_256)) for e in openings]
    before = min(np.mean(eye_openness(landmarks.points)) for landmarks in clip)
    rest = np.mean(eye_openness(clip[0].points))
    after = min(np.mean(eye_openness(points)) for points in smoothed(clip))
    assert (rest - after) >= 0.9 * (rest - before)


@pytest.mark.parametrize("speed_px", [0.6, 2.0, 8.0])
def test_motion_is_followed_within_a_frame(speed_px: float) -> None:
    clip = [looking(person(3), Look(x=150 + speed_px * n, scale=PX_AT_256)) for n in range(30)]
    last = smoothed(clip)[-1]
    assert np.abs(clip[-1].points - last).max() < speed_px


def test_a_cut_and_a_loss_begin_anew() -> None:
    smoother = LandmarkSmoother()
    here, there = looking(person(4), Look()), looking(person(4), Look(x=100))
    smoother.update(tracked(here, 0))
    after_cut = smoother.update(tracked(there, 1, cut=True)).landmarks
    assert after_cut is not None
    np.testing.assert_array_equal(after_cut.points, there.points)
    smoother.update(tracked(there, 2, found=False))
    found_again = smoother.update(tracked(here, 3)).landmarks
    assert found_again is not None
    np.testing.assert_array_equal(found_again.points, here.points)


def test_strength_zero_lets_everything_through() -> None:
    rng = np.random.default_rng(5)
    clip = [noisy(looking(person(5), Look()), rng) for _ in range(5)]
    for landmarks, points in zip(clip, smoothed(clip, strength=0.0), strict=True):
        np.testing.assert_array_equal(landmarks.points, points)


@pytest.mark.parametrize("count", [1, 2, 10, 49, 50])
def test_the_own_quantile_is_numpys(count: int) -> None:
    values = np.random.default_rng(count).normal(size=count)
    assert _quantile(values.tolist(), 0.3) == pytest.approx(float(np.quantile(values, 0.3)), abs=1e-12)
