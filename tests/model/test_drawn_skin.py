"""Cheeks that turn to the viewer: no noise and no rim drawn out, and nothing else touched."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from enliven.compositing.paste import Paster
from enliven.geometry import Similarity, facing
from enliven.model.drawn_skin import DrawnSkin
from enliven.model.mesh_flow import MeshFlow, closed_mesh
from enliven.model.shares import at_side
from enliven.model.warp_engine import WarpEngine
from enliven.topology import FACE_OVAL, mean_shape
from enliven.types import FaceCrop, Floats, Landmarks, Overlay, Picture

SIZE = 400
SKIN, HAIR = np.array([190, 150, 130]), np.array([30, 25, 20])
CROP = FaceCrop(Similarity(), SIZE)


@pytest.fixture(scope="module")
def points() -> Floats:
    return np.asarray(mean_shape() * 60 + [SIZE / 2, SIZE / 2, 0], np.float32)


@pytest.fixture(scope="module")
def photo(points: Floats) -> Picture:
    """Noisy skin that ends in hair two pixels within the face's outline."""
    picture = np.zeros((SIZE, SIZE, 3)) + HAIR
    outline = np.round(points[list(FACE_OVAL), :2]).astype(np.int32)
    face = np.zeros((SIZE, SIZE), np.uint8)
    cv2.fillPoly(face, [outline], 1)
    face = cv2.erode(face, np.ones((5, 5), np.uint8))
    picture[face > 0] = SKIN
    noise = np.random.default_rng(0).normal(0, 8, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def turned(points: Floats, yaw_deg: float) -> Floats:
    c, s = np.cos(np.radians(yaw_deg)), np.sin(np.radians(yaw_deg))
    centre = np.array([SIZE / 2, SIZE / 2, 0])
    rotation = np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])
    return np.asarray((points - centre) @ rotation.T + centre, np.float32)


def overlay_of(photo: Picture, points: Floats, target: Floats) -> Overlay | None:
    mesh = MeshFlow(points)
    labels = mesh.label(target, SIZE)
    return DrawnSkin(photo, points, CROP).overlay(target, labels, mesh.flow_of(target, labels))


def test_a_face_that_turns_little_keeps_all_its_pixels(photo: Picture, points: Floats) -> None:
    for target in (points, points + np.float32([5, 3, 0]), turned(points, 4.0)):
        assert overlay_of(photo, points, target) is None


@pytest.mark.parametrize("yaw_deg", [-28.0, 28.0])
def test_a_cheek_that_comes_to_the_front_is_even_to_its_outline(
    photo: Picture, points: Floats, yaw_deg: float
) -> None:
    target = turned(points, yaw_deg)
    engine = WarpEngine(photo, Landmarks(points, (SIZE, SIZE)))
    rendering = engine.render(target)
    shown = Paster(photo).paste(rendering)
    bare = Paster(photo).paste(replace(rendering, overlays=rendering.overlays[1:]))
    cheek = _near_cheek(points, target)
    darkest = [float(np.percentile(picture[cheek].mean(axis=1), 2)) for picture in (bare, shown)]
    assert darkest[0] < 0.55 * SKIN.mean()  # hair is drawn over the rim
    assert darkest[1] > 0.75 * SKIN.mean()
    spread = [float(picture[cheek].std(axis=0).mean()) for picture in (bare, shown)]
    assert spread[1] < 0.4 * spread[0]


def test_a_beard_stays(photo: Picture, points: Floats) -> None:
    """Tones are those of the place."""
    bearded = photo.copy()
    chin = int(points[:, 1].max() - 0.3 * np.ptp(points[:, 1]))
    bearded[chin:] = HAIR
    target = turned(points, 28.0)
    overlay = overlay_of(bearded, points, target)
    assert overlay is not None
    y = int(overlay.to_picture.shift_px[1])
    low = overlay.image[chin + 12 - y :][overlay.alpha[chin + 12 - y :] > 0.5]
    assert low.size > 0
    assert low.mean() < 70


def _near_cheek(points: Floats, target: Floats) -> npt.NDArray[np.bool_]:
    """(H, W) what triangles of the sides show that were seen at a slant and are not any more."""
    faces = closed_mesh()
    wanted = at_side() & (facing(points, faces) < 0.45) & (facing(target, faces) > 0.6)
    drawn = np.zeros((SIZE, SIZE), np.uint8)
    for corners in np.round(target[faces[wanted], :2]).astype(np.int32):
        cv2.fillConvexPoly(drawn, corners, 1)
    # The seam to what is beside the face is not the cheek's.
    whole = np.zeros_like(drawn)
    cv2.fillPoly(whole, [cv2.convexHull(np.round(target[:, :2]).astype(np.int32))], 1)
    return (drawn > 0) & (cv2.erode(whole, np.ones((13, 13), np.uint8)) > 0)
