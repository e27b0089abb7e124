"""What a face measures like from another side: exact in its symmetries, and true of people it was not learned from."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.motion.people import Look, looking, mirrored, person

from enliven.face.landmarker import MediaPipeLandmarker
from enliven.geometry import fit_rigid_pose, fit_similarity
from enliven.measure import head_pose, head_radius_px, mouth_openness, rigid_pose
from enliven.motion.view_shape import ViewedFace, causes, viewed_from
from enliven.topology import FACE_OVAL, STABLE, mirror_permutation, views
from enliven.types import Floats, Landmarks

STABLES, OVAL = list(STABLE), list(FACE_OVAL)
CLIPS = Path(__file__).parents[2].parent / "shared/databank/clips"
MIRROR = np.diag([-1.0, 1.0, 1.0])
angles = st.floats(-30.0, 30.0)


def turning(yaw_deg: float, roll_deg: float = 0.0) -> Floats:
    """(3, 3) from the front to this pose."""
    front, turned = (looking(person(0), look) for look in (Look(), Look(yaw_deg=yaw_deg, roll_deg=roll_deg)))
    return np.asarray(fit_rigid_pose(front.points, turned.points).rotation)


@given(yaw=angles, seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_without_a_turn_nothing_changes(yaw: float, seed: int) -> None:
    face = ViewedFace(looking(person(seed), Look(yaw_deg=yaw)))
    np.testing.assert_allclose(face.changed(np.eye(3)), 0.0, atol=1e-4)


def test_the_table_is_that_of_a_symmetric_mean_person() -> None:
    for number, sign in enumerate((-1.0, 1.0, 1.0, 1.0, -1.0)):  # yaw and yaw times pitch change sides
        in_mirror = views()[number][mirror_permutation()] @ MIRROR
        np.testing.assert_allclose(in_mirror, sign * views()[number], atol=2e-3)


def test_the_view_is_free_of_roll_and_bounded() -> None:
    rolled = turning(0.0, 25.0)
    for yaw in (-20.0, 0.0, 15.0):
        np.testing.assert_allclose(viewed_from(rolled @ turning(yaw)), viewed_from(turning(yaw)), atol=1e-4)
    assert viewed_from(np.eye(3)) == (0.0, 0.0)
    np.testing.assert_array_equal(causes(0.0, 0.0), 0.0)
    np.testing.assert_array_equal(causes(80.0, -70.0), causes(45.0, -30.0))


@given(yaw=angles, to=angles, seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_a_mirrored_face_changes_in_the_mirror(yaw: float, to: float, seed: int) -> None:
    face = looking(person(seed), Look(yaw_deg=yaw))
    rotation = turning(to)
    changed = ViewedFace(face).changed(rotation)[mirror_permutation()] @ MIRROR
    in_mirror = ViewedFace(mirrored(face)).changed(MIRROR @ rotation @ MIRROR)
    np.testing.assert_allclose(in_mirror, changed, atol=0.02 * head_radius_px(face.points))


def test_what_a_side_view_has_more_on_one_side_goes_when_the_face_comes_to_the_front() -> None:
    shape = person(3)
    cheek = np.clip(shape[:, :1] - 0.4, 0.0, 1.0) * [0.2, 0.0, 0.1] * (shape[:, 1:2] > 0)
    turned = looking(shape + cheek, Look(yaw_deg=35.0))
    rotation = turning(-35.0)
    changed = turned.points + ViewedFace(turned).changed(rotation)
    sides = [_one_sided(points @ rotation.T) for points in (turned.points, changed)]
    assert sides[1] < 0.5 * sides[0]


def _one_sided(points: Floats) -> float:
    """How far the lower cheeks lie from each other's mirror image."""
    upright = rigid_pose(Landmarks(points.astype(np.float32), (512, 512))).inverse().apply(points)
    return float(np.abs((upright - upright[mirror_permutation()] @ MIRROR)[OVAL]).mean())


@pytest.mark.databank
@pytest.mark.skipif(not CLIPS.exists(), reason="../shared/databank is not there")
def test_people_seen_from_one_side_are_foreseen_from_another() -> None:
    """Of the val split, which the table was not learned from."""
    errors = []
    for name in (
        "liveportrait__lp_d12__00",
        "celebvtext__cvt_ZALJOhWzXY_7_0__02",
        "latentsync__ls_demo3__00",
    ):
        faces = _faces(CLIPS / f"{name}.mp4")
        for seen in faces:
            viewed = ViewedFace(seen)
            errors += [
                [_off(seen.points + more, other) for more in (0.0, viewed.changed(_turn(seen, other)))]
                for other in faces
                if abs(head_pose(seen).yaw_deg - head_pose(other).yaw_deg) > 12.0
                and abs(mouth_openness(seen.points) - mouth_openness(other.points)) < 0.06
            ]
    assert len(errors) > 60
    rigid, foreseen = np.mean(errors, axis=0)
    assert foreseen < 0.8 * rigid


def _faces(clip: Path) -> list[Landmarks]:
    with av.open(str(clip)) as container, MediaPipeLandmarker() as landmarker:
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)][::8]
        return [found[0] for picture in pictures if (found := landmarker.detect(picture))]


def _turn(seen: Landmarks, other: Landmarks) -> Floats:
    return np.asarray(fit_rigid_pose(seen.points[STABLES], other.points[STABLES]).rotation)


def _off(points: Floats, other: Landmarks) -> float:
    """Error of the face's outline after the rigid turn, in radii of the head."""
    turned = points @ _turn(Landmarks(points.astype(np.float32), other.image_size_wh), other).T
    placed = fit_similarity(turned[STABLES, :2], other.xy[STABLES]).apply(turned[:, :2])
    off = np.linalg.norm(placed - other.xy, axis=1)[OVAL].mean()
    return float(off) / head_radius_px(other.points)
