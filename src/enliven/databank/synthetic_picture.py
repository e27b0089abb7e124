"""Draws an invented person at one moment; every landmark lies exactly where it is drawn (orthographic)."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from enliven.databank.synthetic_person import Colour, Expression, Person, Wide, expressed, rotation
from enliven.topology import (
    FACE_OVAL,
    INNER_LIPS,
    INNER_LOWER_LIP,
    INNER_UPPER_LIP,
    LEFT_BROW,
    LEFT_EYE,
    LEFT_IRIS,
    OUTER_LIPS,
    RIGHT_BROW,
    RIGHT_EYE,
    RIGHT_IRIS,
    triangles,
)
from enliven.types import Floats, Picture

_SHIFT = 4
"""OpenCV reads places in sixteenths of a pixel."""
_LIGHT = np.array([-0.35, -0.55, -0.76]) / np.linalg.norm([-0.35, -0.55, -0.76])
_HAIRLINE = (21, 54, 103, 67, 109, 10, 338, 297, 332, 284, 251)
"""Right temple over the forehead to the left one."""


def draw_background(random: np.random.Generator, size: int) -> Picture:
    """(size, size, 3) soft blobs of colour with a few hard edges, such as a room has."""
    coarse = random.uniform(30, 225, (4, 4, 3)).astype(np.float32)
    soft = cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)
    picture = np.asarray(soft.clip(0, 255), np.uint8)
    for _ in range(int(random.integers(1, 5))):
        corner, side = random.integers(0, size, 2), random.integers(size // 12, size // 2, 2)
        colour = tuple(float(c) for c in random.uniform(20, 235, 3))
        x, y = (int(v) for v in corner)
        cv2.rectangle(picture, (x, y), (x + int(side[0]), y + int(side[1])), colour, -1)
    return picture


def draw_face(
    person: Person, now: Expression, background: Picture, center: tuple[float, float], unit_px: float
) -> tuple[Picture, Floats]:
    """(the picture, (478, 3) float32 landmarks in its pixels).

    ``unit_px``: pixels per RMS radius of the mean face, which is 3.17 high.
    """
    turn = rotation(now)
    points = unit_px * expressed(person, now) @ turn.T + [center[0], center[1], 0.0]
    pen = _Pen(background.copy(), turn, unit_px, center)
    _paint_behind(pen, person)
    _paint_skin(pen, points, person)
    _paint_mouth(pen, points, person)
    _paint_eyes(pen, points, person)
    _paint_brows(pen, points, person)
    _paint_hairline(pen, points, person)
    if person.glasses:
        _paint_glasses(pen, points, person.glasses)
    return pen.canvas, points.astype(np.float32)


class _Pen:
    """Fills shapes, given in picture pixels or, through ``place``, in the units of the head."""

    def __init__(self, canvas: Picture, turn: Wide, unit: float, center: tuple[float, float]) -> None:
        self.canvas, self.turn, self.unit, self.center = canvas, turn, unit, center

    def place(self, model: Wide) -> Wide:
        """(N, 3) to (N, 2) pixels."""
        placed: Wide = (self.unit * model @ self.turn.T)[:, :2] + self.center
        return placed

    def fill(self, points: Wide, colour: Colour) -> None:
        cv2.fillPoly(self.canvas, [_fixed(points)], colour, cv2.LINE_AA, _SHIFT)

    def line(self, points: Wide, colour: Colour, width: float, closed: bool = False) -> None:
        thick = max(1, round(width * self.unit))
        cv2.polylines(self.canvas, [_fixed(points)], closed, colour, thick, cv2.LINE_AA, _SHIFT)


def _fixed(points: Wide) -> npt.NDArray[np.int32]:
    return np.asarray(np.rint(points[..., :2] * (1 << _SHIFT)), np.int32)


def _shaded(colour: Colour, light: float) -> Colour:
    r, g, b = (min(255.0, c * light) for c in colour)
    return r, g, b


def _ellipse(center: tuple[float, float, float], rx: float, ry: float) -> Wide:
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    x, y, z = center
    return np.stack([x + rx * np.cos(turn), y + ry * np.sin(turn), np.full(40, z)], axis=1)


def _paint_behind(pen: _Pen, person: Person) -> None:
    """Long hair, shoulders, neck, the back of the head and the ears."""
    wide = float(person.shape[:, 0].max()) / 1.31
    if person.hair_length > 1.2:
        length = person.hair_length
        pen.fill(
            pen.place(_ellipse((0, 0.5 * length - 0.6, 1.2), 1.62 * wide, 1.1 + 0.75 * length)), person.hair
        )
    shoulders = (
        _ellipse((0, 4.2, 1.2), 2.9, 1.8)[:, :2] * pen.unit + pen.center
    )  # the body does not turn along
    pen.fill(shoulders, person.shirt)
    neck = _ellipse((0, 1.8, 1.0), 0.72 * wide, 1.2)
    hanging = 0.3 * pen.place(neck) + 0.7 * (neck[:, :2] * pen.unit + pen.center)  # the neck follows a little
    pen.fill(hanging, _shaded(person.skin, 0.7))
    for side in (-1, 1):
        ear = _ellipse((side * 1.36 * wide, -0.1, 1.1), 0.17, 0.4)
        pen.fill(pen.place(ear), _shaded(person.skin, 0.8))
    crown = person.hair if person.hair_length else _shaded(person.skin, 0.92)
    high = 1.6 if person.hair_length else 1.42
    pen.fill(pen.place(_ellipse((0, -0.72, 0.85), 1.5 * wide, high)), crown)


@cache
def _mesh() -> npt.NDArray[np.int64]:
    return triangles()


def _paint_skin(pen: _Pen, points: Wide, person: Person) -> None:
    """Every triangle in the light of its normal, far ones first, then blurred into a smooth skin."""
    pen.fill(points[list(FACE_OVAL)], _shaded(person.skin, 0.85))
    corners = points[_mesh()]  # (852, 3, 3)
    normals = np.cross(corners[:, 2] - corners[:, 0], corners[:, 1] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    seen = np.flatnonzero(normals[:, 2] < 0.05)
    seen = seen[np.argsort(-corners[seen, :, 2].mean(axis=1))]
    light = 0.6 + 0.48 * np.clip(normals[seen] @ _LIGHT, 0.0, 1.0)
    colours = np.minimum(light[:, None] * person.skin, 255.0).tolist()
    for corner, colour in zip(_fixed(corners[seen]), colours, strict=True):
        cv2.fillConvexPoly(pen.canvas, corner, colour, cv2.LINE_8, _SHIFT)
    _soften(pen, points)
    for nostril in (98, 327):
        x, y = points[nostril, :2] * 0.6 + points[2, :2] * 0.4
        pen.fill(_ellipse((x, y, 0), 0.055 * pen.unit, 0.035 * pen.unit), _shaded(person.skin, 0.35))


def _soften(pen: _Pen, points: Wide) -> None:
    height, width = pen.canvas.shape[:2]
    x0, y0 = np.clip(points[:, :2].min(axis=0).astype(int), 0, (width - 1, height - 1))
    x1, y1 = np.clip(points[:, :2].max(axis=0).astype(int) + 1, (x0 + 1, y0 + 1), (width, height))
    face = pen.canvas[y0:y1, x0:x1]
    face[...] = cv2.GaussianBlur(face, (0, 0), max(0.4, 0.03 * pen.unit))


def _paint_mouth(pen: _Pen, points: Wide, person: Person) -> None:
    pen.fill(points[list(OUTER_LIPS)], person.lips)
    inner = points[list(INNER_LIPS)]
    upper, lower = points[list(INNER_UPPER_LIP)], points[list(INNER_LOWER_LIP)]
    gap = np.linalg.norm(lower - upper, axis=1, keepdims=True)
    if float(gap.max()) > 0.03 * pen.unit:
        pen.fill(inner, (52, 18, 20))
        edge = upper + (lower - upper) * np.minimum(0.16 * pen.unit / np.maximum(gap, 1e-6), 0.9)
        pen.fill(np.concatenate([upper[1:-1], edge[1:-1][::-1]]), (232, 226, 214))
    pen.line(inner, _shaded(person.lips, 0.55), 0.015, closed=True)


def _paint_eyes(pen: _Pen, points: Wide, person: Person) -> None:
    for eye, iris in ((RIGHT_EYE, RIGHT_IRIS), (LEFT_EYE, LEFT_IRIS)):
        outline = points[list(eye)]
        closed = pen.canvas.copy()
        inside = np.zeros(pen.canvas.shape[:2], np.uint8)
        cv2.fillPoly(inside, [_fixed(outline)], 255, cv2.LINE_AA, _SHIFT)
        pen.fill(outline, (236, 232, 228))
        _paint_iris(pen, points[list(iris)], person)
        edge = (inside > 0) & (inside < 255)
        share = inside[edge][:, None] / 255.0
        pen.canvas[edge] = (pen.canvas[edge] * share + closed[edge] * (1 - share)).astype(np.uint8)
        pen.canvas[inside == 0] = closed[inside == 0]
        pen.line(outline[:9], _shaded(person.hair, 0.5), 0.03)
        pen.line(outline[[8, 9, 10, 11, 12, 13, 14, 15, 0]], _shaded(person.skin, 0.6), 0.012)


def _paint_iris(pen: _Pen, iris: Wide, person: Person) -> None:
    radius = float(np.linalg.norm(iris[1:, :2] - iris[0, :2], axis=1).mean())
    x, y = float(iris[0, 0]), float(iris[0, 1])
    for share, colour in ((1.0, person.iris), (0.45, (12, 10, 10))):
        pen.fill(_ellipse((x, y, 0), share * radius, share * radius), colour)
    pen.fill(_ellipse((x - 0.3 * radius, y - 0.3 * radius, 0), 0.2 * radius, 0.2 * radius), (250, 250, 250))


def _paint_brows(pen: _Pen, points: Wide, person: Person) -> None:
    for brow in (RIGHT_BROW, LEFT_BROW):
        outline = points[list(brow)]
        middle = (outline[:5] + outline[:4:-1]) / 2
        half = (outline[:5] - outline[:4:-1]) / 2 * person.brow
        pen.fill(np.concatenate([middle + half, (middle - half)[::-1]]), _shaded(person.hair, 1.05))


def _paint_hairline(pen: _Pen, points: Wide, person: Person) -> None:
    """The hair over the forehead, from temple to temple."""
    if not person.hair_length:
        return
    edge = points[list(_HAIRLINE)]
    along = np.linspace(-1, 1, len(edge))[:, None]
    brow = (points[RIGHT_BROW[2]] + points[LEFT_BROW[2]]) / 2
    low = edge + (1 - along**2) * person.fringe * (brow - points[10]) * 0.8
    up = (points[10] - points[152]) / np.linalg.norm(points[10] - points[152])
    high = edge + (1 - 0.7 * along**2) * 0.55 * pen.unit * up
    pen.fill(np.concatenate([low, high[::-1]]), _shaded(person.hair, 1.12))


def _paint_glasses(pen: _Pen, points: Wide, colour: Colour) -> None:
    rims = []
    for eye in (RIGHT_EYE, LEFT_EYE):
        outline = points[list(eye)]
        across, middle = outline[8] - outline[0], (outline[0] + outline[8]) / 2
        down = np.array([-across[1], across[0], 0.0])
        down *= np.sign(down[1]) * 0.75 * pen.unit / max(float(np.linalg.norm(down)), 1e-6) / 2
        turn = np.linspace(0, 2 * np.pi, 32, endpoint=False)[:, None]
        rims.append(middle + 0.72 * across * np.cos(turn) + down * np.sin(turn))
        pen.line(rims[-1], colour, 0.05, closed=True)
    pen.line(np.stack([points[RIGHT_EYE[8]], points[LEFT_EYE[8]]]), colour, 0.05)
