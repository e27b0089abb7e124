"""Made crops drawn while training, so that there is no end of them.

Blended: a true crop with a part of a changed copy of itself (Shiohara and Yamasaki 2022, "Self-blended images") or of
another face: scaled, toned or sharpened another way than what surrounds it. Stretched: parts of it moved.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from enliven.training.detection_chain import SHARES_SIZE, Shares
from enliven.types import Floats, Picture

PATCH = "patch"
"""What such crops are called beside the engines."""
_VISIBLE = 0.3
"""Of the mask; beneath it a pixel counts as the true one."""
_MOVES = 0.7
"""Pixels; what is moved by less counts as the true one."""


def blended(picture: Picture, donor: Picture, random: np.random.Generator) -> tuple[Picture, Shares]:
    """(S, S, 3) with a part of ``donor``, which may be itself, and the share of changed pixels."""
    changed = _toned(_resampled(_moved(donor, random), random), random)
    if donor is not picture:
        changed += picture.mean(axis=(0, 1)) - changed.mean(axis=(0, 1))
    mask = _mask(picture.shape[0], random)
    mixed = picture + (changed - picture) * mask[..., None]
    return np.asarray(np.clip(np.round(mixed), 0, 255), np.uint8), _shares(mask > _VISIBLE)


def stretched(picture: Picture, random: np.random.Generator) -> tuple[Picture, Picture, Shares]:
    """(S, S, 3) as it is and with parts of it moved, both resampled alike; and the share of moved pixels."""
    side = picture.shape[0]
    base = np.mgrid[0:side, 0:side][::-1].astype(np.float32)  # (2, S, S) x and y
    still = base + random.uniform(-0.5, 0.5, (2, 1, 1)).astype(np.float32)
    field = np.zeros_like(base)
    for _ in range(int(random.integers(1, 5))):
        middle = random.uniform(0.3, 0.75, (2, 1, 1)) * side
        reach = random.uniform(0.04, 0.13, (2, 1, 1)) * side
        bump = np.exp(-(((base - middle) / reach) ** 2).sum(axis=0) / 2)
        field += (random.uniform(-0.6, 0.6, (2, 1, 1)) * reach * bump).astype(np.float32)
    moved = np.abs(field).max(axis=0) > _MOVES
    return _taken(picture, still), _taken(picture, still + field), _shares(moved)


def _taken(picture: Picture, places: Floats) -> Picture:
    found = cv2.remap(picture, places[0], places[1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(found, np.uint8)


def _shares(changed: npt.NDArray[np.bool_]) -> Shares:
    size = SHARES_SIZE, SHARES_SIZE
    share = cv2.resize(changed.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA)
    return np.asarray(share, np.uint8)


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
