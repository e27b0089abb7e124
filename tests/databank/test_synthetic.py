"""The artificial databank: exact landmarks, the same again, different people."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from enliven.databank.bank import open_bank
from enliven.databank.synthetic import SyntheticSettings, draw_shot, synthesise
from enliven.databank.synthetic_person import Expression, draw_person
from enliven.databank.synthetic_picture import draw_face
from enliven.errors import DatabankError
from enliven.measure import eye_openness, head_pose, mouth_openness
from enliven.topology import INNER_LIPS, LEFT_EYE, OUTER_LIPS, RIGHT_EYE
from enliven.types import Floats, Landmarks, Picture

SETTINGS = SyntheticSettings(identities=4, shots=3, frames=6, size=128)


def drawn(seed: int, now: Expression) -> tuple[Picture, Floats]:
    person = replace(draw_person(np.random.default_rng(seed)), glasses=None)
    return draw_face(person, now, np.full((256, 256, 3), 120, np.uint8), (127.5, 127.5), 42.0)


def test_the_same_seed_draws_the_same_bytes(tmp_path: Path) -> None:
    one, other = (synthesise(tmp_path / name, SETTINGS).path / "shards" for name in "ab")
    assert (one / "synthetic.tar").read_bytes() == (other / "synthetic.tar").read_bytes()


def test_another_seed_draws_others() -> None:
    one, other = draw_shot(SETTINGS, 0, 0), draw_shot(replace(SETTINGS, seed=1), 0, 0)
    assert np.abs(one.images.astype(int) - other.images).mean() > 5


def test_a_person_keeps_their_shape_in_every_clip_and_differs_from_the_next() -> None:
    shapes = [draw_person(np.random.default_rng([0, n])).shape for n in (0, 0, 1)]
    assert np.array_equal(shapes[0], shapes[1])
    assert np.abs(shapes[0] - shapes[2]).max() > 0.02


@pytest.mark.parametrize("yaw_deg", [-30.0, 0.0, 25.0])
def test_landmarks_have_the_pose_they_were_drawn_with(yaw_deg: float) -> None:
    _, points = drawn(0, Expression(yaw_deg=yaw_deg, pitch_deg=5, roll_deg=-8))
    pose = head_pose(Landmarks(points, (256, 256)))
    assert pose.yaw_deg == pytest.approx(yaw_deg, abs=5)
    assert pose.roll_deg == pytest.approx(-8, abs=3)


@pytest.mark.parametrize("seed", range(6))
def test_mouth_and_eyes_open_and_shut(seed: int) -> None:
    _, shut = drawn(seed, Expression(mouth_open=0.0, eyes_open=0.0))
    _, wide = drawn(seed, Expression(mouth_open=1.0, eyes_open=1.0))
    assert mouth_openness(shut) < 0.02
    assert mouth_openness(wide) > 0.15
    assert max(eye_openness(shut)) < 0.05
    assert min(eye_openness(wide)) > 0.15


@pytest.mark.parametrize("seed", range(6))
def test_lips_mouth_and_eyes_are_painted_where_their_landmarks_lie(seed: int) -> None:
    """Against a plain person: change a colour, and only the pixels inside that contour change."""
    person = replace(draw_person(np.random.default_rng(seed)), glasses=None, fringe=0.0)
    now = Expression(yaw_deg=15, roll_deg=5, mouth_open=0.6)
    grey = np.full((256, 256, 3), 120, np.uint8)
    picture, points = draw_face(person, now, grey, (127.5, 127.5), 42.0)
    for change, contours in (
        ({"lips": (0.0, 255.0, 0.0)}, (OUTER_LIPS,)),
        ({"iris": (255.0, 0.0, 255.0)}, (RIGHT_EYE, LEFT_EYE)),
    ):
        other, _ = draw_face(replace(person, **change), now, grey, (127.5, 127.5), 42.0)  # type: ignore[arg-type]
        changed = np.abs(other.astype(int) - picture).max(axis=2) > 12
        assert changed.sum() > 20
        inside = np.zeros((256, 256), np.uint8)
        cv2.fillPoly(inside, [np.rint(points[list(c), :2]).astype(np.int32) for c in contours], 1)
        assert not (changed & (cv2.dilate(inside, np.ones((5, 5))) == 0)).any()


def test_an_open_mouth_is_dark_or_teeth_between_the_inner_lips() -> None:
    picture, points = drawn(1, Expression(mouth_open=1.0))
    x, y = points[list(INNER_LIPS), :2].mean(axis=0).round().astype(int)
    assert picture[y + 3, x].max() < 90 or picture[y + 3, x].min() > 180


def test_both_qualities_and_both_splits_are_there(tmp_path: Path) -> None:
    bank = synthesise(tmp_path, replace(SETTINGS, val_share=0.25))
    assert {entry.facts.quality for entry in bank.shots} == {"high", "low"}
    assert {entry.facts.identity for entry in bank.of_split("val")} == {"person00003"}
    assert bank.identity_count == 4
    assert open_bank(tmp_path).fingerprint == bank.fingerprint


def test_an_existing_databank_is_not_drawn_over(tmp_path: Path) -> None:
    synthesise(tmp_path, SETTINGS)
    with pytest.raises(DatabankError, match="already is a databank"):
        synthesise(tmp_path, SETTINGS)


@pytest.mark.parametrize("wrong", [{"identities": 0}, {"frames": 1}, {"size": 63}, {"val_share": 1.0}])
def test_impossible_sizes_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(DatabankError):
        SyntheticSettings(**wrong)
