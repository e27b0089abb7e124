"""A drawn face whose 478 landmarks are known: MediaPipe's mean face, posed, expressed, shaded and painted.

Orthographic, so that every landmark lies exactly where it was drawn. Nobody's portrait; numbers only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from enliven.topology import (
    FACE_OVAL,
    INNER_LIPS,
    INNER_LOWER_LIP,
    INNER_UPPER_LIP,
    LEFT_BROW,
    LEFT_EYE,
    LEFT_IRIS,
    LEFT_LOWER_LID,
    LEFT_UPPER_LID,
    OUTER_LIPS,
    RIGHT_BROW,
    RIGHT_EYE,
    RIGHT_IRIS,
    RIGHT_LOWER_LID,
    RIGHT_UPPER_LID,
    mean_shape,
    triangles,
)
from enliven.types import Floats, Picture

_FINE = 3
"""Drawn this much larger and averaged: soft edges."""
_SHIFT = 4
_MOUTH_Y = 0.69
"""Of the closed lips in the mean shape."""
_LIGHT = np.array([-0.35, -0.55, -0.76])

Colour = tuple[float, float, float]
_Wide = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Person:
    """What the drawn person looks like; the colours are RGB."""

    skin: Colour = (214, 168, 140)
    hair: Colour = (70, 46, 32)
    lips: Colour = (176, 90, 88)
    iris: Colour = (70, 92, 110)
    shirt: Colour = (52, 78, 118)
    width: float = 1.0
    """Of the head over the mean one."""


ANNA = Person()
BEN = Person(skin=(126, 84, 60), hair=(20, 16, 16), lips=(120, 62, 60), iris=(40, 26, 20), width=1.08)


def draw_face(
    size: int | tuple[int, int] = 256,
    center: tuple[float, float] | None = None,
    scale: float | None = None,
    angle_deg: float = 0.0,
    *,
    yaw_deg: float = 0.0,
    pitch_deg: float = 0.0,
    mouth_open: float = 0.0,
    eyes_open: float = 1.0,
    gaze: tuple[float, float] = (0.0, 0.0),
    smile: float = 0.0,
    person: Person = ANNA,
    onto: Picture | None = None,
) -> tuple[Picture, Floats]:
    """(RGB uint8 picture, (478, 3) float32 landmarks in its pixels).

    ``size``: side or (width, height). ``scale``: pixels per RMS radius of the mean face, which is 3.17 high.
    Angles as in ``enliven.geometry.yaw_pitch_roll_deg``. ``mouth_open``: 0 closed to 1 wide.
    ``eyes_open``: 0 shut to 1. ``gaze``: -1..1 towards the picture's right and down. ``onto``: background.
    """
    width, height = (size, size) if isinstance(size, int) else size
    centre = center or ((width - 1) / 2, (height - 1) / 2)
    unit = scale or min(width, height) / 5.5
    turn = _rotation(yaw_deg, pitch_deg, angle_deg)
    points = _placed(_expressed(mouth_open, eyes_open, gaze, smile), person, turn, unit, centre)
    canvas = _background(width, height) if onto is None else onto
    painter = _Painter(canvas, turn, unit, centre)
    _paint_head(painter, person)
    _paint_skin(painter, points, person)
    _paint_mouth(painter, points, person)
    _paint_eyes(painter, points, person, eyes_open)
    _paint_brows(painter, points, person)
    return painter.finished(), points.astype(np.float32)


def turned_face(size: int = 256, *, yaw_deg: float = 0.0, mouth_open: float = 0.0) -> Floats:
    """(478, 3) the landmarks alone that :func:`draw_face` gives with the picture."""
    turn, middle = _rotation(yaw_deg, 0.0, 0.0), (size - 1) / 2
    shape = _expressed(mouth_open, 1.0, (0.0, 0.0), 0.0)
    return _placed(shape, ANNA, turn, size / 5.5, (middle, middle)).astype(np.float32)


def _placed(shape: _Wide, person: Person, turn: _Wide, unit: float, centre: tuple[float, float]) -> _Wide:
    return unit * (shape * [person.width, 1.0, 1.0]) @ turn.T + [centre[0], centre[1], 0.0]


def face_shape(mouth_open: float = 0.0, eyes_open: float = 1.0, smile: float = 0.0) -> Floats:
    """(478, 3) the frontal mean face with this expression, RMS radius about 1."""
    return _expressed(mouth_open, eyes_open, (0.0, 0.0), smile).astype(np.float32)


def _expressed(mouth_open: float, eyes_open: float, gaze: tuple[float, float], smile: float) -> _Wide:
    shape = mean_shape().astype(np.float64)
    _shut_mouth(shape)
    _open_jaw(shape, mouth_open)
    _smile(shape, smile)
    for eye, upper, lower, iris in (
        (RIGHT_EYE, RIGHT_UPPER_LID, RIGHT_LOWER_LID, RIGHT_IRIS),
        (LEFT_EYE, LEFT_UPPER_LID, LEFT_LOWER_LID, LEFT_IRIS),
    ):
        shape[list(iris), :2] += np.array([0.10, 0.05]) * gaze
        _lids(shape, eye, upper, lower, eyes_open)
    return shape


def _shut_mouth(shape: _Wide) -> None:
    upper, lower = list(INNER_UPPER_LIP), list(INNER_LOWER_LIP)
    shape[upper] = shape[lower] = (shape[upper] + shape[lower]) / 2


def _open_jaw(shape: _Wide, amount: float) -> None:
    below = np.clip((shape[:, 1] - _MOUTH_Y + 0.25) / 0.3, 0.0, 1.0)
    reach = np.clip(1.25 - np.abs(shape[:, 0]) / 0.95, 0.0, 1.0)
    weight = below * reach
    weight[[*INNER_UPPER_LIP, *OUTER_LIPS[1:10], 0]] = 0.0
    lower = [*INNER_LOWER_LIP, *OUTER_LIPS[11:]]
    corner = 1.0 - (np.abs(shape[lower, 0]) / 0.5) ** 2
    weight[lower] = np.clip(corner, 0.15, 1.0)
    shape[:, 1] += 0.55 * amount * weight


def _smile(shape: _Wide, amount: float) -> None:
    for corner in (61, 291):
        near = np.exp(-(np.linalg.norm(shape[:, :2] - shape[corner, :2], axis=1) ** 2) / 0.06)
        shape[:, 0] += 0.12 * amount * near * np.sign(shape[corner, 0])
        shape[:, 1] -= 0.10 * amount * near


def _lids(
    shape: _Wide, eye: tuple[int, ...], upper: tuple[int, ...], lower: tuple[int, ...], amount: float
) -> None:
    """Open: a little wider than the mean; shut: the upper lid lies on the lower one."""
    above, below = list(upper), list(lower)
    wide = shape[below] - shape[above]
    shape[above] -= 0.25 * amount * wide
    shape[above] += (1.0 - amount) * wide


def _rotation(yaw_deg: float, pitch_deg: float, roll_deg: float) -> _Wide:
    cy, sy = math.cos(math.radians(yaw_deg)), math.sin(math.radians(yaw_deg))
    cp, sp = math.cos(math.radians(pitch_deg)), math.sin(math.radians(pitch_deg))
    cr, sr = math.cos(math.radians(roll_deg)), math.sin(math.radians(roll_deg))
    yaw = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    pitch = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    roll = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return roll @ yaw @ pitch


@cache
def _background(width: int, height: int) -> Picture:
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    shade = 150 + 40 * x / max(width, 1) - 30 * y / max(height, 1)
    return np.stack([shade * 0.95, shade, shade * 1.05], axis=2).clip(0, 255).astype(np.uint8)


class _Painter:
    """Fills shapes on a finer canvas; takes picture coordinates or model coordinates."""

    def __init__(self, canvas: Picture, turn: _Wide, unit: float, centre: tuple[float, float]) -> None:
        self.size_wh = (canvas.shape[1], canvas.shape[0])
        fine = (canvas.shape[1] * _FINE, canvas.shape[0] * _FINE)
        self.fine = cv2.resize(canvas, fine, interpolation=cv2.INTER_LINEAR)
        self.turn, self.unit, self.centre = turn, unit, centre

    def place(self, model: _Wide) -> _Wide:
        """(N, 3) model points to (N, 2) picture points."""
        return (self.unit * model @ self.turn.T)[:, :2] + self.centre

    def fixed(self, points: npt.NDArray[np.floating]) -> npt.NDArray[np.int32]:
        fine = (np.asarray(points, np.float64)[..., :2] + 0.5) * _FINE - 0.5
        return np.rint(fine * (1 << _SHIFT)).astype(np.int32)

    def fill(self, points: npt.NDArray[np.floating], colour: Colour) -> None:
        self.fill_fixed(self.fixed(points), colour)

    def fill_fixed(self, points: npt.NDArray[np.int32], colour: Colour) -> None:
        cv2.fillPoly(self.fine, [points], colour, cv2.LINE_AA, _SHIFT)

    def line(
        self, points: npt.NDArray[np.floating], colour: Colour, width: float, closed: bool = False
    ) -> None:
        thick = max(1, round(width * self.unit * _FINE))
        cv2.polylines(self.fine, [self.fixed(points)], closed, colour, thick, cv2.LINE_AA, _SHIFT)

    def soften(self, sigma: float) -> None:
        self.fine = cv2.GaussianBlur(self.fine, (0, 0), max(0.3, sigma * self.unit * _FINE))

    def finished(self) -> Picture:
        return np.asarray(cv2.resize(self.fine, self.size_wh, interpolation=cv2.INTER_AREA), np.uint8)


def _shaded(colour: Colour, light: float) -> Colour:
    r, g, b = (min(255.0, c * light) for c in colour)
    return (r, g, b)


def _ellipse(x: float, y: float, z: float, rx: float, ry: float) -> _Wide:
    turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    return np.stack([x + rx * np.cos(turn), y + ry * np.sin(turn), np.full(48, z)], axis=1)


def _paint_head(painter: _Painter, person: Person) -> None:
    """Shirt, neck, hair and ears behind the face."""
    w = person.width
    painter.fill(painter.place(_ellipse(0, 4.3, 1.2, 2.9, 1.9)), person.shirt)
    painter.fill(painter.place(_ellipse(0, 1.9, 1.0, 0.72 * w, 1.3)), _shaded(person.skin, 0.72))
    painter.fill(painter.place(_ellipse(0, -0.75, 0.9, 1.55 * w, 1.62)), person.hair)
    for side in (-1, 1):
        painter.fill(
            painter.place(_ellipse(side * 1.36 * w, -0.1, 1.1, 0.17, 0.4)), _shaded(person.skin, 0.82)
        )
    painter.soften(0.02)


def _paint_skin(painter: _Painter, points: _Wide, person: Person) -> None:
    """Every triangle in the light of its normal, far ones first, then blurred into a smooth skin."""
    painter.fill(points[list(FACE_OVAL)], _shaded(person.skin, 0.9))
    mesh = triangles()
    corners = points[mesh]
    normals = np.cross(corners[:, 2] - corners[:, 0], corners[:, 1] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    normals *= -np.sign(normals[:, 2:] + 1e-12)  # towards the camera
    light = 0.62 + 0.46 * np.clip(normals @ (_LIGHT / np.linalg.norm(_LIGHT)), 0.0, 1.0)
    fixed = painter.fixed(corners)
    for index in np.argsort(-corners[:, :, 2].mean(axis=1)):
        painter.fill_fixed(fixed[index], _shaded(person.skin, float(light[index])))
    painter.soften(0.045)
    for nostril in (98, 327):
        x, y = points[nostril, :2] * 0.6 + points[2, :2] * 0.4
        spot = _ellipse(0, 0, 0, 0.055 * painter.unit, 0.035 * painter.unit)[:, :2] + (x, y)
        painter.fill(spot, _shaded(person.skin, 0.35))


def _paint_mouth(painter: _Painter, points: _Wide, person: Person) -> None:
    painter.fill(points[list(OUTER_LIPS)], person.lips)
    inner = points[list(INNER_LIPS)]
    painter.fill(inner, (52, 18, 20))
    upper, lower = points[list(INNER_UPPER_LIP)], points[list(INNER_LOWER_LIP)]
    gap = np.linalg.norm(lower - upper, axis=1, keepdims=True)
    teeth = upper + (lower - upper) * np.minimum(0.16 * painter.unit / np.maximum(gap, 1e-6), 0.9)
    if float(gap.max()) > 0.03 * painter.unit:
        painter.fill(np.concatenate([upper[1:-1], teeth[1:-1][::-1]]), (232, 226, 214))
    painter.line(inner, _shaded(person.lips, 0.55), 0.015, closed=True)


def _paint_eyes(painter: _Painter, points: _Wide, person: Person, eyes_open: float) -> None:
    for eye, iris in ((RIGHT_EYE, RIGHT_IRIS), (LEFT_EYE, LEFT_IRIS)):
        outline = points[list(eye)]
        lids = painter.fine.copy()
        painter.fill(outline, (236, 232, 228))
        inside = np.zeros(painter.fine.shape[:2], np.uint8)
        cv2.fillPoly(inside, [painter.fixed(outline)], 255, cv2.LINE_AA, _SHIFT)
        _paint_iris(painter, points[list(iris)], person)
        x, y, width, height = cv2.boundingRect(inside)
        eye_only = (slice(y, y + height), slice(x, x + width))
        alpha = inside[eye_only][..., None].astype(np.float32) / 255
        lids[eye_only] = (painter.fine[eye_only] * alpha + lids[eye_only] * (1 - alpha)).astype(np.uint8)
        painter.fine = lids
        painter.line(outline[:9], _shaded(person.hair, 0.6), 0.035)
        painter.line(outline[[8, 9, 10, 11, 12, 13, 14, 15, 0]], _shaded(person.skin, 0.6), 0.015)
    painter.soften(0.008)


def _paint_iris(painter: _Painter, iris: _Wide, person: Person) -> None:
    radius = float(np.linalg.norm(iris[1:, :2] - iris[0, :2], axis=1).mean())
    for share, colour in ((1.0, person.iris), (0.45, (12, 10, 10))):
        painter.fill(iris[0, :2] + _ellipse(0, 0, 0, share * radius, share * radius)[:, :2], colour)
    glint = iris[0, :2] + np.array([-0.3, -0.3]) * radius
    painter.fill(glint + _ellipse(0, 0, 0, 0.18 * radius, 0.18 * radius)[:, :2], (250, 250, 250))


def _paint_brows(painter: _Painter, points: _Wide, person: Person) -> None:
    for brow in (RIGHT_BROW, LEFT_BROW):
        painter.fill(points[list(brow)], _shaded(person.hair, 1.1))
    painter.soften(0.012)
