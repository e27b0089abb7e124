"""Watermarks by others, for comparison only; none of them is a dependency.

    pip install --no-deps --target RIVALS blind-watermark invisible-watermark PyWavelets
    PYTHONPATH=RIVALS python -m benchmarks.watermark CLIPS.csv --rivals

They know what they look for: a video counts as found when 27 of the 32 bits that were put in come back by
majority over six frames, which random bits do with probability 5.7e-5. They are told the size at which the picture was
marked and read it there. What was cut or mirrored they read as it is.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from math import comb
from typing import Any, Protocol

import cv2
import numpy as np

from enliven.types import Picture

BITS, NEEDED = 32, 27
CHANCE = sum(comb(BITS, n) for n in range(NEEDED, BITS + 1)) / 2**BITS
assert CHANCE < 1e-4
_LOOKS = 6


class Scheme(Protocol):
    """A watermark."""

    name: str

    def mark(self, picture: Picture) -> Picture:
        """(H, W, 3) RGB, marked."""

    def found(self, pictures: Sequence[Picture], size_wh: tuple[int, int]) -> tuple[bool, bool]:
        """Whether the mark is found, and whether its payload is read without an error."""


class Rival:
    """A library's coder and decoder of 32 bits, on BGR pictures as they want them."""

    def __init__(
        self,
        name: str,
        payload: int,
        encode: Callable[[Picture, list[int]], Picture],
        decode: Callable[[Picture], Any],
    ) -> None:
        self.name, self._encode, self._decode = name, encode, decode
        self._bits = np.array([payload >> n & 1 for n in range(BITS)])

    def mark(self, picture: Picture) -> Picture:
        marked = self._encode(np.ascontiguousarray(picture[:, :, ::-1]), self._bits.tolist())
        return np.ascontiguousarray(np.clip(np.round(marked), 0, 255).astype(np.uint8)[:, :, ::-1])

    def found(self, pictures: Sequence[Picture], size_wh: tuple[int, int]) -> tuple[bool, bool]:
        chosen = pictures[:: max(1, len(pictures) // _LOOKS)][:_LOOKS]
        votes = [np.asarray(self._decode(self._seen(picture, size_wh)), float).ravel() for picture in chosen]
        right = int(((np.mean(votes, axis=0) > 0.5) == self._bits).sum())
        return right >= NEEDED, right == BITS

    def _seen(self, picture: Picture, size_wh: tuple[int, int]) -> Picture:
        """BGR, scaled back where it was scaled; a cut one is not."""
        factor = picture.shape[1] / size_wh[0]
        wanted = size_wh if abs(factor - 0.6) > 0.02 else (picture.shape[1], picture.shape[0])
        return np.ascontiguousarray(cv2.resize(picture, wanted, interpolation=cv2.INTER_CUBIC)[:, :, ::-1])


def rivals(payload: int) -> list[Scheme]:
    """Those that are installed."""
    found: list[Scheme] = []
    if importlib.util.find_spec("imwatermark"):
        found += [_imwatermark(payload, method) for method in ("dwtDct", "dwtDctSvd")]
    if importlib.util.find_spec("blind_watermark"):
        found.append(_blind_watermark(payload))
    return found


def _imwatermark(payload: int, method: str) -> Rival:
    library = importlib.import_module("imwatermark")

    def encode(picture: Picture, bits: list[int]) -> Picture:
        encoder = library.WatermarkEncoder()
        encoder.set_watermark("bits", bits)
        marked: Picture = encoder.encode(picture, method)
        return marked

    def decode(picture: Picture) -> Any:
        try:
            return library.WatermarkDecoder("bits", BITS).decode(picture, method)
        except RuntimeError:  # it reads nothing smaller than 256 x 256
            return np.zeros(BITS)

    return Rival(f"invisible-watermark {method}", payload, encode, decode)


def _blind_watermark(payload: int) -> Rival:
    library = importlib.import_module("blind_watermark")
    library.bw_notes.close()

    def encode(picture: Picture, bits: list[int]) -> Picture:
        coder = library.WaterMark()
        coder.read_img(img=picture)
        coder.read_wm(np.array(bits, bool), mode="bit")
        marked: Picture = coder.embed()
        return marked

    def decode(picture: Picture) -> Any:
        return library.WaterMark().extract(embed_img=picture, wm_shape=BITS, mode="bit")

    return Rival("blind-watermark", payload, encode, decode)
