"""One face through a clip, drawn or filmed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction

import numpy as np
import pytest
from tests.face.test_landmarker import about_the_face, mean_error, warped
from tests.synthetic_face import ANNA, BEN, Person, draw_face

from enliven.errors import UsageError
from enliven.face.landmarker import MediaPipeLandmarker
from enliven.face.tracker import FaceTracker
from enliven.geometry import Similarity
from enliven.types import Frame, Landmarks, Picture, TrackedFace

Path = Callable[[float], tuple[float, float]]


def tracked(
    landmarker: MediaPipeLandmarker, pictures: Iterable[Picture], which: str = "largest"
) -> tuple[list[TrackedFace], FaceTracker]:
    tracker = FaceTracker(which, landmarker)
    frames = (Frame(picture, Fraction(i, 25)) for i, picture in enumerate(pictures))
    return [tracker.update(frame) for frame in frames], tracker


def error_px(face: TrackedFace, truth: np.ndarray) -> float:
    assert face.landmarks is not None
    return float(np.linalg.norm(face.landmarks.xy - truth[:, :2], axis=1).mean())


def line(start: tuple[float, float], end: tuple[float, float]) -> Path:
    return lambda t: (start[0] + (end[0] - start[0]) * t, start[1] + (end[1] - start[1]) * t)


def scene(
    count: int, *people: tuple[Person, Path], size: tuple[int, int] = (480, 300), scale: float = 40.0
) -> tuple[list[Picture], list[list[np.ndarray]]]:
    """(pictures, truth[frame][person]); later people stand in front."""
    pictures, truth = [], []
    for i in range(count):
        picture, places = None, []
        for person, path in people:
            picture, points = draw_face(size, path(i / (count - 1)), scale, person=person, onto=picture)
            places.append(points)
        assert picture is not None
        pictures.append(picture)
        truth.append(places)
    return pictures, truth


def test_a_moving_turning_growing_face_is_followed(
    landmarker: MediaPipeLandmarker, astronaut: Picture, astronaut_face: Landmarks
) -> None:
    moves = [
        about_the_face(
            astronaut_face,
            1.0 + 0.5 * np.sin(i / 9),
            20 * np.sin(i / 7),
            (256 + 60 * np.sin(i / 5), 250 + 40 * np.cos(i / 6)),
        )
        for i in range(40)
    ]
    seen, tracker = tracked(landmarker, [warped(astronaut, move) for move in moves])
    for face, move in zip(seen, moves, strict=True):
        assert face.found
        assert face.landmarks is not None
        assert mean_error(face.landmarks, astronaut_face.moved(move, (512, 512)).points) < 0.02
    assert (tracker.frames, tracker.frames_lost, tracker.cuts) == (40, 0, 0)


def test_times_are_those_of_the_frames(landmarker: MediaPipeLandmarker) -> None:
    picture, _ = draw_face(256)
    seen, _ = tracked(landmarker, [picture] * 3)
    assert [face.time for face in seen] == [Fraction(0), Fraction(1, 25), Fraction(2, 25)]


def test_over_blank_frames_the_last_place_is_held_and_the_face_found_again_without_a_cut(
    landmarker: MediaPipeLandmarker,
) -> None:
    pictures, truth = scene(12, (ANNA, line((200, 150), (230, 150))))
    pictures[4:8] = [np.zeros_like(pictures[0])] * 4
    seen, tracker = tracked(landmarker, pictures)
    assert [face.found for face in seen] == [True] * 4 + [False] * 4 + [True] * 4
    assert all(face.landmarks is seen[3].landmarks for face in seen[4:8])
    assert error_px(seen[8], truth[8][0]) < 3
    assert (tracker.frames_lost, tracker.cuts) == (4, 0)


def test_a_face_that_walks_out_and_comes_back_elsewhere_is_found_again(
    landmarker: MediaPipeLandmarker,
) -> None:
    out, _ = scene(20, (ANNA, line((240, 150), (-140, 150))))
    back, truth = scene(20, (ANNA, line((620, 160), (330, 160))))
    seen, tracker = tracked(landmarker, out + back)
    assert not seen[19].found
    assert seen[-1].found
    assert error_px(seen[-1], truth[-1][0]) < 3
    assert tracker.cuts == 0


def test_before_the_first_face_there_are_no_landmarks(landmarker: MediaPipeLandmarker) -> None:
    empty, _ = draw_face((480, 300), (-400, 150), 40)
    there, truth = draw_face((480, 300), (300, 150), 40)
    seen, tracker = tracked(landmarker, [empty] * 5 + [there] * 10)
    assert all(face.landmarks is None and not face.found for face in seen[:5])
    assert seen[-1].found
    assert error_px(seen[-1], truth) < 3
    assert tracker.frames_lost < 12


def test_a_cut_is_noticed_and_the_face_chosen_anew(
    landmarker: MediaPipeLandmarker, astronaut: Picture, astronaut_face: Landmarks
) -> None:
    drawn, _ = scene(6, (ANNA, line((150, 250), (160, 250))), size=(512, 512), scale=70)
    seen, tracker = tracked(landmarker, drawn + [astronaut] * 5)
    assert [i for i, face in enumerate(seen) if face.scene_cut] == [6]
    assert seen[6].landmarks is not None
    assert mean_error(seen[6].landmarks, astronaut_face.points) < 0.01
    assert tracker.cuts == 1


def test_after_a_cut_to_an_empty_room_nothing_is_found(
    landmarker: MediaPipeLandmarker, astronaut: Picture
) -> None:
    noise = np.random.default_rng(2).integers(0, 255, (16, 16, 3)).astype(np.uint8)
    room = np.kron(noise, np.ones((32, 32, 1), np.uint8))
    seen, tracker = tracked(landmarker, [astronaut] * 4 + [room] * 12)
    assert [face.found for face in seen] == [True] * 4 + [False] * 12
    assert seen[4].scene_cut
    assert tracker.frames_lost == 12


def test_a_flash_is_no_cut(landmarker: MediaPipeLandmarker, astronaut: Picture) -> None:
    flash = np.clip(astronaut.astype(np.int32) * 1.6 + 30, 0, 255).astype(np.uint8)
    seen, tracker = tracked(landmarker, [astronaut] * 3 + [flash] + [astronaut] * 3)
    assert tracker.cuts == 0
    assert seen[-1].found


@pytest.mark.parametrize("in_front", ["followed", "other"])
def test_people_who_cross_are_not_swapped(landmarker: MediaPipeLandmarker, in_front: str) -> None:
    anna, ben = (ANNA, line((100, 150), (380, 150))), (BEN, line((380, 150), (100, 150)))
    order = (ben, anna) if in_front == "followed" else (anna, ben)
    pictures, truth = scene(50, *order)
    mine = 1 if in_front == "followed" else 0
    seen, _ = tracked(landmarker, pictures, "left")
    for face, places in zip(seen, truth, strict=True):
        if face.found:
            assert error_px(face, places[mine]) < 13
    assert seen[-1].found
    assert sum(face.found for face in seen) >= 30


def test_of_two_side_by_side_the_chosen_one_is_followed(landmarker: MediaPipeLandmarker) -> None:
    left, right = line((140, 150), (185, 160)), line((360, 150), (320, 140))
    pictures, truth = scene(15, (ANNA, left), (BEN, right))
    for which, mine in (("left", 0), ("right", 1), ("1", 1), ("360,150", 1)):
        seen, tracker = tracked(landmarker, pictures, which)
        assert tracker.frames_lost == 0
        assert all(error_px(f, t[mine]) < 4 for f, t in zip(seen, truth, strict=True))


def test_when_the_followed_person_leaves_the_other_is_not_taken(landmarker: MediaPipeLandmarker) -> None:
    pictures, _ = scene(30, (BEN, line((340, 150), (345, 150))), (ANNA, line((130, 150), (-160, 150))))
    seen, _ = tracked(landmarker, pictures, "left")
    assert seen[0].found
    assert not any(face.found for face in seen[-8:])


def test_a_face_asked_for_that_is_not_there_is_never_found(landmarker: MediaPipeLandmarker) -> None:
    picture, _ = draw_face(256)
    seen, _ = tracked(landmarker, [picture] * 3, "1")
    assert not any(face.found for face in seen)


def test_nonsense_is_refused_before_the_first_frame(landmarker: MediaPipeLandmarker) -> None:
    with pytest.raises(UsageError):
        FaceTracker("everyone", landmarker)


def test_a_covered_face_counts_as_lost(landmarker: MediaPipeLandmarker) -> None:
    pictures, _ = scene(8, (ANNA, line((240, 150), (240, 150))))
    covered = pictures[0].copy()
    covered[20:290, 120:360] = (150, 140, 130)
    seen, tracker = tracked(landmarker, pictures[:4] + [covered] * 5 + pictures[4:])
    assert [face.found for face in seen] == [True] * 4 + [False] * 5 + [True] * 4
    assert tracker.cuts == 0


def test_a_shaken_camera_loses_nothing(
    landmarker: MediaPipeLandmarker, astronaut: Picture, astronaut_face: Landmarks
) -> None:
    shifts = np.random.default_rng(4).uniform(-18, 18, (20, 2))
    moves = [Similarity(1.0, 0.0, (float(x), float(y) + 60)) for x, y in shifts]
    seen, tracker = tracked(landmarker, [warped(astronaut, move) for move in moves])
    assert (tracker.frames_lost, tracker.cuts) == (0, 0)
    for face, move in zip(seen, moves, strict=True):
        assert face.landmarks is not None
        assert mean_error(face.landmarks, astronaut_face.moved(move, (512, 512)).points) < 0.02


def test_in_the_dark_nobody_is_seen(landmarker: MediaPipeLandmarker, astronaut: Picture) -> None:
    """Else a face that the mesh model guesses behind a fade, or in an audience, leads the photo."""
    light = [1.0, 0.6, 0.35, 0.1, 0.1, 0.1, 0.35, 0.6, 1.0]
    seen, _ = tracked(landmarker, [(astronaut * share).astype(np.uint8) for share in light])
    assert [face.found for face in seen[:3]] == [True] * 3
    assert not any(face.found for face in seen[3:6])
    assert all(face.landmarks is not None for face in seen[3:6])  # the last place is held
    assert seen[-1].found
