"""A landmarker for all tests of the room, and a real face to measure on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from enliven.face.landmarker import MediaPipeLandmarker, open_landmarker
from enliven.types import Landmarks, Picture

SHARED = Path(__file__).parents[3] / "shared"


@pytest.fixture(scope="session")
def landmarker() -> Iterator[MediaPipeLandmarker]:
    with open_landmarker() as opened:
        yield opened


@pytest.fixture(scope="session")
def astronaut() -> Picture:
    """Eileen Collins, official portrait by NASA, public domain, from scikit-image."""
    data = pytest.importorskip("skimage.data")
    return np.ascontiguousarray(data.astronaut())


@pytest.fixture(scope="session")
def astronaut_face(landmarker: MediaPipeLandmarker, astronaut: Picture) -> Landmarks:
    (face,) = landmarker.detect(astronaut)
    return face


@pytest.fixture(scope="session")
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip("../shared is not here")
    return SHARED
