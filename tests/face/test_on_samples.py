"""The room on real files: photos, paintings, phone videos, a cut film, a clip without a face."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from enliven.face.landmarker import MediaPipeLandmarker
from enliven.face.tracker import FaceTracker
from enliven.measure import face_height_px
from enliven.types import Frame, TrackedFace

av = pytest.importorskip("av")

pytestmark = pytest.mark.databank


def frames(path: Path, most: int = 10_000) -> Iterator[Frame]:
    with av.open(str(path)) as container:
        for i, picture in enumerate(container.decode(video=0)):
            if i >= most:
                return
            yield Frame(picture.to_ndarray(format="rgb24"), Fraction(i, 25))


def track(landmarker: MediaPipeLandmarker, folder: Path, pattern: str, most: int = 120) -> list[TrackedFace]:
    (path,) = (folder / "samples/driving").glob(pattern)
    tracker = FaceTracker(landmarker=landmarker)
    return [tracker.update(frame) for frame in frames(path, most)]


def test_every_photo_and_painting_yields_one_face(landmarker: MediaPipeLandmarker, shared: Path) -> None:
    photos = sorted((shared / "samples/sources").iterdir())
    assert photos
    for photo in photos:
        picture = cv2.cvtColor(cv2.imread(str(photo)), cv2.COLOR_BGR2RGB)
        found = landmarker.detect(np.asarray(picture, np.uint8))
        assert len(found) == 1, photo.name
        assert face_height_px(found[0]) > 64


def test_no_face_is_ever_found_where_there_is_none(landmarker: MediaPipeLandmarker, shared: Path) -> None:
    seen = track(landmarker, shared, "no_face*")
    assert len(seen) > 50
    assert all(face.landmarks is None for face in seen)


def test_a_face_that_goes_is_lost_for_good_and_not_seen_in_the_titles(
    landmarker: MediaPipeLandmarker, shared: Path
) -> None:
    seen = track(landmarker, shared, "face_lost*", 10_000)
    assert [face.found for face in seen] == [True] * 72 + [False] * (len(seen) - 72)
    assert seen[-1].landmarks is seen[71].landmarks


def test_the_cuts_of_a_film_are_noticed(landmarker: MediaPipeLandmarker, shared: Path) -> None:
    seen = track(landmarker, shared, "hamilton*", 10_000)
    assert [i for i, face in enumerate(seen) if face.scene_cut] == [20, 82, 211]
    assert all(face.found for face in seen[:20] + seen[82:140])


@pytest.mark.parametrize("pattern", ["expressions*", "grid*", "phone*", "portrait*"])
def test_talking_people_are_followed_without_a_gap(
    landmarker: MediaPipeLandmarker, shared: Path, pattern: str
) -> None:
    seen = track(landmarker, shared, pattern, 90)
    assert all(face.found and not face.scene_cut for face in seen)
