"""What stays where it is when the head moves: the photo without its person."""

from __future__ import annotations

import cv2
import numpy as np

from enliven.types import Backdrop, Floats, Matte, Picture

_MARGIN = 0.025
"""Width of the rim around the person that goes along: stray hairs, which no matte finds; in face heights."""
_PERSON = 0.5
"""From here on a pixel of the matte is the person's."""
_SMALLEST = 4
"""Side of the coarsest picture from which holes are filled."""


def backdrop_of(photo: Picture, matte: Matte, face_px: float) -> Backdrop:
    """The photo (H, W, 3) without the person of the matte, and the person's outline, at the photo's resolution.

    ``face_px``: height of the face in photo pixels.
    """
    x0, y0, x1, y1 = matte.box_xyxy
    size_wh = (x1 - x0, y1 - y0)
    part = photo[y0:y1, x0:x1]
    side = matte.alpha.shape[0]
    rim = max(1, round(_MARGIN * face_px * side / max(size_wh)))  # matte pixels
    person = np.asarray(matte.alpha > _PERSON, np.uint8)
    moves = _grown(np.maximum(matte.alpha, person), rim)
    covered = cv2.dilate(person, _disc(2 * rim)).astype(np.float32)
    small = cv2.resize(part, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32)
    filled = _pulled_in(small, 1.0 - covered)
    hole = cv2.blur(covered, (rim + 1, rim + 1))
    large = [cv2.resize(each, size_wh, interpolation=cv2.INTER_LINEAR) for each in (filled, hole, moves)]
    plate = part + (large[0] - part) * large[1][..., None]
    return Backdrop(
        np.clip(np.rint(plate), 0, 255).astype(np.uint8),
        np.clip(np.rint(large[2] * 255), 0, 255).astype(np.uint8),
        (x0, y0),
    )


def _grown(alpha: Floats, rim: int) -> Floats:
    """The matte with a rim that falls softly to nothing over twice ``rim`` pixels."""
    wider = cv2.dilate(alpha, _disc(rim))
    soft: Floats = np.maximum(cv2.blur(wider, (2 * rim + 1, 2 * rim + 1)), alpha)
    return soft


def _disc(radius: int) -> Picture:
    disc: Picture = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)).astype(
        np.uint8
    )
    return disc


def _pulled_in(picture: Floats, known: Floats) -> Floats:
    """(h, w, 3) with what is not ``known`` (h, w) filled from around, smoothly: pull and push over halving sizes.

    Gortler et al. 1996, "The Lumigraph", section 3.3.
    """
    if min(picture.shape[:2]) <= _SMALLEST:
        weight = known[..., None]
        mean = (picture * weight).sum(axis=(0, 1)) / max(float(weight.sum()), 1e-6)
        return np.asarray(picture * weight + mean * (1.0 - weight), np.float32)
    half = (picture.shape[1] // 2, picture.shape[0] // 2)
    share = cv2.resize(known, half, interpolation=cv2.INTER_AREA)
    summed = cv2.resize(picture * known[..., None], half, interpolation=cv2.INTER_AREA)
    coarse = _pulled_in(summed / np.maximum(share, 1e-6)[..., None], np.minimum(share * 4.0, 1.0))
    pushed = cv2.resize(coarse, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    filled = pushed + (picture - pushed) * known[..., None]
    return np.asarray(filled, np.float32)
