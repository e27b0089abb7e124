"""Which face is meant, and what is said when there is none such."""

from __future__ import annotations

import re

import pytest

from enliven.errors import FaceError, UsageError
from enliven.face.choose import choose_face, require_size
from enliven.topology import mean_shape
from enliven.types import Landmarks

SIZE = (640, 360)


def face_at(x: float, y: float, radius_px: float) -> Landmarks:
    return Landmarks((mean_shape() * radius_px + [x, y, 0]).astype("float32"), SIZE)


LEFT, BIG, RIGHT = face_at(100, 150, 20), face_at(300, 180, 50), face_at(550, 120, 25)
FACES = [BIG, RIGHT, LEFT]


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        ("largest", BIG),
        ("left", LEFT),
        ("right", RIGHT),
        ("0", LEFT),
        ("1", BIG),
        ("2", RIGHT),
        ("105,140", LEFT),
        ("550.5, 121", RIGHT),
    ],
)
def test_the_named_face_is_chosen_whatever_the_order(which: str, expected: Landmarks) -> None:
    assert choose_face(FACES, which, SIZE) is expected
    assert choose_face(FACES[::-1], which, SIZE) is expected


@pytest.mark.parametrize("which", ["", "biggest", "-1", "1.5", "3,", "a,b", "1,2,3", "²"])
def test_nonsense_is_a_usage_error_even_without_faces(which: str) -> None:
    with pytest.raises(UsageError, match="largest, left, right"):
        choose_face([], which, SIZE)


def test_no_face_at_all_names_the_file_and_the_need() -> None:
    with pytest.raises(FaceError, match=r"No face was found in me\.jpg.*64 pixels"):
        choose_face([], "largest", SIZE, where="me.jpg")


def test_an_index_too_high_tells_how_many_there_are_and_where() -> None:
    with pytest.raises(FaceError, match=re.escape("3 faces at 100,150, 300,179, 550,119")):
        choose_face(FACES, "3", SIZE)


def test_a_point_beside_every_face_tells_where_they_are() -> None:
    with pytest.raises(FaceError, match=r"no face at 10,340 .* 1 face at 300,178"):
        choose_face([face_at(300, 179, 50)], "10,340", SIZE)


def test_a_point_outside_of_the_picture_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="640 x 360"):
        choose_face(FACES, "700,100", SIZE)


def test_a_face_too_small_is_refused_with_both_sizes() -> None:
    require_size(BIG, 64)
    with pytest.raises(FaceError, match=r"is 63 pixels high.*at least 64"):
        require_size(face_at(100, 100, 20), 64)
