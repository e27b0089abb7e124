"""Finding faces in stills, on real and on drawn pixels."""

from __future__ import annotations

import subprocess
import sys

import cv2
import numpy as np
import pytest
from tests.synthetic_face import BEN, draw_face

from enliven.face.landmarker import MediaPipeLandmarker
from enliven.geometry import Box, Similarity
from enliven.measure import eye_openness, face_height_px, head_pose, mouth_openness
from enliven.types import Floats, Landmarks, Picture


def warped(image: Picture, move: Similarity, size_wh: tuple[int, int] = (512, 512)) -> Picture:
    fine = cv2.warpAffine(image, move.matrix, size_wh, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(fine, np.uint8)


def about_the_face(face: Landmarks, scale: float, angle_deg: float, to_xy: tuple[float, float]) -> Similarity:
    turn = Similarity(scale, angle_deg)
    x, y = turn.apply(np.array(Box.around(face.xy).center))
    return Similarity(scale, angle_deg, (to_xy[0] - x, to_xy[1] - y))


def mean_error(face: Landmarks, truth: Floats) -> float:
    """Over the face's height."""
    gap = np.linalg.norm(face.xy - truth[:, :2], axis=1).mean()
    return float(gap) / face_height_px(Landmarks(truth, face.image_size_wh))


@pytest.mark.parametrize(
    ("scale", "angle_deg", "to_xy"),
    [
        (1.0, 0.0, (260.0, 250.0)),
        (1.0, 0.0, (100.5, 400.25)),
        (2.5, 0.0, (256.0, 256.0)),
        (0.5, 0.0, (300.0, 120.0)),
        (1.6, 25.0, (240.0, 256.0)),
        (1.6, -40.0, (256.0, 256.0)),
    ],
)
def test_landmarks_follow_the_picture_when_it_is_moved_scaled_and_turned(
    landmarker: MediaPipeLandmarker,
    astronaut: Picture,
    astronaut_face: Landmarks,
    scale: float,
    angle_deg: float,
    to_xy: tuple[float, float],
) -> None:
    move = about_the_face(astronaut_face, scale, angle_deg, to_xy)
    (face,) = landmarker.detect(warped(astronaut, move))
    expected = astronaut_face.moved(move, (512, 512))
    assert mean_error(face, expected.points) < 0.015


@pytest.mark.parametrize("angle_deg", [90.0, 180.0, -90.0])
def test_a_face_that_lies_or_hangs_is_found_too(
    landmarker: MediaPipeLandmarker, astronaut: Picture, astronaut_face: Landmarks, angle_deg: float
) -> None:
    move = about_the_face(astronaut_face, 1.5, angle_deg, (256.0, 256.0))
    (face,) = landmarker.detect(warped(astronaut, move))
    assert mean_error(face, astronaut_face.moved(move, (512, 512)).points) < 0.02


def test_the_same_picture_gives_the_same_numbers(
    landmarker: MediaPipeLandmarker, astronaut: Picture, astronaut_face: Landmarks
) -> None:
    (again,) = landmarker.detect(astronaut)
    assert np.array_equal(again.points, astronaut_face.points)


def test_a_small_face_in_a_large_picture_is_found(
    landmarker: MediaPipeLandmarker, astronaut: Picture, astronaut_face: Landmarks
) -> None:
    small = about_the_face(astronaut_face, 40 / face_height_px(astronaut_face), 0.0, (1500.0, 300.0))
    large = np.full((1920, 1920, 3), 90, np.uint8)
    inset = warped(astronaut, small, (1920, 1920))
    large[200:420, 1400:1620] = inset[200:420, 1400:1620]
    (face,) = landmarker.detect(large)
    assert mean_error(face, astronaut_face.moved(small, (1920, 1920)).points) < 0.04


def test_a_face_that_fills_the_picture_is_found(
    landmarker: MediaPipeLandmarker, astronaut: Picture, astronaut_face: Landmarks
) -> None:
    box = Box.around(astronaut_face.xy)
    tight = astronaut[int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)].copy()
    (face,) = landmarker.detect(tight)
    assert abs(face_height_px(face) - face_height_px(astronaut_face)) < 0.06 * face_height_px(astronaut_face)


@pytest.mark.parametrize("height_px", [64, 160, 380])
def test_at_a_glance_a_large_face_is_the_one_that_a_search_finds(
    landmarker: MediaPipeLandmarker, astronaut: Picture, astronaut_face: Landmarks, height_px: int
) -> None:
    move = about_the_face(astronaut_face, height_px / face_height_px(astronaut_face), 8.0, (400.0, 300.0))
    picture = warped(astronaut, move, (720, 720))
    (glanced,), (searched,) = landmarker.glance(picture), landmarker.detect(picture)
    assert mean_error(glanced, searched.points) < 0.01


def test_every_face_is_found_once_and_the_largest_comes_first(landmarker: MediaPipeLandmarker) -> None:
    picture, small = draw_face((640, 360), (140, 170), 32)
    picture, large = draw_face((640, 360), (450, 180), 55, person=BEN, onto=picture)
    first, second = landmarker.detect(picture)
    assert mean_error(first, large) < 0.03
    assert mean_error(second, small) < 0.03


@pytest.mark.parametrize("kind", ["grey", "black", "noise", "stripes", "tiny", "line"])
def test_a_picture_without_a_face_gives_nothing(landmarker: MediaPipeLandmarker, kind: str) -> None:
    noise = np.random.default_rng(7).integers(0, 255, (360, 640, 3)).astype(np.uint8)
    pictures = {
        "grey": np.full((480, 480, 3), 128, np.uint8),
        "black": np.zeros((300, 200, 3), np.uint8),
        "noise": noise,
        "stripes": np.repeat(noise[:, :1], 640, axis=1),
        "tiny": noise[:1, :1].copy(),
        "line": noise[:1].copy(),
    }
    assert landmarker.detect(pictures[kind]) == []


def test_objects_that_are_no_faces_are_not_found(landmarker: MediaPipeLandmarker) -> None:
    data = pytest.importorskip("skimage.data")
    for picture in (data.coffee(), data.rocket(), data.retina()):
        assert landmarker.detect(np.ascontiguousarray(picture)) == []


@pytest.mark.parametrize(
    "options",
    [{}, {"yaw_deg": 25.0}, {"angle_deg": 20.0}, {"mouth_open": 0.6}, {"eyes_open": 0.0}, {"person": BEN}],
    ids=str,
)
def test_a_drawn_face_is_measured_where_it_was_drawn(
    landmarker: MediaPipeLandmarker, options: dict[str, object]
) -> None:
    picture, truth = draw_face(320, **options)  # type: ignore[arg-type]
    (face,) = landmarker.detect(picture)
    assert mean_error(face, truth) < 0.02
    true = Landmarks(truth, (320, 320))
    assert abs(head_pose(face).yaw_deg - head_pose(true).yaw_deg) < 8
    assert abs(head_pose(face).roll_deg - head_pose(true).roll_deg) < 4
    assert abs(mouth_openness(face.points) - mouth_openness(truth)) < 0.07
    assert abs(eye_openness(face.points)[0] - eye_openness(truth)[0]) < 0.08


def test_opening_the_landmarker_is_quiet_and_leaves_matplotlib_alone() -> None:
    code = (
        "import sys\n"
        "from enliven.face.landmarker import open_landmarker\n"
        "import numpy\n"
        "with open_landmarker() as opened: opened.detect(numpy.zeros((300, 300, 3), numpy.uint8))\n"
        "assert 'matplotlib' not in sys.modules and 'mediapipe.tasks' not in sys.modules\n"
        "print('said on purpose', file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "said on purpose\n"


def test_mediapipe_itself_can_still_be_used_beside_us() -> None:
    code = (
        "from enliven.face.landmarker import open_landmarker\n"
        "open_landmarker().close()\n"
        "import mediapipe as mp\n"
        "assert mp.solutions.face_mesh.FaceMesh and mp.Image and mp.tasks.vision\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
