"""Finds the watermark's tile in a residual of unknown scale, place and handedness.

For each scale the residual's spectrum is read at the ring's frequencies only (two small matrix products,
no resampling) and reduced to its phases. Over a picture that was not marked with this pattern the phases
have nothing to do with the pattern's, which were drawn at random: each score ``sqrt(2 / m) sum cos`` of m
frequencies then exceeds t with probability at most ``exp(-t^2 / 2)``, whatever the picture shows
(``E exp(a cos) = I0(a) <= exp(a^2 / 4)`` and Chernoff), which bounds false alarms by a union over trials.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from itertools import product

import numpy as np

from enliven.provenance.watermark_pattern import (
    HIGHEST,
    SYMBOL_CARRIERS,
    SYNC,
    TILE_PX,
    Complexes,
    Integers,
    payload_of,
    shift_phases,
)
from enliven.types import Floats

REACH = int(HIGHEST)
SCALE_RANGE = (0.44, 2.3)
SCALE_STEP = 1.004
WINDOW_TILES = 5.0
"""Side of the window that the first search looks at, in tiles: wider would need finer steps of scale."""
LISTED = 3
"""Best readings of each symbol that are tried against the check bits."""
CANDIDATES = 6


@dataclass(frozen=True)
class Place:
    """Where the tile may lie."""

    scale: float
    """Pixels of the residual for one pixel of the marked picture."""
    mirrored: bool
    offset_xy: tuple[float, float]
    """In pixels of the tile."""
    score: float
    """Of the sync carrier; standard normal where there is no mark."""


def scales() -> Floats:
    """Every scale that is tried."""
    low, high = SCALE_RANGE
    count = int(np.ceil(np.log(high / low) / np.log(SCALE_STEP)))
    return np.geomspace(low, high, count).astype(np.float32)


def trials() -> float:
    """How many places the first search compares."""
    return float(len(scales()) * 2 * TILE_PX**2)


def find_places(residual: Floats) -> list[Place]:
    """The likeliest places, best first, refined over the whole residual (H, W)."""
    rough = [place for scale in scales() for place in _places(_window(residual, float(scale)), float(scale))]
    rough.sort(key=lambda place: -place.score)
    best: list[Place] = []
    for place in rough:
        if all(
            abs(place.scale / other.scale - 1) > 0.01 or place.mirrored != other.mirrored for other in best
        ):
            best.append(place)
        if len(best) == CANDIDATES:
            break
    return sorted((_refined(residual, place) for place in best), key=lambda place: -place.score)


def read_payload(residual: Floats, place: Place) -> int | None:
    """The payload at a place, or None where no reading of it fits its check bits."""
    units = _spectrum(residual, place.scale)
    listed: list[list[int]] = []
    for index, carrier in enumerate(SYMBOL_CARRIERS):
        own = _at(units, carrier.bins, place.mirrored)
        turned = own * np.exp(1j * (_turn(carrier.bins, place.offset_xy) - carrier.phases))
        scores = (_steering(index) @ turned).real
        listed.append([int(i) for i in np.argsort(-scores)[:LISTED]])
    for symbols in product(*listed):
        payload = payload_of(list(symbols))
        if payload is not None:
            return payload
    return None


@cache
def _steering(index: int) -> Complexes:
    return np.asarray(np.exp(1j * shift_phases(SYMBOL_CARRIERS[index].bins)), np.complex64)


def _turn(bins: Integers, offset_xy: tuple[float, float]) -> Floats:
    return np.asarray(2 * np.pi / TILE_PX * (bins @ np.array(offset_xy)), dtype=np.float32)


def _window(residual: Floats, scale: float) -> Floats:
    """The middle of the residual, ``WINDOW_TILES`` wide."""
    side = int(WINDOW_TILES * TILE_PX * scale)
    top, left = (max(0, (n - side) // 2) for n in residual.shape)
    return residual[top : top + side, left : left + side]


def _spectrum(residual: Floats, scale: float) -> Complexes:
    """(21, 41) phases, as unit complex numbers, at ky = 0..20 and kx = -20..20 cycles a scaled tile."""
    height, width = residual.shape
    down = np.exp(-2j * np.pi / (TILE_PX * scale) * np.outer(np.arange(REACH + 1), np.arange(height)))
    across = np.exp(
        -2j * np.pi / (TILE_PX * scale) * np.outer(np.arange(width), np.arange(-REACH, REACH + 1))
    )
    rows = np.concatenate([down.real, down.imag]).astype(np.float32) @ residual
    half = rows[: REACH + 1] + 1j * rows[REACH + 1 :]
    spectrum = half @ across.astype(np.complex64)
    return np.asarray(spectrum / np.maximum(np.abs(spectrum), 1e-12), dtype=np.complex64)


def _at(units: Complexes, bins: Integers, mirrored: bool) -> Complexes:
    across = -bins[:, 0] if mirrored else bins[:, 0]
    found: Complexes = units[bins[:, 1], across + REACH]
    return found


def _places(residual: Floats, scale: float) -> list[Place]:
    units = _spectrum(residual, scale)
    return [_best_offset(units, scale, mirrored) for mirrored in (False, True)]


def _best_offset(units: Complexes, scale: float, mirrored: bool) -> Place:
    matched = _at(units, SYNC.bins, mirrored) * np.exp(-1j * SYNC.phases)
    grid = np.zeros((TILE_PX, TILE_PX), np.complex64)
    grid[SYNC.bins[:, 1], SYNC.bins[:, 0]] = matched
    scores = np.fft.ifft2(grid).real
    y, x = divmod(int(np.argmax(scores)), TILE_PX)
    score = float(scores[y, x]) * TILE_PX**2 * np.sqrt(2 / len(SYNC.bins))
    return Place(scale, mirrored, (float(x), float(y)), float(score))


def _refined(residual: Floats, place: Place) -> Place:
    """The best place near this one, with finer and finer steps of scale over a wider and wider window."""
    best = replace(place, score=-np.inf)
    step = SCALE_STEP - 1
    tiles = max(residual.shape) / (TILE_PX * place.scale)
    while step > 0.05 / (TILE_PX / 4) / max(tiles, 1):
        near = best.scale * (1 + step * np.linspace(-1, 1, 7))
        found = [_best_offset(_spectrum(residual, float(s)), float(s), place.mirrored) for s in near]
        best = max([*found, best], key=lambda p: p.score)
        step /= 3
    return best
