"""Changes that all frames of an episode share: mirror, small turn and scale, colour."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from enliven.errors import DatabankError
from enliven.topology import mirror_permutation
from enliven.types import Floats, Picture


@dataclass(frozen=True)
class Augmentation:
    """How much is changed; zeros leave the frames as they are."""

    mirror: float = 0.5
    """Chance of a mirrored episode; left and right landmarks swap."""
    turn_deg: float = 10.0
    """Largest turn in the picture plane."""
    scale: float = 0.1
    """Largest change of size, as a share; evenly spread on a logarithmic scale."""
    shift: float = 0.04
    """Largest shift, as a share of the side."""
    brightness: float = 0.12
    """Largest change of all colours, as a share of full white."""
    contrast: float = 0.2
    """Largest change of contrast, as a share."""
    saturation: float = 0.25
    """Largest change of saturation, as a share."""
    tint: float = 0.06
    """Largest change of each colour channel, as a share."""

    def __post_init__(self) -> None:
        amounts = (self.turn_deg, self.shift, self.brightness)
        shares = (self.scale, self.contrast, self.saturation, self.tint)
        if not 0.0 <= self.mirror <= 1.0 or min(amounts + shares) < 0 or max(shares) >= 1:
            raise DatabankError(
                "Augmentation needs a mirror chance in 0..1, amounts of 0 or more and shares below 1."
            )


NONE = Augmentation(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
"""Frames as they are."""

_GREY = np.array([0.299, 0.587, 0.114])
Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Change:
    """One drawn change, for all frames of an episode."""

    place: Matrix
    """(2, 3): pixels of the stored frame to pixels of the changed one."""
    colour: Matrix
    """(3, 4) on RGB in 0..255 and 1."""
    mirrored: bool
    scale: float
    """By which z grows."""
    size: int
    """Side of the changed frame."""

    def image(self, image: Picture) -> Picture:
        """(S, S, 3) to (size, size, 3)."""
        place = self.place
        if image.shape[0] > self.size:  # averaged first, since a warp takes single pixels
            shrink = self.size / image.shape[0]
            image = np.asarray(
                cv2.resize(image, (self.size, self.size), interpolation=cv2.INTER_AREA), np.uint8
            )
            place = _after(place, _resize(1 / shrink))
        if not np.array_equal(place, np.eye(2, 3)) or image.shape[0] != self.size:
            side = (self.size, self.size)
            image = cv2.warpAffine(image, place, side, borderMode=cv2.BORDER_REPLICATE)
        if not np.array_equal(self.colour, np.eye(3, 4)):
            image = cv2.transform(image, self.colour)
        return np.asarray(image, np.uint8)

    def points(self, points: Floats) -> Floats:
        """(N, 478, 3) moved along."""
        xy = points[..., :2] @ self.place[:, :2].T + self.place[:, 2]
        moved = np.concatenate([xy, points[..., 2:] * self.scale], axis=-1).astype(np.float32)
        return np.asarray(moved[..., mirror_permutation(), :] if self.mirrored else moved, np.float32)


def draw_change(random: np.random.Generator, amounts: Augmentation, stored: int, size: int) -> Change:
    """A change from frames of side ``stored`` to side ``size``."""
    mirrored = bool(random.random() < amounts.mirror)
    turn = math.radians(_spread(random, amounts.turn_deg))
    scale = math.exp(_spread(random, math.log1p(amounts.scale)))
    shift = (_spread(random, amounts.shift) * stored, _spread(random, amounts.shift) * stored)
    place = _about_centre(stored, turn, scale, shift, mirrored)
    to_size = size / stored
    return Change(
        _after(_resize(to_size), place), _draw_colour(random, amounts), mirrored, scale * to_size, size
    )


def _about_centre(size: int, turn: float, scale: float, shift: tuple[float, float], mirrored: bool) -> Matrix:
    c, s = scale * math.cos(turn), scale * math.sin(turn)
    linear = np.array([[c, -s], [s, c]]) @ np.diag([-1.0 if mirrored else 1.0, 1.0])
    middle = np.full(2, (size - 1) / 2)
    return np.column_stack([linear, middle - linear @ middle + shift])


def _resize(factor: float) -> Matrix:
    """Pixel centres of a picture to those of one ``factor`` times its size."""
    offset = (factor - 1) / 2
    return np.array([[factor, 0.0, offset], [0.0, factor, offset]])


def _after(second: Matrix, first: Matrix) -> Matrix:
    linear = second[:, :2] @ first[:, :2]
    return np.column_stack([linear, second[:, :2] @ first[:, 2] + second[:, 2]])


def _draw_colour(random: np.random.Generator, amounts: Augmentation) -> Matrix:
    contrast = 1.0 + _spread(random, amounts.contrast)
    saturation = 1.0 + _spread(random, amounts.saturation)
    tint = 1.0 + np.array([_spread(random, amounts.tint) for _ in range(3)])
    light = 255.0 * _spread(random, amounts.brightness) + 127.5 * (1.0 - contrast)
    mix = saturation * np.eye(3) + (1.0 - saturation) * _GREY[None, :]
    return np.column_stack([contrast * tint[:, None] * mix, np.full(3, light)])


def _spread(random: np.random.Generator, most: float) -> float:
    return float(random.uniform(-most, most))
