"""A person's photos as crops: those that are learned from, and those held back to compare candidates on."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from enliven.geometry import RigidPose, Similarity
from enliven.measure import rigid_pose
from enliven.topology import mirror_permutation
from enliven.types import Floats, Landmarks, Picture

_MOST_HELD_BACK = 6
_VARIANTS = 5
"""Of a single photo to learn from."""
_TURN_DEG, _GROWTH, _SHIFT = 6.0, 0.05, 0.03
"""Spread of the variants: turn, size, place (in crop sides)."""
_STRANGE_DEG, _LEAN = (-15.0, 15.0), 0.2
"""Turns of poses that no photo shows; how far a head moves to the side by a turn of 90 degrees, in crop sides."""


@dataclass(frozen=True, eq=False)
class Crop:
    """One picture as the networks read it."""

    picture: Picture
    """(S, S, 3)"""
    points: Floats
    """(478, 3) in its pixels."""


@dataclass(frozen=True, eq=False)
class Split:
    """What is learned from, and what is compared on; never the same."""

    learned: tuple[Crop, ...]
    held_back: tuple[Crop, ...]
    strange: tuple[Crop, ...] = ()
    """Where only the photos themselves are held back: photos, with landmarks turned as none of them is."""


def split(crops: list[Crop], seed: int) -> Split:
    """One in four photos is held back, at most six, never the first.

    A single photo to learn from gives pairs with itself, mirrored, turned, grown and shifted; of those that are
    compared on none is learned from.
    """
    random = np.random.default_rng(seed)
    held = 0 if len(crops) < 3 else min(_MOST_HELD_BACK, max(1, len(crops) // 4))
    places = {int(p) for p in np.linspace(1, len(crops) - 1, held).round()} if held else set()
    learned = [crop for index, crop in enumerate(crops) if index not in places]
    held_back = [crops[index] for index in sorted(places)]
    if len(crops) == 1:
        learned = [crops[0], *(_variant(crops[0], random, mirror=n % 2 == 1) for n in range(_VARIANTS))]
        held_back = [mirrored(crops[0]), _variant(crops[0], random, mirror=False)]
    elif not held_back:
        held_back = [mirrored(crop) for crop in crops]
    strange = [] if held else [turned(crops[0], yaw_deg) for yaw_deg in _STRANGE_DEG]
    return Split(tuple(learned), tuple(held_back), tuple(strange))


def turned(crop: Crop, yaw_deg: float) -> Crop:
    """The crop's picture with landmarks of a head that is turned farther by so much, and moved to that side."""
    side = crop.picture.shape[0]
    pose = rigid_pose(Landmarks(crop.points, (side, side)))
    sine, cosine = np.sin(np.deg2rad(yaw_deg)), np.cos(np.deg2rad(yaw_deg))
    yaw = np.array([[cosine, 0.0, sine], [0.0, 1.0, 0.0], [-sine, 0.0, cosine]])
    shift = pose.shift + np.array([_LEAN * side * sine, 0.0, 0.0])
    own = pose.inverse().apply(crop.points)
    return Crop(crop.picture, RigidPose(pose.scale, yaw @ pose.rotation, shift).apply(own).astype(np.float32))


def mirrored(crop: Crop) -> Crop:
    """The person in a mirror, left and right landmarks swapped."""
    side = crop.picture.shape[1]
    points = crop.points[mirror_permutation()].copy()
    points[:, 0] = side - 1 - points[:, 0]
    return Crop(np.ascontiguousarray(crop.picture[:, ::-1]), points)


def _variant(crop: Crop, random: np.random.Generator, *, mirror: bool) -> Crop:
    """The crop turned, grown and shifted a little."""
    crop = mirrored(crop) if mirror else crop
    side = crop.picture.shape[0]
    middle = (side - 1) / 2
    turn = Similarity(float(1 + _GROWTH * random.uniform(-1, 1)), float(_TURN_DEG * random.uniform(-1, 1)))
    moved = turn.apply(np.array([middle, middle]))
    shift = np.array([middle, middle]) - moved + _SHIFT * side * random.uniform(-1, 1, 2)
    place = Similarity(turn.scale, turn.angle_deg, (float(shift[0]), float(shift[1])))
    picture = cv2.warpAffine(
        crop.picture, place.matrix, (side, side), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )
    xy = place.apply(crop.points[:, :2])
    points = np.column_stack([xy, crop.points[:, 2] * place.scale]).astype(np.float32)
    return Crop(np.asarray(picture, np.uint8), points)
