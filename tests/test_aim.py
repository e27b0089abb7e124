"""Landmarks corrected by what is seen in results, on the built-in photo."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import cv2
import numpy as np
import pytest

from enliven.aim import FOLLOWING, Aim
from enliven.assets import builtin_photo
from enliven.compositing.paste import Paster
from enliven.face.landmarker import open_landmarker
from enliven.measure import face_height_px
from enliven.media.image import read_photo
from enliven.model.warp_engine import WarpEngine
from enliven.topology import FACE_OVAL, INNER_LOWER_LIP, OUTER_LIPS
from enliven.types import Floats, Landmarks, Picture


@pytest.fixture(scope="module")
def photo() -> Picture:
    return read_photo(builtin_photo())


@pytest.fixture(scope="module")
def at_rest(photo: Picture) -> Landmarks:
    with open_landmarker() as landmarker:
        (face,) = landmarker.detect(photo)
    return face


@pytest.fixture(scope="module")
def render(photo: Picture, at_rest: Landmarks) -> Renderer:
    return Renderer(photo, at_rest)


@pytest.fixture
def aim(at_rest: Landmarks) -> Iterator[Aim]:
    with Aim(at_rest, ease=1.0) as opened:
        yield opened


NOSE_TIP = 4


class Renderer:
    """The warp engine, file to picture."""

    def __init__(self, photo: Picture, at_rest: Landmarks) -> None:
        self._engine, self._paster = WarpEngine(photo, at_rest), Paster(photo)

    def __call__(self, points: Floats) -> Picture:
        return self._paster.paste(self._engine.render(points))


def turned(at_rest: Landmarks, yaw_deg: float) -> Floats:
    rotation, _ = cv2.Rodrigues(np.radians([0.0, yaw_deg, 0.0]))
    middle = at_rest.points.mean(axis=0)
    return np.asarray((at_rest.points - middle) @ rotation.T + middle, np.float32)


def opened(at_rest: Landmarks, share: float) -> Floats:
    points = at_rest.points.copy()
    points[list(INNER_LOWER_LIP + OUTER_LIPS[11:]), 1] += share * face_height_px(at_rest)
    return points


def look(aim: Aim, wanted: Floats, render: Renderer) -> None:
    """At what comes of a face that is asked for."""
    sent = aim.aimed(wanted)
    aim.learn(wanted, sent, render(sent))


def off(points: Floats, picture: Picture, at_rest: Landmarks) -> float:
    """Mean distance of what is seen from what was asked, pixels."""
    with open_landmarker() as landmarker:
        seen = landmarker.follow(picture, Landmarks(points, at_rest.image_size_wh)).landmarks
    return float(np.linalg.norm(seen.xy - points[:, :2], axis=1).mean())


@pytest.mark.parametrize("yaw_deg", [-18.0, 18.0])
def test_turned_heads_are_seen_where_they_were_asked_to_be(
    render: Renderer, at_rest: Landmarks, aim: Aim, yaw_deg: float
) -> None:
    wanted = turned(at_rest, yaw_deg)
    sent = aim.aimed(wanted)
    before = render(sent)
    aim.learn(wanted, sent, before)
    after = render(aim.aimed(wanted))
    assert off(wanted, after, at_rest) < 0.92 * off(wanted, before, at_rest)


def test_what_was_learned_serves_faces_that_look_alike(
    render: Renderer, at_rest: Landmarks, aim: Aim
) -> None:
    for yaw_deg in (14.0, 22.0):
        wanted = turned(at_rest, yaw_deg)
        look(aim, wanted, render)
    between = [turned(at_rest, yaw_deg) for yaw_deg in (12.0, 16.0, 17.0, 19.0, 20.0)]
    without = np.mean([off(face, render(face), at_rest) for face in between])
    assert np.mean([off(face, render(aim.aimed(face)), at_rest) for face in between]) < 0.92 * without


def test_a_face_at_rest_is_not_corrected(at_rest: Landmarks, aim: Aim) -> None:
    assert np.array_equal(aim.aimed(at_rest.points), at_rest.points)
    assert not aim.is_new(at_rest.points)


def test_a_face_is_new_until_it_was_looked_at(render: Renderer, at_rest: Landmarks, aim: Aim) -> None:
    wanted = opened(at_rest, 0.12)
    assert aim.is_new(wanted)
    look(aim, wanted, render)
    assert not aim.is_new(wanted)


def test_corrections_come_in_by_and_by(render: Renderer, at_rest: Landmarks) -> None:
    wanted = turned(at_rest, 14.0)
    with Aim(at_rest) as following, Aim(at_rest, ease=1.0) as at_once:
        for one in (following, at_once):
            look(one, wanted, render)
        whole = at_once.aimed(wanted) - wanted
        assert np.abs(whole).max() > 0.5
        left = [np.abs(following.aimed(wanted) - wanted - whole).max() for _ in range(6)]
    for before, after in pairwise(left):
        assert after == pytest.approx((1.0 - FOLLOWING) * before, abs=0.01)


def test_of_another_persons_motion_eyes_and_mouth_alone_are_corrected(
    render: Renderer, at_rest: Landmarks
) -> None:
    wanted = turned(at_rest, 18.0)
    with Aim(at_rest, ease=1.0, whole=False) as aim:
        look(aim, wanted, render)
        moved = np.linalg.norm(aim.aimed(wanted) - wanted, axis=1)
    assert moved[list(INNER_LOWER_LIP)].mean() > 0.1
    assert moved[list(FACE_OVAL)].max() == 0.0
    assert moved[[NOSE_TIP, 50, 280]].max() == 0.0


def test_no_correction_is_long(render: Renderer, at_rest: Landmarks, aim: Aim) -> None:
    wanted = turned(at_rest, 10.0)
    shifted = wanted + np.array([0.15 * face_height_px(at_rest), 0.0, 0.0], np.float32)
    aim.learn(wanted, wanted, render(shifted))  # seen far off from where it was asked to be
    moved = np.linalg.norm(aim.aimed(wanted) - wanted, axis=1).max()
    assert 0.0 < moved < 0.03 * face_height_px(at_rest)


def test_results_without_a_face_teach_nothing(photo: Picture, at_rest: Landmarks, aim: Aim) -> None:
    wanted = turned(at_rest, 14.0)
    aim.learn(wanted, wanted, np.zeros_like(photo))
    assert np.array_equal(aim.aimed(wanted), wanted)
    assert not aim.is_new(wanted)  # and it is not looked at again and again


def test_far_from_the_photo_what_is_seen_is_not_believed(
    render: Renderer, at_rest: Landmarks, aim: Aim
) -> None:
    wanted = turned(at_rest, 35.0)
    aim.learn(wanted, wanted, render(wanted))
    assert np.abs(aim.aimed(wanted) - wanted).max() < 0.01


def test_memory_is_bounded(
    photo: Picture, at_rest: Landmarks, aim: Aim, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("enliven.aim._REMEMBERED", 3)
    faces = [turned(at_rest, yaw_deg) for yaw_deg in (12.0, 24.0, 36.0, -24.0)]
    for face in faces:
        aim.learn(face, face, photo)
    assert [aim.is_new(face) for face in faces] == [True, True, False, False]
    assert not aim.is_new(at_rest.points)
