"""The driver's motion on the source's own proportions.

Relative transfer reads every driving frame against a reference frame of the driver: the rigid head's change
and, with that removed, the change of expression. Both are applied to the source's own landmarks, scaled
by the sizes of the two faces, so that the source keeps their shape. Depth takes part in turning only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction

import cv2
import numpy as np
import numpy.typing as npt

from enliven.geometry import RigidPose, Similarity, fit_rigid_pose, fit_similarity, smoothstep
from enliven.measure import eye_openness, head_radius_px, mouth_openness, mouth_width
from enliven.motion.driver import EYES, DriverRange, Reference, gaze, past_camera, unlikeness
from enliven.motion.gaps import Lids, lip_gaps, set_lips, touched
from enliven.motion.regions import TransferSettings, region_weights
from enliven.motion.view_shape import ViewedFace
from enliven.topology import STABLE, smile
from enliven.types import Floats, Landmarks, Motion, TrackedFace

_STABLE = list(STABLE)
_SCALE_DEADBAND = 0.015
"""Changes of the head's size below this are landmark noise, seen as pumping."""
_MOST_GROWTH = 0.25
"""A head comes at most this much nearer or goes this much away; a photo's shoulders stay where they are."""
_MOST_SHIFT = 0.75
"""A head moves at most this far from its neck, in radii of the rigid head (about a quarter of the face's height)."""
_FREE_TURN, _MOST_TURN = math.radians(25.0), math.radians(40.0)
"""Turns up to the first are taken as they are, beyond they approach the second."""
_BETTER = 0.6
"""A later frame becomes the reference when it is this much more like the photo."""
_BLEND_SECONDS = Fraction(1)
_EASE_SECONDS = 0.3
"""After a loss or a cut the photo's face moves on to the driver's new place in this time; nobody's head jumps."""
_SAME_GAZE = 0.05
"""Photo and reference that look past the camera by amounts as near as this, in eye widths, look alike."""
_SAME_MOUTH = 0.05
"""Mouths at rest are so unlike, in distances of the eyes' outer corners (standard deviation of 99 people: 0.04); a

reference with a wider one than the photo's by more is smiling.
"""
_MOST_SMILE = 0.2
"""By so much a photo's mouth is made wider for that."""
_GAZE_REACH = 0.22
"""How far an iris may go from its place in the photo, in eye widths."""


@dataclass
class _Blend:
    """From one reference to a better one."""

    old: Reference
    since: Fraction


class MotionTransfer:
    """Maps one driver's tracked face onto one source; keeps the driver's reference and range."""

    def __init__(self, source: Landmarks, settings: TransferSettings | None = None) -> None:
        """``source``: the photo's landmarks."""
        self.source = source
        self.settings = settings or TransferSettings()
        self._lids = Lids(source.points)
        self._past_camera = past_camera(source)
        self._mouth_width = mouth_width(source.points)
        self._viewed = ViewedFace(source)
        self._gaps = lip_gaps(source.points)
        self._size = head_radius_px(source.points)
        self._reference: Reference | None = None
        self._unlikeness = np.inf
        self._blend: _Blend | None = None
        self._range = DriverRange()
        self._last = Motion(source.points, Fraction(0), held=True)
        self._last_gaze = np.zeros((2, 2))
        self._ever_seen = False
        self._ease: Motion | None = None  # the last motion before a loss or a cut, while it fades
        self._placement: Similarity | None = None

    def choose_among(self, ahead: list[TrackedFace]) -> None:
        """Begin anew: of these coming frames the one most like the photo becomes the reference."""
        self._reference, self._unlikeness, self._blend = None, np.inf, None
        self._placement, self._range = None, DriverRange()
        faces = [face.landmarks for face in ahead if face.landmarks is not None and face.found]
        for landmarks in faces:
            self._range.learn(eye_openness(landmarks.points))
        for landmarks in faces:
            unlike = unlikeness(landmarks, self.source, self._range.usual)
            if unlike < self._unlikeness:
                self._reference, self._unlikeness = Reference.of(landmarks), unlike

    def consider(self, tracked: TrackedFace) -> None:
        """Learn from a frame that will come; a much better reference is blended in without a jump."""
        if self._reference is None or tracked.landmarks is None or not tracked.found:
            return
        self._range.learn(eye_openness(tracked.landmarks.points))
        unlike = unlikeness(tracked.landmarks, self.source, self._range.usual)
        if unlike < _BETTER * self._unlikeness and self._blend is None:
            self._blend = _Blend(self._reference, self._last.time)
            self._reference, self._unlikeness = Reference.of(tracked.landmarks), unlike

    def update(self, tracked: TrackedFace) -> Motion:
        """Where the source's landmarks lie while the driver looks like this; holds while they are lost."""
        if tracked.landmarks is None or not tracked.found:
            self._last = replace(self._last, time=tracked.time, held=True)
            return self._last
        if self._reference is None:
            self.choose_among([tracked])
        if self._ever_seen and (self._last.held or tracked.scene_cut):
            self._ease = replace(self._last, time=tracked.time)
        points = self._eased(self._moved(tracked), tracked.time)
        self._last, self._ever_seen = Motion(points.astype(np.float32), tracked.time), True
        return self._last

    def _eased(self, points: Floats, time: Fraction) -> Floats:
        if self._ease is None or self.settings.mode == "absolute":
            return points
        t = float(time - self._ease.time) / _EASE_SECONDS
        if t >= 1.0:
            self._ease = None
            return points
        share = np.float32(smoothstep(t))
        return self._ease.points + (points - self._ease.points) * share

    def _moved(self, tracked: TrackedFace) -> Floats:
        assert tracked.landmarks is not None
        assert self._reference is not None
        if self.settings.mode == "absolute":
            return self._absolute(tracked.landmarks)
        points = self._relative(tracked.landmarks.points, self._reference)
        if self._blend is None:
            return points
        progress = min(max(float((tracked.time - self._blend.since) / _BLEND_SECONDS), 0.0), 1.0)
        old = self._relative(tracked.landmarks.points, self._blend.old)
        if progress >= 1.0:
            self._blend = None
        return (old + (points - old) * np.float32(progress)).astype(np.float32)

    def _relative(self, driver: Floats, reference: Reference) -> Floats:
        pose = reference.pose_of(driver)
        still = pose.inverse().apply(driver).astype(np.float32)
        # What a turn alone makes of the driver's shape is no expression.
        shown = still - reference.viewed.changed(pose.rotation)
        turn = _limited(pose.rotation, self.settings.of("pose"))
        points = self._expressed(shown, reference) + self._viewed.changed(turn)
        points = self._lids.moved(points, self._lid_fractions(driver, reference), self.settings.of("eyes"))
        points = self._with_lips(points, still, driver, reference)
        points = self._looking(points, driver, reference)
        return self._posed(points, driver, reference, RigidPose(pose.scale, turn, pose.shift))

    def _expressed(self, still: Floats, reference: Reference) -> Floats:
        """The source with the driver's change of expression, head unturned."""
        ratio = self._size / reference.size
        turn = fit_rigid_pose(reference.points[_STABLE], self.source.points[_STABLE]).rotation
        change = (still - reference.points) * np.float32(ratio)
        change[:, 2] = 0.0  # estimated depth is too coarse to be a change of expression
        change = change @ turn.T.astype(np.float32)
        weights = sum(
            region_weights()[region] * np.float32(self.settings.of(region))
            for region in ("mouth", "brows", "eyes")
        )
        points: Floats = (self.source.points + change * np.asarray(weights)[:, None]).astype(np.float32)
        return points + self._smiling(reference)

    def _smiling(self, reference: Reference) -> Floats:
        """(478, 3) what the photo lacks of the reference's smile.

        Who smiles all the time has no other reference, and with lips as far apart as the driver's and corners at rest
        a photo gapes.
        """
        more = min(max(reference.mouth_width - self._mouth_width - _SAME_MOUTH, 0.0), _MOST_SMILE)
        if more == 0.0:
            return np.zeros_like(self.source.points)
        flat = np.column_stack([smile(), np.zeros(len(smile()), np.float32)])
        wider = (
            flat @ self._viewed.pose.rotation.T * (self._viewed.pose.scale * more * self.settings.of("mouth"))
        )
        return np.asarray(wider, np.float32)

    def _lid_fractions(self, driver: Floats, reference: Reference) -> tuple[float, float]:
        """How open the driver's (right, left) eyes are: 0 shut, 1 as at rest."""
        fractions = []
        for side, openness in enumerate(eye_openness(driver)):
            rest = self._range.rest(side, reference)
            shut = self._range.shut(side, rest)
            fractions.append(float(max(openness - shut, 0.0) / (rest - shut)))
        return fractions[0], fractions[1]

    def _with_lips(self, points: Floats, still: Floats, driver: Floats, reference: Reference) -> Floats:
        strength = np.float32(self.settings.of("mouth"))
        if strength == 0:
            return points
        ratio = np.float32(self._size / reference.size)
        wanted = touched(lip_gaps(still) * ratio, mouth_openness(driver))
        gaps = np.maximum(self._gaps + (wanted - self._gaps) * strength, 0.0)
        return set_lips(points, gaps)

    def _looking(self, points: Floats, driver: Floats, reference: Reference) -> Floats:
        """The irises, round and sized as in the photo, where the driver's have gone."""
        change = gaze(driver) - reference.gaze + self._looked_elsewhere(reference)
        change = change * self.settings.of("gaze")
        result = points.copy()
        for side, (eye, iris) in enumerate(EYES):
            if eye_openness(driver)[side] > 1.2 * self._range.shut(side, self._range.rest(side, reference)):
                self._last_gaze[side] = np.clip(change[side], -_GAZE_REACH, _GAZE_REACH)
            # Behind a shut lid nobody sees the iris, and the landmarks guess; it stays where it was.
            along, across = self._last_gaze[side]
            axis = (self.source.points[eye[8], :2] - self.source.points[eye[0], :2]) @ [1, 1j]
            move = axis * complex(along, across * (1 if side else -1))
            shift = (points[[eye[0], eye[8]]] - self.source.points[[eye[0], eye[8]]]).mean(axis=0)
            shift = shift + np.array([move.real, move.imag, 0.0], np.float32)
            result[list(iris)] = self.source.points[list(iris)] + shift
        return result

    def _looked_elsewhere(self, reference: Reference) -> npt.NDArray[np.float64]:
        """(2, 2) to be added to changes of gaze, because the reference did not look where the photo looks.

        Where they look is a fact of the driver: with a reference that glanced aside all that follows would look past.
        """
        aside = reference.past_camera - self._past_camera
        aside = float(np.sign(aside)) * max(abs(aside) - _SAME_GAZE, 0.0)
        return np.array([[aside, 0.0], [-aside, 0.0]])  # along each eye, from its outer corner

    def _posed(self, points: Floats, driver: Floats, reference: Reference, pose: RigidPose) -> Floats:
        """The head turned, moved and sized like the driver's against the reference; ``pose``: as far as it may turn."""
        strength = self.settings.of("pose")
        if strength == 0:
            return points
        ratio = self._size / reference.size
        grown = pose.scale - 1.0
        grown = _softly(float(np.sign(grown) * max(abs(grown) - _SCALE_DEADBAND, 0.0)), _MOST_GROWTH)
        pivot = self.source.points[_STABLE].mean(axis=0)
        moved = (driver[_STABLE].mean(axis=0) - reference.points[_STABLE].mean(axis=0)) * ratio * strength
        moved[2] = 0.0
        distance = max(float(np.linalg.norm(moved)), 1e-6)
        moved *= _softly(distance, _MOST_SHIFT * self._size) / distance
        turned = (points - pivot) @ pose.rotation.T * (1.0 + strength * grown)
        return np.asarray(turned + pivot + moved, np.float32)

    def _absolute(self, driver: Landmarks) -> Floats:
        """The driver's own points in the photo, by one fixed scale and shift where the pictures differ in size."""
        if self._placement is None:
            self._placement = self._place(driver)
        placed = driver.moved(self._placement, self.source.image_size_wh).points
        strengths = self.settings.strength
        if all(strengths.get(region, 0.0) == 1.0 for region in ("pose", "mouth", "eyes", "brows", "gaze")):
            return placed
        return self._partly(placed)

    def _place(self, driver: Landmarks) -> Similarity:
        if driver.image_size_wh == self.source.image_size_wh:
            return Similarity()
        assert self._reference is not None
        fitted = fit_similarity(self._reference.points[_STABLE, :2], self.source.xy[_STABLE])
        upright = Similarity(fitted.scale)
        here = upright.apply(self._reference.points[_STABLE, :2].mean(axis=0))
        x, y = self.source.xy[_STABLE].mean(axis=0) - here
        return Similarity(fitted.scale, 0.0, (float(x), float(y)))

    def _partly(self, placed: Floats) -> Floats:
        """Absolute points with regions held back: the head's pose first, then the parts of the face in it."""
        pose = fit_rigid_pose(self.source.points[_STABLE], placed[_STABLE])
        posed = pose.apply(self.source.points).astype(np.float32)
        strength = self.settings.of("pose")
        points = self.source.points + (posed - self.source.points) * np.float32(strength)
        inner = placed - posed
        weights = sum(
            region_weights()[region] * np.float32(self.settings.of(region))
            for region in ("mouth", "brows", "eyes", "gaze")
        )
        return np.asarray(points + inner * np.asarray(weights)[:, None], np.float32)


def _softly(value: float, most: float) -> float:
    """Nearly ``value`` while small, never more than ``most``."""
    return most * math.tanh(value / most)


def _limited(rotation: npt.NDArray[np.float64], share: float) -> npt.NDArray[np.float64]:
    """The rotation about the same axis by ``share`` of the angle (Rodrigues), never more than a photo bears."""
    vector, _ = cv2.Rodrigues(rotation)
    angle = float(np.linalg.norm(vector))
    wanted = angle * share
    if wanted > _FREE_TURN:
        wanted = _FREE_TURN + _softly(wanted - _FREE_TURN, _MOST_TURN - _FREE_TURN)
    part, _ = cv2.Rodrigues(vector * (wanted / max(angle, 1e-9)))
    return np.asarray(part, np.float64)
