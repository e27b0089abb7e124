"""Eyeballs under moving lids, on a drawn eye whose every colour is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from enliven.model.eyes import LEFT, RIGHT, EyeLayer, EyeNames
from enliven.topology import mean_shape
from enliven.types import Floats, Overlay, Picture

SKIN, WHITE, IRIS, DUCT = (205, 160, 140), (235, 232, 230), (60, 80, 120), (220, 60, 60)


def drawn(names: EyeNames) -> tuple[Picture, Floats]:
    """A photo whose inner corner is red, and its landmarks (478, 2)."""
    points = (mean_shape()[:, :2] * 160.0 + [256, 256]).astype(np.float32)
    contour = points[list(names.contour)]
    middle = (contour[0] + contour[8]) / 2
    points[list(names.iris)] += middle - points[names.iris[0]]
    width = float(np.linalg.norm(contour[0] - contour[8]))
    photo = np.full((512, 512, 3), SKIN, np.uint8)
    ball = np.full_like(photo, WHITE)
    cv2.circle(ball, tuple(int(v) for v in np.rint(contour[8])), round(0.12 * width), DUCT, -1)
    cv2.circle(ball, tuple(int(v) for v in np.rint(middle)), round(0.19 * width), IRIS, -1)
    mask = np.zeros((512, 512), np.uint8)
    cv2.fillPoly(mask, [np.rint(contour).astype(np.int32)], 1)
    return np.where(mask[..., None] > 0, ball, photo), points


def looking_aside(points: Floats, names: EyeNames, share: float) -> Floats:
    """The iris moved towards the outer corner by a share of the eye's width."""
    outer, inner = points[names.contour[0]], points[names.contour[8]]
    moved = points.copy()
    moved[list(names.iris)] += (outer - inner) * np.float32(share)
    return moved


@pytest.fixture(params=[RIGHT, LEFT], ids=["right", "left"])
def names(request: pytest.FixtureRequest) -> EyeNames:
    return request.param  # type: ignore[no-any-return]


def shown(photo: Picture, points: Floats, target: Floats, names: EyeNames) -> Overlay:
    overlay = EyeLayer(photo, points, names).overlay(target, 1.0)
    assert overlay is not None
    return overlay


def at(overlay: Overlay, place: Floats) -> tuple[int, int]:
    x, y = np.rint(place - np.array(overlay.to_picture.shift_px)).astype(int)
    return int(y), int(x)


def test_the_tear_duct_stays_in_its_corner_when_the_eye_looks_aside(names: EyeNames) -> None:
    photo, points = drawn(names)
    target = looking_aside(points, names, 0.2)
    overlay = shown(photo, points, target, names)
    visible = overlay.image[overlay.alpha > 0.5].astype(int)
    assert len(visible) > 100
    assert (visible[:, 0] - visible[:, 1]).max() < 40  # nothing red in the white
    outer, inner = target[names.contour[0]], target[names.contour[8]]
    assert (
        overlay.alpha[at(overlay, inner + 0.05 * (outer - inner))] < 0.05
    )  # there the photo's own corner shows
    assert overlay.alpha[at(overlay, inner + 0.3 * (outer - inner))] > 0.9


def test_an_iris_that_looks_inwards_covers_the_tear_duct(names: EyeNames) -> None:
    photo, points = drawn(names)
    target = looking_aside(points, names, -0.25)
    overlay = shown(photo, points, target, names)
    outer, inner = target[names.contour[0]], target[names.contour[8]]
    place = at(overlay, inner + 0.12 * (outer - inner))
    assert overlay.alpha[place] > 0.8
    assert overlay.image[place][2] > overlay.image[place][0]  # blue as the iris


def test_lids_throw_a_shadow_on_the_eyeball(names: EyeNames) -> None:
    photo, points = drawn(names)
    target = looking_aside(points, names, 0.2)
    overlay = shown(photo, points, target, names)
    upper, lower = (target[list(side)] for side in (names.upper, names.lower))
    inner_third = np.argsort(np.linalg.norm(upper - target[names.contour[8]], axis=1))[2]
    top, bottom = upper[inner_third], lower[inner_third]
    middle = overlay.image[at(overlay, (top + bottom) / 2)].astype(int)
    edge = overlay.image[at(overlay, top + 0.12 * (bottom - top))].astype(int)
    assert (edge < 0.95 * middle).all()
