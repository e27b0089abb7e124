"""A true crop blended with a changed copy of itself (Shiohara and Yamasaki 2022, "Self-blended images").

Drawn while training, so there is no end of them; they teach what every blend has in common: a part of the face that
was scaled, toned or sharpened another way than what surrounds it.
"""

from __future__ import annotations

import cv2
import numpy as np

from enliven.training.detection_chain import SHARES_SIZE, Shares
from enliven.types import Floats, Picture

PATCH = "patch"
"""What such crops are called beside the engines."""
_VISIBLE = 0.3
"""Of the mask; beneath it a pixel counts as the true one."""


def self_blended(picture: Picture, random: np.random.Generator) -> tuple[Picture, Shares]:
    """(S, S, 3) with a part of it changed, and the share of changed pixels."""
    changed = _toned(_resampled(_moved(picture, random), random), random)
    mask = _mask(picture.shape[0], random)
    mixed = picture + (changed - picture) * mask[..., None]
    share = cv2.resize(
        (mask > _VISIBLE).astype(np.uint8) * 255, (SHARES_SIZE, SHARES_SIZE), interpolation=cv2.INTER_AREA
    )
    return np.asarray(np.clip(np.round(mixed), 0, 255), np.uint8), np.asarray(share, np.uint8)


def _moved(picture: Picture, random: np.random.Generator) -> Picture:
    """By a few pixels and percent."""
    side = picture.shape[0]
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), random.uniform(-4, 4), random.uniform(0.94, 1.06))
    matrix[:, 2] += random.uniform(-5, 5, 2)
    moved = cv2.warpAffine(
        picture, matrix, (side, side), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )
    return np.asarray(moved, np.uint8)


def _resampled(picture: Picture, random: np.random.Generator) -> Floats:
    """Softer, sharper or as it is."""
    side, kind = picture.shape[0], random.random()
    if kind < 0.4:
        small = int(side * random.uniform(0.4, 0.9))
        shrunk = cv2.resize(picture, (small, small), interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.resize(shrunk, (side, side), interpolation=cv2.INTER_LINEAR), np.float32)
    light = picture.astype(np.float32)
    if kind < 0.8:
        light += random.uniform(0.3, 1.2) * (light - cv2.GaussianBlur(light, (0, 0), 1.5))
    return light


def _toned(light: Floats, random: np.random.Generator) -> Floats:
    gain, shift = random.uniform(0.88, 1.12), random.uniform(-10, 10, 3)
    return np.asarray(light * gain + shift, np.float32)


def _mask(side: int, random: np.random.Generator) -> Floats:
    """(S, S) 0..1: a soft-edged ellipse or box somewhere about the face."""
    mask = np.zeros((side, side), np.uint8)
    x, y = (int(v) for v in random.uniform(0.3, 0.7, 2) * side)
    half_x, half_y = (int(v) for v in random.uniform(0.08, 0.34, 2) * side)
    if random.random() < 0.7:
        cv2.ellipse(mask, (x, y), (half_x, half_y), random.uniform(0, 180), 0, 360, 1, -1)
    else:
        cv2.rectangle(mask, (x - half_x, y - half_y), (x + half_x, y + half_y), 1, -1)
    strength = random.uniform(0.6, 1.0)
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), random.uniform(0.6, 5))
    return np.asarray(soft * strength, np.float32)
