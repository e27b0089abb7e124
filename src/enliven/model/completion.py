"""What stands behind somebody, made up of what is seen beside them: folds of a curtain go on, a wall keeps its grain.

Patches of the hole look for patches of the rest that look like them, from coarse to fine, and each pixel becomes
the mean of what the patches over it found (Wexler et al. 2007, "Space-time completion of video"); they are looked for
by handing good finds on to neighbours and by chance (Barnes et al. 2009, "PatchMatch").
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from enliven.pixels import Mask
from enliven.types import Floats, Picture

_SIDES, _ROUNDS = (32, 64, 128), (6, 4, 3)
"""Sides of the pictures, from coarse to fine, and how often in each the hole is filled anew."""
_RADIUS = 2
"""Of a patch."""
_FALL = 1.3
"""By which a pixel of the hole counts less with each step away from what is known."""
_DEEPEST = 60.0
"""Steps, after which it counts no less."""
_FAR = 0.002
"""What finding a patch a whole picture's side away costs, as a share of the largest difference of all its pixels."""
_STEPS = (4, 2, 1)
"""Pixels to the neighbours whose finds are tried."""
_NARROWER = 3.0
"""By which each try by chance is nearer to the best find than the one before."""
_KNOWN = 0.5
"""Share of a coarse pixel that is known from which on it counts as known."""
_LEAST_PATCHES = 50
"""Known ones without which nothing is to be found."""

Places = npt.NDArray[np.int32]
"""(N, 2) rows and columns."""


@dataclass(frozen=True, eq=False)
class Completion:
    """A hole filled at the finest of the sides, and where that was found."""

    filled: Floats
    """(n, n, 3)"""
    offsets: Floats
    """(n, n, 2) x and y from a pixel to the one that it was found at, in pixels; 0 where it was known."""

    def over(self, picture: Picture, hidden: Floats) -> Floats:
        """(h, w, 3) the filled picture at another size, with the fine grain of ``picture``, which has this size.

        ``hidden``: (n, n) 1 where the picture shows somebody in front, of no grain to be used, 0 elsewhere.
        """
        size_wh = (picture.shape[1], picture.shape[0])
        cells = (self.filled.shape[1], self.filled.shape[0])
        coarse = cv2.resize(self.filled, size_wh, interpolation=cv2.INTER_CUBIC)
        seen = cv2.resize(picture, cells, interpolation=cv2.INTER_AREA).astype(np.float32)
        grain = picture - cv2.resize(seen, size_wh, interpolation=cv2.INTER_CUBIC)
        grain *= 1.0 - cv2.resize(hidden, size_wh, interpolation=cv2.INTER_LINEAR)[..., None]
        scale = np.array(size_wh, np.float32) / np.array(cells, np.float32)
        maps = cv2.resize(self.offsets, size_wh, interpolation=cv2.INTER_NEAREST) * scale
        maps[..., 0] += np.arange(size_wh[0], dtype=np.float32)
        maps[..., 1] += np.arange(size_wh[1], dtype=np.float32)[:, None]
        return np.asarray(coarse + cv2.remap(grain, maps, None, cv2.INTER_LINEAR), np.float32)


def completed(picture: Floats, known: Floats, smooth: Floats) -> Completion | None:
    """Fills what is not ``known`` (h, w) of a picture (h, w, 3) from what is; None where too little is known.

    ``smooth``: (h, w, 3) the picture filled without any pattern, to begin from. Always the same for the same picture.
    """
    random = np.random.default_rng(0)
    whole = np.asarray(known >= 1.0, np.float32)
    begun, offsets = smooth, None
    for side, rounds in zip(_SIDES, _ROUNDS, strict=True):
        share = cv2.resize(whole, (side, side), interpolation=cv2.INTER_AREA)
        small = cv2.resize(picture * whole[..., None], (side, side), interpolation=cv2.INTER_AREA)
        begun = cv2.resize(begun, (side, side), interpolation=cv2.INTER_LINEAR)
        hole = share < _KNOWN
        seen = small / np.maximum(share, 1e-6)[..., None]
        level = _Level(np.where(hole[..., None], begun, seen).astype(np.float32), hole, random)
        if len(level.patches) < _LEAST_PATCHES:
            return None
        level.begin(offsets)
        for _ in range(rounds if hole.any() else 0):  # a small hole is none at a small size
            level.search()
            level.fill()
        begun, offsets = level.picture, level.offsets()
    assert offsets is not None
    return Completion(begun, np.where(hole[..., None], offsets[..., ::-1], 0).astype(np.float32))


class _Level:
    """The hole at one size."""

    def __init__(self, picture: Floats, hole: Mask, random: np.random.Generator) -> None:
        """``picture``: (n, n, 3) with a first guess in the ``hole`` (n, n)."""
        self.picture, self._hole, self._random = picture, hole, random
        self._side = side = hole.shape[0]
        patch = np.ones((2 * _RADIUS + 1,) * 2, np.uint8)
        inside = np.zeros(hole.shape, np.bool_)
        inside[_RADIUS:-_RADIUS, _RADIUS:-_RADIUS] = True
        near = cv2.dilate(hole.astype(np.uint8), patch) > 0
        self._whole = inside & ~near
        """Middles of patches of which all is known."""
        self._wanting = inside & near
        self.patches: Places = np.argwhere(self._whole).astype(np.int32)
        self._at: Places = np.argwhere(self._wanting).astype(np.int32)
        self._number = np.full(hole.shape, -1, np.int32)
        self._number[self._wanting] = np.arange(len(self._at), dtype=np.int32)
        steps = np.arange(-_RADIUS, _RADIUS + 1, dtype=np.int32)
        self._around = (steps[:, None] * side + steps).ravel()
        away = np.minimum(cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 5), _DEEPEST)
        trust = np.asarray(_FALL**-away, np.float32).ravel()[self._pixels(self._at)]
        self._trust = trust.mean(axis=1)  # (N,)
        self._weights = trust / self._trust[:, None]  # (N, P)
        self._found, self._cost = self._at, np.zeros(len(self._at), np.float32)

    def begin(self, coarser: npt.NDArray[np.int32] | None) -> None:
        """From the finds at half the size, (n / 2, n / 2, 2) rows and columns away; from chance without them."""
        self._found = self.patches[self._random.integers(0, len(self.patches), len(self._at))]
        if coarser is not None:
            rows, columns = (self._at // 2).T
            handed = self._at + 2 * coarser[rows, columns]
            good = self._is_whole(handed)
            self._found[good] = handed[good]

    def search(self) -> None:
        """Better finds: the neighbours', and others by chance, nearer and nearer to the best."""
        self._look()
        for step in _STEPS:
            for way in ((0, step), (0, -step), (step, 0), (-step, 0)):
                beside = self._at + np.array(way, np.int32)
                there = self._is_inside(beside)
                number = np.full(len(beside), -1, np.int32)
                number[there] = self._number[tuple(beside[there].T)]
                rows = np.nonzero(number >= 0)[0]
                self._try(rows, self._found[number[rows]] - np.array(way, np.int32))
        reach, every = float(self._side), np.arange(len(self._at))
        while reach >= 1.0:
            away = self._random.uniform(-reach, reach, self._found.shape)
            self._try(every, self._found + np.rint(away).astype(np.int32))
            reach /= _NARROWER

    def fill(self) -> None:
        """The hole's pixels anew: means of what the patches over them found, good finds before others."""
        usual = float(np.percentile(self._cost, 75)) + 1e-3
        weights = np.exp(-self._cost / (2 * usual)) * self._trust + 1e-9
        summed = np.zeros((self._side**2, 4), np.float32)
        flat = self.picture.reshape(-1, 3)
        at, found = self._at @ (self._side, 1), self._found @ (self._side, 1)
        for step in self._around:
            summed[at + step, :3] += weights[:, None] * flat[found + step]
            summed[at + step, 3] += weights
        mean = (summed[:, :3] / np.maximum(summed[:, 3:], 1e-9)).reshape(self.picture.shape)
        filled = self._hole & (summed[:, 3].reshape(self._hole.shape) > 0)
        self.picture = np.where(filled[..., None], mean, self.picture)

    def offsets(self) -> npt.NDArray[np.int32]:
        """(n, n, 2) rows and columns from every pixel to what it was found at; 0 where nothing was looked for."""
        away = np.zeros((*self._hole.shape, 2), np.int32)
        away[self._wanting] = self._found - self._at
        rim = ((_RADIUS, _RADIUS), (_RADIUS, _RADIUS), (0, 0))
        # Along the border no patch has its middle: there counts what the next one found, which covers it.
        return np.pad(away[_RADIUS:-_RADIUS, _RADIUS:-_RADIUS], rim, mode="edge")

    def _pixels(self, middles: Places) -> npt.NDArray[np.int64]:
        """(N, P) of the patches there."""
        pixels: npt.NDArray[np.int64] = (middles @ (self._side, 1))[:, None] + self._around
        return pixels

    def _look(self) -> None:
        """What the hole looks like now, and how well the finds fit it."""
        self._wanted = self.picture.reshape(-1, 3)[self._pixels(self._at)]
        self._cost = self._costs(np.arange(len(self._at)), self._found)

    def _costs(self, rows: npt.NDArray[np.intp], found: Places) -> Floats:
        """(M,) of patches ``found`` for some of the ``rows``."""
        apart = self.picture.reshape(-1, 3)[self._pixels(found)] - self._wanted[rows]
        away = ((found - self._at[rows]) ** 2).sum(axis=1) / self._side**2
        far = np.float32(_FAR * 255.0**2 * len(self._around)) * away.astype(np.float32)
        return np.asarray(np.einsum("npc,npc,np->n", apart, apart, self._weights[rows]) + far, np.float32)

    def _try(self, rows: npt.NDArray[np.intp], found: Places) -> None:
        """Takes what fits better than what there is."""
        good = self._is_whole(found)
        rows, found = rows[good], found[good]
        cost = self._costs(rows, found)
        better = cost < self._cost[rows]
        self._found[rows[better]], self._cost[rows[better]] = found[better], cost[better]

    def _is_inside(self, places: Places) -> Mask:
        inside: Mask = ((places >= 0) & (places < self._side)).all(axis=1)
        return inside

    def _is_whole(self, places: Places) -> Mask:
        whole = self._is_inside(places)
        whole[whole] = self._whole[tuple(places[whole].T)]
        return whole
