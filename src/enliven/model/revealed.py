"""What further pictures of the same scene show of the background behind the person.

A head that moves uncovers it; one photo does not know what is there, other frames of its video often do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np

from enliven.model.strokes import disc
from enliven.pixels import Mask
from enliven.types import FaceCrop, Floats, Picture, Scene, SceneView

_PERSON = 0.1
"""Share of a person from which a pixel is no background."""
_RIM = 0.02
"""Pixels so near to a person may be stray hair or shadow; in sides of the square."""
_LEAST_COMMON = 0.02
"""Share of the square that must be background in both pictures, to see whether the camera stood still."""
_STILL = 7.0
"""Grey levels by which background differs, in the median, when camera and room stood still."""
_SAME = 14.0
"""The same on the mean, so that edges count, in the same light: a picture that may stand in for the photo."""
_UNSURE = 12.0
"""Grey levels by which what several pictures show at one place may differ, in the median."""
CERTAIN = 0.99
"""What is known less is read between what is known and what is not."""
_MOST_GAIN = 1.25
"""How much brighter or darker than the photo another picture may have been taken."""

Values = TypeVar("Values", Picture, Floats)


@dataclass(frozen=True, eq=False)
class Revealed:
    """Background that the photo's person hides."""

    picture: Picture
    """RGB (S, S, 3); where it is not known, what is known nearest, so that it can be read between pixels."""
    known: Floats
    """(S, S) 0..1 where it is known."""
    crop: FaceCrop
    """Where the square lies in the photo."""

    def over(self, box_xyxy: tuple[int, int, int, int], side: int) -> tuple[Floats, Floats]:
        """The same over a box of the photo, read as ``side`` x ``side`` pixels: (side, side, 3) and (side, side)."""
        x0, y0, x1, y1 = box_xyxy
        centres = (np.arange(side, dtype=np.float32) + 0.5) / side
        places = np.stack(np.meshgrid(x0 + centres * (x1 - x0), y0 + centres * (y1 - y0)), axis=-1) - 0.5
        inside = self.crop.to_picture.inverse().apply(places.reshape(-1, 2)).reshape(places.shape)
        at = inside.astype(np.float32)
        picture = cv2.remap(self.picture, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        known = cv2.remap(self.known, at, None, cv2.INTER_LINEAR, borderValue=0.0)
        return np.asarray(picture, np.float32), np.asarray(known, np.float32)


def revealed(scene: Scene) -> Revealed | None:
    """What the views of the scene show behind the photo's person.

    None when they show nothing, when the camera moved, or when no outlines are known.
    """
    if scene.person is None:
        return None
    own = _background(scene.person, np.ones(scene.picture.shape[:2], np.float32))
    seen = [found for view in scene.views if (found := _seen(scene.picture, own, view)) is not None]
    if not seen:
        return None
    pictures = np.stack([picture for picture, _ in seen])
    there = np.stack([behind for _, behind in seen])
    pictures[~there] = np.nan
    some = there.any(axis=0)
    middle = np.zeros(scene.picture.shape, np.float32)
    middle[some] = np.nanmedian(pictures[:, some], axis=0)
    apart = np.zeros(some.shape, np.float32)
    apart[some] = np.nanmedian(np.abs(pictures[:, some] - middle[some]).mean(axis=-1), axis=0)
    known = some & ~own & (apart < _UNSURE)
    if not known.any():
        return None
    picture = continued(np.rint(middle).astype(np.uint8), known)
    return Revealed(picture, known.astype(np.float32), scene.crop)


def continued(values: Values, known: Mask) -> Values:
    """(S, S) or (S, S, C) with the nearest known value wherever it is not known: black there once drew lines along a
    picture's border."""
    away = np.where(known, 0, 1).astype(np.uint8)
    _, labels = cv2.distanceTransformWithLabels(away, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    table = np.zeros((int(labels.max()) + 1, *values.shape[2:]), values.dtype)
    table[labels[known]] = values[known]
    return np.asarray(table[labels])


def stands_still(scene: Scene, view: SceneView) -> bool:
    """Whether camera, room and light were the photo's when the view was taken, as far as the background tells."""
    if scene.person is None or view.person is None:
        return False
    own = _background(scene.person, np.ones(scene.picture.shape[:2], np.float32))
    common = own & _background(view.person, view.known)
    if common.mean() < _LEAST_COMMON:
        return False
    return float(_apart(view.picture, scene.picture)[common].mean()) < _SAME


def background_of(seen: Picture, person: Floats, crop: FaceCrop, behind: Revealed | None) -> Revealed:
    """All that is known of the scene without its person: what the photo shows, and what was behind the person.

    ``seen``: RGB (S, S, 3) the photo under ``crop``; ``person``: (S, S) how much of each pixel is the person.
    """
    own = _background(person, np.ones(seen.shape[:2], np.float32))
    picture, known = seen.copy(), own.astype(np.float32)
    if behind is not None:
        to_behind = behind.crop.to_picture.inverse() @ crop.to_picture
        there, sure = (
            cv2.warpAffine(each, to_behind.matrix, own.shape, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
            for each in (behind.picture, behind.known)
        )
        picture[~own] = there[~own]
        known = np.where(own, known, sure)
    picture = continued(picture, known > CERTAIN)
    return Revealed(picture, np.asarray(known, np.float32), crop)


def _seen(photo: Picture, own: Mask, view: SceneView) -> tuple[Floats, Mask] | None:
    """(S, S, 3) the view in the photo's light, and (S, S) where it shows background; None when the camera moved."""
    if view.person is None:
        return None
    behind = _background(view.person, view.known)
    common = own & behind
    if common.mean() < _LEAST_COMMON:
        return None
    gain = photo[common].mean(axis=0) / np.maximum(view.picture[common].mean(axis=0), 1.0)
    if max(gain.max(), 1.0 / max(gain.min(), 1e-3)) > _MOST_GAIN:
        return None
    picture = view.picture * gain.astype(np.float32)
    off = _apart(picture, photo.astype(np.float32))
    return (picture, behind) if float(np.median(off[common])) < _STILL else None


def _apart(one: Picture | Floats, other: Picture | Floats) -> Floats:
    """(S, S) grey levels by which two pictures differ, a pixel's shift forgiven."""
    blurred = cv2.blur(one, (3, 3)).astype(np.float32) - cv2.blur(other, (3, 3))
    return np.asarray(np.abs(blurred).mean(axis=-1), np.float32)


def _background(person: Floats, known: Floats) -> Mask:
    """(S, S) of bool: known, and far enough from anybody."""
    rim = max(1, round(_RIM * person.shape[0]))
    near = cv2.dilate((person > _PERSON).astype(np.uint8), disc(rim))
    return np.asarray((near == 0) & (known > CERTAIN))
