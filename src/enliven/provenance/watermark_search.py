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

import cv2
import numpy as np
import numpy.typing as npt

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
REFINED_TILES = 8.0
"""Side of the window in which a place is refined and the payload read: enough, and the cost stays bounded."""
LISTED = 3
"""Best readings of each symbol that are tried against the check bits."""
CANDIDATES = 6
REFINING = 7
"""Scales that are tried around a candidate at a time."""
FINER = 3.0
"""The next time they lie this many times closer together."""


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
    """An upper bound for the number of places that one search compares, refining included."""
    rounds = int(np.ceil(np.log((SCALE_STEP - 1) / _finest(REFINED_TILES)) / np.log(FINER)))
    return float((len(scales()) * 2 + CANDIDATES * rounds * REFINING) * TILE_PX**2)


def _finest(tiles: float) -> float:
    """The step of scale at which the edge of a window moves by less than a tenth of a pixel of the tile."""
    return 0.05 / (TILE_PX / 4) / max(tiles, 1.0)


def find_places(residual: Floats) -> list[Place]:
    """The likeliest places, best first, refined over a wide part of the residual (H, W)."""
    seen = Residual(residual)
    rough = [place for scale in scales() for place in _places(seen, float(scale), WINDOW_TILES)]
    rough.sort(key=lambda place: -place.score)
    best: list[Place] = []
    for place in rough:
        if all(
            abs(place.scale / other.scale - 1) > 0.01 or place.mirrored != other.mirrored for other in best
        ):
            best.append(place)
        if len(best) == CANDIDATES:
            break
    return sorted((_refined(seen, place) for place in best), key=lambda place: -place.score)


def read_payload(residual: Floats, place: Place) -> int | None:
    """The payload at a place, or None where no reading of it fits its check bits."""
    units = Residual(residual).phases(place.scale, REFINED_TILES)
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


class Residual:
    """A residual whose spectrum is read at the ring's frequencies, for any scale of the tile."""

    def __init__(self, residual: Floats) -> None:
        """``residual``: (H, W) float32. Halves of it serve the larger scales: the ring lies low there."""
        self.shape = residual.shape
        self._halves = [np.ascontiguousarray(residual)]
        for _ in range(int(np.log2(SCALE_RANGE[1]))):
            self._halves.append(_halved(self._halves[-1]))

    def phases(self, scale: float, tiles: float) -> Complexes:
        """(21, 41) unit complex numbers at ky = 0..20 and kx = -20..20 cycles a tile of ``128 * scale`` px.

        ``tiles``: only the middle, of so many tiles' side, is looked at.
        """
        halvings = max(0, int(np.log2(scale)))
        shrink = 2**halvings
        kept = [_middle(n, tiles * TILE_PX * scale / shrink) for n in self._halves[halvings].shape]
        part = self._halves[halvings][kept[0], kept[1]]
        centre = (shrink - 1) / 2
        down, across = ((np.arange(k.start, k.stop) * shrink + centre) / (TILE_PX * scale) for k in kept)
        rows = _waves(down) @ part  # (42, W): cosines, then sines
        sums = rows @ _waves(across).T  # (42, 42)
        (cc, cs), (sc, ss) = (np.hsplit(half, 2) for half in np.vsplit(sums, 2))  # (21, 21) each
        right, left = (cc - ss) - 1j * (cs + sc), (cc + ss) + 1j * (cs - sc)  # kx >= 0, kx <= 0
        spectrum = np.concatenate([left[:, :0:-1], right], axis=1)
        return np.asarray(spectrum / np.maximum(np.abs(spectrum), 1e-12), dtype=np.complex64)


def _halved(residual: Floats) -> Floats:
    """Means of 2 x 2; an odd last row or column falls away."""
    height, width = (n // 2 for n in residual.shape)
    even = residual[: 2 * height, : 2 * width]
    return np.asarray(cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA), dtype=np.float32)


def _middle(size: int, wanted: float) -> slice:
    kept = min(size, int(min(wanted, size)))
    return slice((size - kept) // 2, (size - kept) // 2 + kept)


def _waves(places_tiles: npt.NDArray[np.float64]) -> Floats:
    """(42, n) cosines and sines of 0..20 cycles a tile at places in tiles."""
    angles = np.outer(np.arange(REACH + 1), 2 * np.pi * places_tiles).astype(np.float32)
    return np.concatenate([np.cos(angles), np.sin(angles)])


def _at(units: Complexes, bins: Integers, mirrored: bool) -> Complexes:
    across = -bins[:, 0] if mirrored else bins[:, 0]
    found: Complexes = units[bins[:, 1], across + REACH]
    return found


def _places(residual: Residual, scale: float, tiles: float) -> list[Place]:
    units = residual.phases(scale, tiles)
    return [_best_offset(units, scale, mirrored) for mirrored in (False, True)]


def _best_offset(units: Complexes, scale: float, mirrored: bool) -> Place:
    """The offset whose turn brings the sync carrier's phases together best: an inverse Fourier transform."""
    matched = (units[:, ::-1] if mirrored else units) * _sync()
    across, down = _turns()
    turned = matched @ across  # (21, 128)
    scores = down @ np.concatenate([turned.real, -turned.imag])  # (128, 128)
    y, x = divmod(int(np.argmax(scores)), TILE_PX)
    score = float(scores[y, x]) * np.sqrt(2 / len(SYNC.bins))
    return Place(scale, mirrored, (float(x), float(y)), float(score))


@cache
def _sync() -> Complexes:
    """(21, 41) the sync carrier's phases turned back; 0 where it has none."""
    grid = np.zeros((REACH + 1, 2 * REACH + 1), np.complex64)
    grid[SYNC.bins[:, 1], SYNC.bins[:, 0] + REACH] = np.exp(-1j * SYNC.phases)
    return grid


@cache
def _turns() -> tuple[Complexes, Floats]:
    """(41, 128) turns along x; (128, 42) real and imaginary parts of those along y."""
    places = np.arange(TILE_PX) / TILE_PX
    across = np.exp(2j * np.pi * np.outer(np.arange(-REACH, REACH + 1), places))
    return across.astype(np.complex64), np.ascontiguousarray(_waves(places).T)


def _refined(residual: Residual, place: Place) -> Place:
    """The best place near this one, with finer and finer steps of scale over a wider window."""
    best = replace(place, score=-np.inf)
    step = SCALE_STEP - 1
    tiles = min(REFINED_TILES, max(residual.shape) / (TILE_PX * place.scale))
    while step > _finest(tiles):
        near = best.scale * (1 + step * np.linspace(-1, 1, REFINING))
        found = [
            _best_offset(residual.phases(float(s), REFINED_TILES), float(s), place.mirrored) for s in near
        ]
        best = max([*found, best], key=lambda p: p.score)
        step /= FINER
    return best
