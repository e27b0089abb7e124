"""Animated GIF: small, silent, 256 colours."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from PIL import Image

from enliven.media.audio import Sound
from enliven.media.writer import Writer, not_written
from enliven.types import Frame

_TICK = Fraction(1, 100)
"""GIF counts in hundredths of a second, and browsers slow down what is faster than two of them."""
_FASTEST = 2 * _TICK


class GifWriter(Writer):
    """Frames go to the disk as they come; one palette, from the first frame, keeps colours from flickering."""

    def __init__(
        self,
        path: Path,
        size_wh: tuple[int, int],
        rate: Fraction | None,
        sound: Sound | None,
        statement: str,
    ) -> None:
        super().__init__(path)
        self.size_wh = size_wh
        self._rate = rate or Fraction(25)
        self._held: tuple[Image.Image, Fraction] | None = None
        self._palette: Image.Image | None = None
        self._ended = Fraction(0)
        self._statement = statement.encode("ascii", "replace")
        try:
            self._file = self.temporary.open("wb")
        except OSError as error:
            raise not_written(path, error) from None
        self.notes.append("GIF holds 256 colours and times in hundredths of a second.")
        if sound is not None:
            self.notes.append("GIF holds no sound; it was left out.")

    def write(self, frame: Frame) -> None:
        try:
            self._append(frame)
        except OSError as error:
            self.abort()
            raise not_written(self.path, error) from None

    def _append(self, frame: Frame) -> None:
        if self._held is not None and frame.time - self._held[1] < _FASTEST * Fraction(3, 4):
            return  # faster than a GIF can show
        image = Image.fromarray(frame.image)
        if self._palette is None:
            self._palette = image.quantize(256, method=Image.Quantize.MEDIANCUT)
        self._flush(frame.time)
        quantized = image.quantize(palette=self._palette, dither=Image.Dither.FLOYDSTEINBERG)
        self._held = (quantized, frame.time)

    def _flush(self, until: Fraction) -> None:
        """Write the held frame, shown until ``until``; rounding does not add up over time."""
        if self._held is None:
            return
        hundredths = max(round((until - self._ended) / _TICK), 2)
        self._ended += hundredths * _TICK
        for block in self._blocks(self._held[0], hundredths):
            self._file.write(block)

    def _blocks(self, image: Image.Image, hundredths: int) -> Iterator[bytes]:
        from PIL import GifImagePlugin

        if self._file.tell() == 0:
            header, _ = GifImagePlugin.getheader(image, info={"duration": 0, "loop": 0})
            yield from header
            yield b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"
            yield from _comment(self._statement)
        yield from GifImagePlugin.getdata(image, duration=hundredths * 10)

    def close(self) -> None:
        if self._held is not None:
            self._flush(self._held[1] + 1 / self._rate)
        self._file.write(b";")
        self._file.close()

    def discard(self) -> None:
        self._file.close()


def _comment(text: bytes) -> Iterator[bytes]:
    """A GIF comment extension; nothing for an empty text."""
    if text:
        parts = [text[i : i + 255] for i in range(0, len(text), 255)]
        yield b"\x21\xfe" + b"".join(bytes([len(part)]) + part for part in parts) + b"\x00"
