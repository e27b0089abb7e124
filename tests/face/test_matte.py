"""The person in a photo, as MediaPipe's segmentation sees them."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from enliven.assets import builtin_photo
from enliven.face.landmarker import open_landmarker
from enliven.face.matte import PersonMatting, matte_of, mattes_of
from enliven.media.image import read_photo
from enliven.types import Landmarks, Picture


@pytest.fixture(scope="module")
def photo() -> Picture:
    return read_photo(builtin_photo())


@pytest.fixture(scope="module")
def landmarks(photo: Picture) -> Landmarks:
    with open_landmarker() as landmarker:
        return landmarker.detect(photo)[0]


@pytest.fixture(scope="module")
def matting() -> Iterator[PersonMatting]:
    found = PersonMatting()
    yield found
    found.close()


def test_face_and_hair_are_person_and_the_corner_is_not(
    matting: PersonMatting, photo: Picture, landmarks: Landmarks
) -> None:
    matte = matting.matte(photo, landmarks)
    assert matte is not None
    x0, y0, x1, y1 = matte.box_xyxy
    assert 0 <= x0 < x1 <= photo.shape[1]
    assert 0 <= y0 < y1 <= photo.shape[0]
    full = np.zeros(photo.shape[:2], np.float32)
    full[y0:y1, x0:x1] = cv2.resize(matte.alpha, (x1 - x0, y1 - y0))
    nose, forehead, chin = landmarks.xy[4], landmarks.xy[10], landmarks.xy[152]
    hair = forehead - 0.25 * (chin - forehead)
    for x, y in (nose, hair):
        assert full[round(float(y)), round(float(x))] > 0.9
    beside = nose + np.array([1.1 * float(np.linalg.norm(chin - forehead)), 0.0])
    assert full[round(float(beside[1])), round(float(beside[0]))] < 0.1


def test_the_matte_moves_with_the_photo(matting: PersonMatting, photo: Picture, landmarks: Landmarks) -> None:
    """The same face in a larger picture gives the same matte, elsewhere."""
    wide = cv2.copyMakeBorder(photo, 60, 0, 200, 0, cv2.BORDER_REPLICATE)
    moved = Landmarks(landmarks.points + np.array([200, 60, 0], np.float32), (wide.shape[1], wide.shape[0]))
    first, second = matting.matte(photo, landmarks), matting.matte(wide, moved)
    assert first is not None
    assert second is not None
    x0, y0, x1, y1 = second.box_xyxy
    whole = np.zeros(wide.shape[:2], np.float32)
    whole[y0:y1, x0:x1] = cv2.resize(second.alpha, (x1 - x0, y1 - y0))
    a0, b0, a1, b1 = first.box_xyxy
    own = cv2.resize(first.alpha, (a1 - a0, b1 - b0))
    seen = whole[60 + b0 : 60 + b1, 200 + a0 : 200 + a1]
    assert ((own > 0.5) == (seen > 0.5)).mean() > 0.97


def test_what_is_no_person_has_no_matte(matting: PersonMatting, landmarks: Landmarks) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (512, 512, 3), dtype=np.uint8)
    assert matting.matte(noise, landmarks) is None


def test_one_or_many_photos_give_the_same(photo: Picture, landmarks: Landmarks) -> None:
    one, many = matte_of(photo, landmarks), mattes_of([photo, photo], [landmarks.points, landmarks.points])
    assert one is not None
    for other in many:
        assert other is not None
        np.testing.assert_array_equal(one.alpha, other.alpha)
