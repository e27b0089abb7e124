"""Landmark pictures: what the paper's networks read, and overlays for people."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from enliven.geometry import Box, FloatArray
from enliven.topology import (
    FACE_OVAL,
    INNER_LIPS,
    LEFT_BROW,
    LEFT_EYE,
    LEFT_IRIS,
    NOSE_BASE,
    NOSE_BRIDGE,
    OUTER_LIPS,
    RIGHT_BROW,
    RIGHT_EYE,
    RIGHT_IRIS,
)
from enliven.types import Landmarks, Picture

Colour = tuple[int, int, int]

_WHITE, _RED, _GREEN, _BLUE = (255, 255, 255), (255, 0, 0), (0, 255, 0), (0, 0, 255)
_MAGENTA, _CYAN, _YELLOW, _ORANGE = (255, 0, 255), (0, 255, 255), (255, 255, 0), (255, 128, 0)

_JAW = FACE_OVAL[8:29]
"""From ear to ear by the chin; the paper's 68 points know no forehead."""
_THICKNESS = 2
_SUBPIXEL_BITS = 4


@dataclass(frozen=True)
class _Line:
    points: tuple[int, ...]
    colour: Colour
    closed: bool


_PAPER: tuple[_Line, ...] = (
    _Line(_JAW, _WHITE, False),
    _Line(RIGHT_BROW[:5], _RED, False),
    _Line(LEFT_BROW[4::-1], _GREEN, False),
    _Line(NOSE_BRIDGE, _BLUE, False),
    _Line(NOSE_BASE, _BLUE, False),
    _Line(RIGHT_EYE, _MAGENTA, True),
    _Line(LEFT_EYE, _CYAN, True),
    _Line(OUTER_LIPS, _YELLOW, True),
)
_MORE: tuple[_Line, ...] = (
    _Line(INNER_LIPS, _ORANGE, True),
    _Line(RIGHT_IRIS[1:], _WHITE, True),
    _Line(LEFT_IRIS[1:], _WHITE, True),
)


def draw_landmarks(points_xy: FloatArray, size: int, *, original: bool = False) -> Picture:
    """The conditioning picture of Zakharov et al. 2019, RGB uint8 (size, size, 3), lines on black.

    ``points_xy``: (478, 2 or 3) in pixels of that picture. Groups and colours follow the co-author's
    published code for 68 points, taken from the same places of the 478. Inner lips and irises are added,
    since closing lips and gaze cannot be read without them; ``original`` leaves them out.
    """
    picture = np.zeros((size, size, 3), np.uint8)
    _draw_lines(picture, points_xy, _PAPER if original else _PAPER + _MORE, _THICKNESS)
    return picture


def draw_overlay(image: Picture, landmarks: Landmarks) -> Picture:
    """A copy of the picture with the contours of the face drawn on it, for people."""
    box = Box.around(landmarks.xy)
    thickness = max(1, round(max(box.width, box.height) / 200))
    picture = np.ascontiguousarray(image).copy()
    lines = (_Line(FACE_OVAL, _WHITE, True), *_PAPER[1:], *_MORE)
    _draw_lines(picture, landmarks.xy, lines, thickness)
    return picture


def _draw_lines(picture: Picture, points: FloatArray, lines: tuple[_Line, ...], thickness: int) -> None:
    fixed = _fixed_point(points)
    for line in lines:
        cv2.polylines(
            picture,
            [fixed[list(line.points)]],
            line.closed,
            line.colour,
            thickness,
            cv2.LINE_AA,
            _SUBPIXEL_BITS,
        )


def _fixed_point(points: FloatArray) -> npt.NDArray[np.int32]:
    """(N, 2) x and y in sixteenths of a pixel, far outliers held where OpenCV can still count."""
    scaled = np.rint(np.asarray(points, np.float64)[:, :2] * (1 << _SUBPIXEL_BITS))
    return np.asarray(np.clip(scaled, -(2**24), 2**24), np.int32)
