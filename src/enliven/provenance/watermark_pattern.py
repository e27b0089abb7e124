"""The invisible watermark's pattern: a periodic tile of cosines whose phases carry sync and payload.

The tile repeats over the picture, so that any cut of it holds the whole mark. Its frequencies lie in a
ring that survives strong compression and halving. A third of them (the sync carrier) have fixed phases and
tell where the tile lies; each of the others belongs to one of five symbol carriers, whose cyclic shift on
a 32 x 32 grid says ten bits: 32 bits of payload and 18 check bits.
"""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from enliven.types import Floats

Complexes = npt.NDArray[np.complex64]
Integers = npt.NDArray[np.int64]

TILE_PX = 128
"""Side of the tile at the size in which the picture was marked."""

LOWEST, HIGHEST = 5.0, 20.0
"""The ring of frequencies in cycles a tile: periods of 26 to 6.4 px."""

SYMBOLS, SYMBOL_BITS = 5, 10
GRID = 32
"""Shifts of a symbol carrier along each axis, of ``TILE_PX / GRID`` px each."""

CHECK_BITS = SYMBOLS * SYMBOL_BITS - 32
SECRET = b"enliven watermark, first edition"
"""Not secret, but fixed: whoever has the program can look for the mark."""


@dataclass(frozen=True, eq=False)
class Carrier:
    """Some of the ring's frequencies with their phases."""

    bins: Integers
    """(m, 2) kx, ky in cycles a tile, ky > 0."""
    phases: Floats
    """(m,) in radians at shift zero."""


def _carriers() -> tuple[Carrier, ...]:
    """The sync carrier, then the symbol carriers; the same on every machine."""
    reach = int(HIGHEST)
    ring = [
        (kx, ky)
        for ky in range(2, reach + 1)
        for kx in range(-reach, reach + 1)
        if abs(kx) >= 2 and LOWEST <= float(np.hypot(kx, ky)) <= HIGHEST
    ]
    digest = hashlib.shake_256(SECRET).digest(8 * len(ring))
    words = np.frombuffer(digest, dtype="<u4").reshape(2, len(ring))
    bins = np.array(ring, dtype=np.int64)[np.argsort(words[0], kind="stable")]
    phases = (words[1] * (2 * np.pi / 2**32)).astype(np.float32)
    first = len(ring) // 3
    edges = [0, *np.linspace(first, len(ring), SYMBOLS + 1).astype(int)]
    return tuple(Carrier(bins[a:b], phases[a:b]) for a, b in itertools.pairwise(edges))


SYNC, *SYMBOL_CARRIERS = _carriers()


def symbols_of(payload: int) -> list[int]:
    """The five 10-bit symbols of a 32-bit payload and its check bits."""
    word = payload << CHECK_BITS | _check(payload)
    mask = 2**SYMBOL_BITS - 1
    return [word >> SYMBOL_BITS * (SYMBOLS - 1 - i) & mask for i in range(SYMBOLS)]


def payload_of(symbols: list[int]) -> int | None:
    """The payload, or None where the check bits do not fit."""
    word = 0
    for symbol in symbols:
        word = word << SYMBOL_BITS | symbol
    payload = word >> CHECK_BITS
    return payload if word & (2**CHECK_BITS - 1) == _check(payload) else None


def _check(payload: int) -> int:
    digest = hashlib.blake2s(payload.to_bytes(4, "big"), key=SECRET[:32]).digest()
    return int.from_bytes(digest[:4], "big") >> (32 - CHECK_BITS)


def shift_phases(bins: Integers) -> Floats:
    """(1024, m) radians by which each symbol's shift turns each frequency back."""
    step = TILE_PX // GRID
    dy, dx = np.divmod(np.arange(GRID * GRID), GRID)
    turns = (np.outer(dx, bins[:, 0]) + np.outer(dy, bins[:, 1])) * step / TILE_PX
    return (2 * np.pi * turns).astype(np.float32)


def tile(payload: int) -> Floats:
    """(128, 128) float32 with standard deviation 1 that carries the payload."""
    spectrum = np.zeros((TILE_PX, TILE_PX), np.complex128)
    _place(spectrum, SYNC.bins, SYNC.phases)
    for carrier, symbol in zip(SYMBOL_CARRIERS, symbols_of(payload), strict=True):
        _place(spectrum, carrier.bins, carrier.phases - shift_phases(carrier.bins)[symbol])
    waves = np.fft.ifft2(spectrum).real
    return np.asarray(waves / waves.std(), dtype=np.float32)


def _place(spectrum: npt.NDArray[np.complex128], bins: Integers, phases: Floats) -> None:
    spectrum[bins[:, 1] % TILE_PX, bins[:, 0] % TILE_PX] = np.exp(1j * phases)
