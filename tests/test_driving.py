"""The driving face, followed before anybody asks for it."""

from __future__ import annotations

import threading
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from enliven.animator import animate
from enliven.assets import builtin_motion, builtin_photo
from enliven.driving import Driving, DrivingSettings
from enliven.errors import FaceError
from enliven.settings import AnimateSettings


@pytest.fixture(scope="module")
def talking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of the built-in photo moving, as video."""
    out = tmp_path_factory.mktemp("talking") / "talking.mp4"
    animate(
        builtin_photo(),
        builtin_motion(),
        out,
        settings=AnimateSettings(engine="warp", size=256),
        end=Fraction(1),
    )
    return out


@pytest.fixture(params=["motion", "video"])
def source(request: pytest.FixtureRequest, talking: Path) -> Path:
    return builtin_motion() if request.param == "motion" else talking


def test_faces_followed_ahead_are_those_followed_on_demand(source: Path) -> None:
    with Driving(source, DrivingSettings()) as one, Driving(source, DrivingSettings()) as other:
        other.begin()
        expected, found = list(one), list(other)
    assert len(expected) == len(found) >= 24
    for a, b in zip(expected, found, strict=True):
        assert (a.time, a.found, a.scene_cut) == (b.time, b.found, b.scene_cut)
        assert a.landmarks is not None
        assert b.landmarks is not None
        assert np.array_equal(a.landmarks.points, b.landmarks.points)
    assert (one.frames, one.frames_lost) == (other.frames, other.frames_lost)


@pytest.mark.parametrize("drawn", [0, 1])
def test_leaving_early_ends_every_thread(source: Path, drawn: int) -> None:
    before = threading.active_count()
    with Driving(source, DrivingSettings()) as driver:
        driver.begin()
        for _, _ in zip(range(drawn), driver, strict=False):
            pass
    assert threading.active_count() <= before


def test_a_photo_that_cannot_be_used_ends_the_tracking_too(tmp_path: Path, talking: Path) -> None:
    before = threading.active_count()
    faceless = tmp_path / "grey.png"
    cv2.imwrite(str(faceless), np.full((300, 300, 3), 127, np.uint8))
    with pytest.raises(FaceError):
        animate(faceless, talking, tmp_path / "out.mp4")
    assert threading.active_count() <= before
    assert not (tmp_path / "out.mp4").exists()
