"""Invented people for the artificial databank: the shape of their face, their colours, and how they move."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from enliven.topology import (
    INNER_LOWER_LIP,
    INNER_UPPER_LIP,
    LEFT_BROW,
    LEFT_EYE,
    LEFT_IRIS,
    LEFT_LOWER_LID,
    LEFT_UPPER_LID,
    NOSE_TIP,
    OUTER_LIPS,
    RIGHT_BROW,
    RIGHT_EYE,
    RIGHT_IRIS,
    RIGHT_LOWER_LID,
    RIGHT_UPPER_LID,
    mean_shape,
)

Colour = tuple[float, float, float]
Wide = npt.NDArray[np.float64]

_SKINS: tuple[Colour, ...] = (
    (236, 200, 178), (222, 178, 150), (206, 158, 124), (172, 122, 90), (134, 92, 66), (96, 66, 50),
)  # fmt: skip
_HAIRS: tuple[Colour, ...] = (
    (28, 22, 20), (62, 42, 30), (104, 70, 42), (182, 142, 84), (150, 62, 34), (168, 166, 164), (214, 196, 150),
)  # fmt: skip
_IRISES: tuple[Colour, ...] = ((58, 36, 24), (92, 66, 36), (70, 104, 80), (74, 110, 146), (110, 118, 124))


@dataclass(frozen=True, eq=False)
class Person:
    """What a drawn person looks like; colours are RGB."""

    shape: Wide
    """(478, 3) the neutral face with shut mouth; RMS radius about 1."""
    skin: Colour
    hair: Colour
    lips: Colour
    iris: Colour
    shirt: Colour
    hair_length: float
    """0 bald, 1 short, 2 down to the shoulders."""
    fringe: float
    """Part of the forehead under hair."""
    brow: float
    """Width of the brows."""
    glasses: Colour | None


@dataclass(frozen=True)
class Expression:
    """One moment of a person."""

    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0
    mouth_open: float = 0.0
    """0 shut to 1 wide."""
    smile: float = 0.0
    """-0.5 pressed to 1."""
    eyes_open: float = 1.0
    """0 shut to 1."""
    brows_up: float = 0.0
    gaze: tuple[float, float] = (0.0, 0.0)
    """-1..1 towards the picture's right and down."""


def draw_person(random: np.random.Generator) -> Person:
    """Somebody new."""
    skin = _mixed(random, _SKINS)
    lips: Colour = (0.5 * skin[0] + 80 * random.uniform(0.8, 1.2), 0.45 * skin[1] + 12, 0.5 * skin[2] + 14)
    shirt: Colour = tuple(float(c) for c in random.uniform(20, 235, 3))  # type: ignore[assignment]
    frame: Colour = tuple(float(c) for c in random.uniform(10, 90, 3))  # type: ignore[assignment]
    return Person(
        shape=_draw_shape(random),
        skin=skin,
        hair=_mixed(random, _HAIRS),
        lips=lips,
        iris=_mixed(random, _IRISES),
        shirt=shirt,
        hair_length=float(random.choice([0.0, 1.0, 1.0, 1.4, 2.0, 2.0])),
        fringe=float(random.uniform(0.0, 0.55)),
        brow=float(random.uniform(0.7, 1.6)),
        glasses=frame if random.random() < 0.3 else None,
    )


def draw_motion(random: np.random.Generator, frames: int, rate: float = 25.0) -> list[Expression]:
    """A person who talks, looks about, blinks and now and then smiles, for ``frames`` moments."""
    seconds = np.arange(frames) / rate
    yaw = random.uniform(-15, 15) + _wander(random, seconds, 0.25) * random.uniform(10, 32)
    pitch = random.uniform(-5, 5) + _wander(random, seconds, 0.3) * 9
    roll = _wander(random, seconds, 0.2) * 8
    talk = np.clip(_wander(random, seconds, 3.0) * 0.8 + _wander(random, seconds, 0.5) * 0.5, 0, 1)
    smile = np.clip(_wander(random, seconds, 0.3), -0.4, 1)
    brows = _wander(random, seconds, 0.6)
    gaze_x, gaze_y = _wander(random, seconds, 0.7), _wander(random, seconds, 0.7) * 0.5
    phase, period = random.uniform(0, 2), random.uniform(1.5, 3.0)
    eyes = np.clip(np.abs((seconds + phase) % period - 0.15) / 0.12, 0, 1) * random.uniform(0.85, 1.0)
    return [
        Expression(
            float(yaw[i]), float(pitch[i]), float(roll[i]), float(talk[i]), float(smile[i]),
            float(eyes[i]), float(brows[i]), (float(gaze_x[i]), float(gaze_y[i])),
        )
        for i in range(frames)
    ]  # fmt: skip


def expressed(person: Person, now: Expression) -> Wide:
    """(478, 3) the person's face with this expression, still frontal."""
    shape = person.shape.copy()
    _open_jaw(shape, now.mouth_open)
    _smile(shape, now.smile)
    for brow in (RIGHT_BROW, LEFT_BROW):
        shape[list(brow), 1] -= 0.07 * now.brows_up
    for upper, lower, iris in (
        (RIGHT_UPPER_LID, RIGHT_LOWER_LID, RIGHT_IRIS),
        (LEFT_UPPER_LID, LEFT_LOWER_LID, LEFT_IRIS),
    ):
        shape[list(iris), :2] += np.array([0.10, 0.05]) * now.gaze
        _lids(shape, upper, lower, now.eyes_open)
    return shape


def rotation(now: Expression) -> Wide:
    """(3, 3) of the head; signs as in ``enliven.geometry.yaw_pitch_roll_deg``."""
    (cy, sy), (cp, sp), (cr, sr) = (
        (math.cos(math.radians(a)), math.sin(math.radians(a)))
        for a in (now.yaw_deg, now.pitch_deg, now.roll_deg)
    )
    yaw = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    pitch = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    roll = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    turned: Wide = roll @ yaw @ pitch
    return turned


def _wander(random: np.random.Generator, seconds: Wide, hertz: float) -> Wide:
    """A smooth curve within about -1..1 that does not repeat soon."""
    curve = np.zeros_like(seconds)
    for weight in (0.6, 0.4, 0.25):
        speed = hertz * random.uniform(0.5, 1.6)
        curve += weight * np.sin(2 * np.pi * (speed * seconds + random.uniform()))
    return curve


def _mixed(random: np.random.Generator, palette: tuple[Colour, ...]) -> Colour:
    one, other = (palette[int(i)] for i in random.integers(len(palette), size=2))
    share = float(random.uniform(0, 0.35))
    r, g, b = (float((1 - share) * a + share * c) for a, c in zip(one, other, strict=True))
    return r, g, b


def _draw_shape(random: np.random.Generator) -> Wide:
    shape = mean_shape().astype(np.float64)
    upper, lower = list(INNER_UPPER_LIP), list(INNER_LOWER_LIP)
    shape[upper] = shape[lower] = (shape[upper] + shape[lower]) / 2
    _scale_around(shape, [NOSE_TIP], 0.35, random.uniform(0.85, 1.35), random.uniform(0.9, 1.12))
    eyes = random.uniform(0.88, 1.2, 2)
    for eye in (RIGHT_EYE, LEFT_EYE):
        _scale_around(shape, list(eye), 0.3, eyes[0], eyes[1])
    _scale_around(shape, list(OUTER_LIPS), 0.4, random.uniform(0.88, 1.2), random.uniform(0.85, 1.3))
    jaw, long, forehead = random.uniform(-0.14, 0.16), random.uniform(-0.06, 0.08), random.uniform(-0.1, 0.1)
    below, above = np.clip(shape[:, 1] / 1.5, 0, 1), np.clip(-(shape[:, 1] + 0.6), 0, 1)
    shape[:, 0] *= random.uniform(0.92, 1.1) * (1 + jaw * below)
    shape[:, 1] += 1.5 * long * below - forehead * above
    shape[:, 2] *= random.uniform(0.92, 1.1)
    return shape


def _scale_around(shape: Wide, centre: list[int], reach: float, wide: float, high: float) -> None:
    """Stretch the face near some points, fading with the distance."""
    middle = shape[centre, :2].mean(axis=0)
    away = shape[:, :2] - middle
    near = np.exp(-((np.linalg.norm(away, axis=1) / reach) ** 2))[:, None]
    shape[:, :2] += near * away * (np.array([wide, high]) - 1.0)


def _open_jaw(shape: Wide, amount: float) -> None:
    """The lower lip and chin go down, the cheeks less; 0.55 units when wide open."""
    lips_y = float(shape[list(INNER_LOWER_LIP), 1].mean())
    below = np.clip((shape[:, 1] - lips_y + 0.25) / 0.3, 0.0, 1.0)
    weight = below * np.clip(1.25 - np.abs(shape[:, 0]) / 0.95, 0.0, 1.0)
    weight[[*INNER_UPPER_LIP, *OUTER_LIPS[1:10]]] = 0.0
    lower = [*INNER_LOWER_LIP, *OUTER_LIPS[11:]]
    weight[lower] = np.clip(1.0 - (np.abs(shape[lower, 0]) / 0.5) ** 2, 0.15, 1.0)
    shape[:, 1] += 0.55 * amount * weight


def _smile(shape: Wide, amount: float) -> None:
    for corner in (OUTER_LIPS[0], OUTER_LIPS[10]):
        near = np.exp(-(np.linalg.norm(shape[:, :2] - shape[corner, :2], axis=1) ** 2) / 0.06)
        shape[:, 0] += 0.12 * amount * near * np.sign(shape[corner, 0])
        shape[:, 1] -= 0.10 * amount * near


def _lids(shape: Wide, upper: tuple[int, ...], lower: tuple[int, ...], amount: float) -> None:
    """Open: a little wider than the mean; shut: the upper lid lies on the lower one."""
    above, below = list(upper), list(lower)
    gap = shape[below] - shape[above]
    shape[above] += (1.0 - 1.25 * amount) * gap
