"""Where the networks' painting counts, and where the mesh's own layers show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.synthetic_face import draw_face

from enliven.geometry import Similarity
from enliven.measure import mouth_openness
from enliven.model.caution import (
    LEARNED_MOUTH,
    UNSEEN_MOUTH,
    near_face,
    not_final,
    on_person,
    paintable,
    trust,
)
from enliven.topology import INNER_LIPS
from enliven.types import FaceCrop, Overlay

SIZE = 128


@pytest.mark.parametrize("mouth_open", [0.0, 0.12])
def test_mouths_as_learned_are_painted_by_the_networks(mouth_open: float) -> None:
    _, points = draw_face(SIZE, mouth_open=mouth_open)
    assert mouth_openness(points) < LEARNED_MOUTH
    assert (trust(points, SIZE) == 1.0).all()


def test_a_mouth_wider_than_learned_shows_the_mesh_and_nothing_else_does() -> None:
    _, points = draw_face(SIZE, mouth_open=1.0)
    assert mouth_openness(points) > UNSEEN_MOUTH
    share = trust(points, SIZE)
    x, y = points[list(INNER_LIPS), :2].mean(axis=0).astype(int)
    assert share[y, x] == pytest.approx(0.0, abs=1e-5)
    x, y = points[1, :2].astype(int)  # the nose
    assert share[y, x] == 1.0
    assert share[:10].min() == 1.0


def test_hair_and_background_are_far_from_the_face() -> None:
    _, points = draw_face(SIZE)
    share = near_face(points, SIZE)
    assert share.shape == (SIZE, SIZE)
    for inside in (1, 13, 50, 280, 152):  # nose, lip, cheeks, chin
        x, y = points[inside, :2].astype(int)
        assert share[y, x] > 0.6
    assert share[:4].max() == share[:, :4].max() == 0.0


def test_who_is_cut_out_is_painted_near_the_face_alone() -> None:
    _, points = draw_face(SIZE)
    near = paintable(points, SIZE, cut_out=True)
    x, y = points[1, :2].round().astype(int)
    assert near[y, x] == 1.0
    assert near[2, 2] == 0.0
    assert (paintable(points, SIZE, cut_out=False) == 1.0).all()


def test_beyond_the_outline_nothing_is_painted_and_within_it_all() -> None:
    """On a black wall a painted edge, which is soft, was a glow around the cheek."""
    _, points = draw_face(SIZE)
    first, second = np.zeros((2, SIZE, SIZE), np.float32)
    first[:, :20], second[:, 100:] = 1.0, 1.0
    share = on_person(points, first, second)
    assert share[:, :19].min() == share[:, 101:].min() == 1.0
    assert share[5, 21:99].max() == 0.0
    x, y = points[1, :2].astype(int)  # the nose: a face is a person, wherever outlines are
    assert share[y, x] == 1.0
    assert on_person(points, first)[5, 100:].max() == 0.0


def test_what_is_final_is_not_painted_over_wherever_the_crop_lies() -> None:
    final = np.zeros((40, 60), np.float32)
    final[10:30, 20:50] = 1.0
    patch = Overlay(np.zeros((40, 60, 3), np.uint8), final, Similarity(shift_px=(100.0, 200.0)), final)
    crop = FaceCrop(Similarity(2.0, 0.0, (80.0, 190.0)), 64)
    kept = not_final((replace(patch, final=None), patch), crop)
    assert kept is not None
    # Photo pixels 120..150 x 210..230 are crop pixels 20..35 x 10..20.
    assert kept[12:18, 22:33].max() < 0.01
    kept[8:22, 18:37] = 1.0
    np.testing.assert_array_equal(kept, 1.0)
    assert not_final((replace(patch, final=None),), crop) is None
