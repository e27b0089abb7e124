"""What shows between open lips when the photo does not tell: teeth, tongue or dark, as many people's mouths have it.

Two small networks, learned once from open mouths of the databank's train split (``tools/make_mouth.py``). The first
tells what a mouth that is held so shows: how long the upper and the lower teeth are seen, and how bright it is behind
them. The second tells the colour of every place of a mouth that shows this, beside this skin and these lips. One
network for both would paint the mean of all mouths, a pale blur: no two have their teeth end at the same place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources

import cv2
import numpy as np

from enliven.model.mouth_wide import deepened, wideness
from enliven.model.opening import Grid, Opening
from enliven.types import Floats

ROWS, COLUMNS = 20, 28
PAST_UPPER = 5
"""Which fact of a place tells whether it is beyond the upper teeth."""
_LIGHT = 150.0
"""Grey level of usual skin."""
_TOOTH_UNIT, _TOOTH_SEAM = 0.1, 0.015
"""Face heights: of the teeth's length, and of the way over which their edge shows."""
_TOOTH_EDGES = np.array([0.0, 0.050, 0.087, 0.120, 0.147])
"""Where upper teeth meet, from the middle outwards, in face heights; the outer ones are seen aslant."""
_EDGE_WIDTH, _EDGE_DARK = 0.0035, 0.15
_TOOTH_LENGTH = 0.05
"""In face heights; what is seen farther below the lip are the lower teeth behind."""
_ASIDE = np.linspace(0.0, 0.2, 801)
_EDGES_SHOW = _EDGE_DARK * np.exp(-((np.abs(_ASIDE[:, None] - _TOOTH_EDGES).min(axis=1) / _EDGE_WIDTH) ** 2))
"""How much darker it is so far aside."""
_TOLD_APART = 0.03
"""Length from which teeth are told apart wholly."""
_WIDE_TEETH = 0.03
"""Of a mouth that is wide open, at least."""
_LEVELS = (0.1, 1.0)
"""All that was seen."""


@dataclass(frozen=True, eq=False)
class Tones:
    """Colours of one photo, beside which the inside of the mouth must look right."""

    lips: Grid
    """(3,) RGB, 0 to 255."""
    skin: Grid

    @cached_property
    def light(self) -> float:
        """Grey level of the skin."""
        return max(float(self.skin.mean()), 1.0)

    @cached_property
    def facts(self) -> Grid:
        """(7,)"""
        return np.array([*(self.lips / self.light), *(self.skin / self.light), self.light / _LIGHT])


@dataclass(frozen=True)
class Shown:
    """What of a mouth's inside is seen."""

    upper: float
    """Length of the upper teeth below the lip, in face heights."""
    lower: float
    """Of the lower teeth above the other lip."""
    level: float
    """Brightness of what is between them, in shares of the skin's."""


@dataclass(frozen=True, eq=False)
class Perceptron:
    """A network with two hidden layers of sigmoid-weighted units."""

    weights: tuple[Floats, ...]
    """(in, out), three of them."""
    biases: tuple[Floats, ...]

    @classmethod
    def of(cls, arrays: Mapping[str, Floats], name: str) -> Perceptron:
        """``arrays``: NAME_weight0, NAME_bias0, NAME_weight1 and so on."""
        weights, biases = (
            tuple(np.asarray(arrays[f"{name}_{kind}{n}"], np.float32) for n in range(3))
            for kind in ("weight", "bias")
        )
        return cls(weights, biases)

    def tell(self, known: Grid) -> Floats:
        """(..., F) to (..., O)."""
        units = known.astype(np.float32)
        for weight, bias in zip(self.weights[:2], self.biases[:2], strict=True):
            sums = units @ weight + bias
            units = sums / (1.0 + np.exp(-sums))
        return np.asarray(units @ self.weights[2] + self.biases[2], np.float32)


@dataclass(frozen=True, eq=False)
class Habits:
    """Of many people's mouths."""

    holds: Perceptron
    """(16,) facts of shape and tones to (3,) what is shown."""
    looks: Perceptron
    """Facts of a place, (..., 26), to its colour, (..., 3) in shares of the light."""


@cache
def learned() -> Habits:
    """As they come with the package."""
    with resources.files("enliven").joinpath("assets/mouth.npz").open("rb") as file:
        arrays = np.load(file, allow_pickle=False)
        return Habits(Perceptron.of(arrays, "holds"), Perceptron.of(arrays, "looks"))


def mouth_facts(opening: Opening, tones: Tones) -> Grid:
    """(16,) what the first network reads."""
    return np.concatenate([opening.shape_facts, tones.facts])


def shown_facts(shown: Shown) -> Grid:
    """(3,) what it tells, and what the second network reads."""
    return np.array([shown.upper / _TOOTH_UNIT, shown.lower / _TOOTH_UNIT, shown.level])


def place_facts(
    opening: Opening, tones: Tones, shown: Shown, rows: int = ROWS, columns: int = COLUMNS
) -> Grid:
    """(R, C, 26) what the second network reads at the places of the opening."""
    _, places, below, above = opening.places(rows, columns)
    edges = [_past(below, shown.upper), _past(above, shown.lower)]  # PAST_UPPER is the first
    same = np.concatenate([mouth_facts(opening, tones), shown_facts(shown)])
    everywhere = np.broadcast_to(same, (rows, columns, len(same)))
    return np.concatenate([places, np.stack(edges, axis=-1), everywhere], axis=-1)


def _past(distance: Grid, length: float) -> Grid:
    """-1 within the teeth, 1 beyond their edge."""
    return np.clip((distance - length) / _TOOTH_SEAM, -1.0, 1.0)


def shown_in(opening: Opening, tones: Tones) -> Shown:
    """What a mouth that is held so shows."""
    upper, lower, level = learned().holds.tell(mouth_facts(opening, tones))
    teeth = max(float(upper) * _TOOTH_UNIT, _WIDE_TEETH * wideness(opening))
    return Shown(teeth, max(float(lower), 0.0) * _TOOTH_UNIT, float(np.clip(level, *_LEVELS)))


def painted(opening: Opening, tones: Tones, xy: Grid) -> Grid:
    """RGB (h, w, 3), 0 to 255 and a little beyond, for pixels ``xy`` (h, w, 2) between the lips and about them."""
    shown = shown_in(opening, tones)
    known = place_facts(opening, tones, shown)
    looks = learned().looks.tell(known).astype(np.float64)
    teeth = (1.0 - known[..., PAST_UPPER]) / 2.0
    grid = tones.light * deepened(looks, opening, tones.lips, tones.light, teeth)
    of_grid, along, down = opening.shares(xy)
    at = (of_grid * [COLUMNS, ROWS] - 0.5).astype(np.float32)
    smooth = cv2.remap(
        np.asarray(grid, np.float32), at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    dark = _between_teeth(opening, along, down / opening.face_px, shown)
    return np.asarray(smooth * (1.0 - dark[..., None]), np.float64)


def _between_teeth(opening: Opening, along: Grid, below: Grid, shown: Shown) -> Grid:
    """(h, w) how much darker it is where upper teeth meet."""
    aside = np.abs(along - opening.middle_px) / (opening.face_px * opening.foreshortening)
    length = min(shown.upper, _TOOTH_LENGTH)
    within = (1.0 - _past(below, length)) / 2.0 * min(shown.upper / _TOLD_APART, 1.0)
    return np.asarray(np.interp(aside, _ASIDE, _EDGES_SHOW) * within)
