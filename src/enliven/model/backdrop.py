"""What stays where it is when the head moves: the photo without its person."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from enliven.model.completion import completed
from enliven.model.revealed import CERTAIN, Revealed
from enliven.model.strokes import disc
from enliven.types import Backdrop, Floats, Matte, Picture

_MARGIN = 0.025
"""Width of the rim around the person that goes along: stray hairs, which no matte finds; in face heights."""
_LEAST_ARCH = 0.3
"""Height of what is added to a head that the photo's upper border cuts, in halves of the cut's width, at least."""
_PERSON = 0.5
"""From here on a pixel of the matte is the person's."""
_STRAY, _STRAND = 0.25, 0.03
"""How far from the person a lock of hair may reach, and how wide it is at most, in face heights."""
_BROAD = 3
"""Times that width: nothing of it may stand out farther away, where the background has no pattern."""
_PLAIN, _SEEN, _CLEARLY = 10.0, 20.0, 2.0
"""Grey levels by which what is as thin stands out elsewhere, in 19 of 20 places, where the background is so plain that
a lock of hair can be told; the least by which one does, and how many times more than that."""
_SEAM = 2
"""Cells of the matte inside a hole's border over which a smooth filling, which begins as what is beside it, gives way
to one that goes on as that."""
_SMALLEST = 4
"""Side of the coarsest picture from which holes are filled."""


def backdrop_of(
    photo: Picture,
    matte: Matte,
    face_px: float,
    crown_xy: tuple[float, float] | None = None,
    behind: Revealed | None = None,
    *,
    locks: bool = True,
    patterned: bool = True,
) -> Backdrop:
    """The photo (H, W, 3) without the person of the matte, and the person's outline, at the photo's resolution.

    ``face_px``: height of the face in photo pixels; ``crown_xy``: about where the head ends above, which may be
    beyond a photo that cuts it off. ``behind``: what is known of the person's place from elsewhere; the rest is
    filled in from around. ``locks``: whether locks of hair are looked for that the matte has not found; ``patterned``:
    whether what is filled in goes on as what is around it, or smoothly.
    """
    x0, y0, x1, y1 = matte.box_xyxy
    size_wh = (x1 - x0, y1 - y0)
    part = photo[y0:y1, x0:x1]
    side = matte.alpha.shape[0]
    rim = max(1, round(_MARGIN * face_px * side / max(size_wh)))  # matte pixels
    small = cv2.resize(part, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32)
    person = np.asarray(matte.alpha > _PERSON, np.uint8)
    if locks:
        person |= _strands(small, cv2.dilate(person, disc(rim)), face_px * side / max(size_wh))
    moves = _grown(np.maximum(matte.alpha, person), rim)
    covered = cv2.dilate(person, disc(2 * rim)).astype(np.float32)
    gaps = covered
    if behind is not None:
        seen, known = behind.over(matte.box_xyxy, side)
        taken = (known > CERTAIN) & (covered > 0.0)
        small = np.where(taken[..., None], seen, small)
        gaps = np.where(taken, np.float32(0.0), covered)
    filled = _pulled_in(small, 1.0 - gaps)
    hole = cv2.blur(covered, (rim + 1, rim + 1))
    large = [cv2.resize(each, size_wh, interpolation=cv2.INTER_LINEAR) for each in (filled, hole, moves)]
    going_on = completed(small, 1.0 - gaps, filled) if patterned and gaps.any() else None
    if going_on is not None:
        inner = cv2.blur(cv2.erode(gaps, disc(_SEAM)), (2 * _SEAM + 1, 2 * _SEAM + 1))
        share = cv2.resize(inner, size_wh, interpolation=cv2.INTER_LINEAR)[..., None]
        large[0] += (going_on.over(part, covered) - large[0]) * share
    plate = part + (large[0] - part) * large[1][..., None]
    found = Backdrop(
        np.clip(np.rint(plate), 0, 255).astype(np.uint8),
        np.clip(np.rint(large[2] * 255), 0, 255).astype(np.uint8),
        (x0, y0),
    )
    return found if crown_xy is None or y0 > 0 else _closed_above(found, crown_xy, face_px)


def _strands(picture: Floats, person: npt.NDArray[np.uint8], face: float) -> npt.NDArray[np.uint8]:
    """(h, w) 1 where locks of hair leave the person in front of a plain background; else they stay behind in it.

    ``picture``: (h, w, 3); ``person``: (h, w) of 0 and 1; ``face``: height of the face in these pixels.
    """
    reach, width = max(2, round(_STRAY * face)), max(1, round(_STRAND * face))
    away = cv2.distanceTransform(1 - person, cv2.DIST_L2, 5)
    ring = (away > reach) & (away <= 1.5 * reach)
    if not ring.any():
        return np.zeros_like(person)
    # The person filled in, or what an edge behind them leaves beside their outline would be thin.
    filled = _pulled_in(picture, 1.0 - person.astype(np.float32))
    grey = np.asarray(np.rint(filled.mean(axis=2)), np.uint8)  # morphology of bytes is three times as fast
    elsewhere = float(np.percentile(_standing_out(grey, _BROAD * width)[ring], 95))
    if elsewhere > _PLAIN:
        return np.zeros_like(person)
    thin = _standing_out(grey, width)
    odd = np.asarray((thin > max(_SEEN, _CLEARLY * elsewhere)) & (away > 0) & (away <= reach), np.uint8)
    _, labels = cv2.connectedComponents(odd)
    beside = np.unique(labels[(away <= 1.0) & (odd > 0)])
    return np.asarray(odd & np.isin(labels, beside), np.uint8)


def _standing_out(grey: npt.NDArray[np.uint8], width: int) -> npt.NDArray[np.uint8]:
    """(h, w) grey levels by which what is at most twice as wide differs from what is around it."""
    dark, light = (cv2.morphologyEx(grey, way, disc(width)) for way in (cv2.MORPH_BLACKHAT, cv2.MORPH_TOPHAT))
    return np.asarray(np.maximum(dark, light), np.uint8)


def _closed_above(backdrop: Backdrop, crown_xy: tuple[float, float], face_px: float) -> Backdrop:
    """With rows above the photo in which a head that it cuts off is closed by an arch, or hair would rise for ever."""
    row = backdrop.alpha[0] >= 128
    if not row.any():
        return backdrop
    columns = np.arange(row.size)
    at = int(np.argmin(np.where(row, np.abs(columns + backdrop.corner_xy[0] - crown_xy[0]), np.inf)))
    gaps = np.nonzero(~row)[0]
    left, right = gaps[gaps < at].max(initial=-1) + 1, gaps[gaps > at].min(initial=row.size) - 1
    half = max((right - left) / 2, 1.0)
    height = max(-crown_xy[1], _LEAST_ARCH * half)
    rows = int(np.ceil(height + 2 * _MARGIN * face_px))
    up = (rows - np.arange(rows, dtype=np.float32))[:, None] / np.float32(height)
    across = (columns - (left + right) / 2).astype(np.float32)[None] / np.float32(half)
    inside = (1.0 - np.sqrt(up * up + across * across)) * np.float32(height / (_MARGIN * face_px)) + 0.5
    arch = np.minimum(np.clip(inside, 0.0, 1.0) * 255.0, backdrop.alpha[0])
    x0, y0 = backdrop.corner_xy
    return Backdrop(
        np.concatenate([np.repeat(backdrop.plate[:1], rows, axis=0), backdrop.plate]),
        np.concatenate([arch.astype(np.uint8), backdrop.alpha]),
        (x0, y0 - rows),
    )


def _grown(alpha: Floats, rim: int) -> Floats:
    """The matte with a rim that falls softly to nothing over twice ``rim`` pixels."""
    wider = cv2.dilate(alpha, disc(rim))
    soft: Floats = np.maximum(cv2.blur(wider, (2 * rim + 1, 2 * rim + 1)), alpha)
    return soft


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
