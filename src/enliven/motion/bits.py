"""Bits in and out, and adaptive Rice codes for small whole numbers.

Rice codes as in FLAC (RFC 9639, section 9.2.7), one adaptive parameter for each place in the vector.
"""

from __future__ import annotations

from enliven.errors import MotionFileError

_ESCAPE = 24
"""This many ones announce a number that is written out in full."""
_FULL_BITS = 24
_MEMORY_SHIFT = 3
_BLOCK = 8


class BitWriter:
    """Collects bits, most significant first."""

    def __init__(self) -> None:
        self._value = 0
        self._count = 0

    def put(self, value: int, count: int) -> None:
        """Append the ``count`` low bits of ``value``."""
        self._value = (self._value << count) | value
        self._count += count

    def to_bytes(self) -> bytes:
        """All bits, padded with zeros to whole bytes."""
        padding = -self._count % 8
        return (self._value << padding).to_bytes((self._count + padding) // 8, "big")


class BitReader:
    """Reads what :class:`BitWriter` wrote."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def get(self, count: int) -> int:
        """The next ``count`` bits. Raises MotionFileError past the end."""
        self._left -= count
        if self._left < 0:
            raise MotionFileError("The motion file is corrupt: a frame ends before its numbers do.")
        return (self._value >> self._left) & ((1 << count) - 1)


class RiceVector:
    """Codes vectors of signed integers; learns from each how large the next ones will be.

    >>> writer, numbers = BitWriter(), [0, -3, 17, 100000]
    >>> RiceVector(4).write(writer, numbers)
    >>> RiceVector(4).read(BitReader(writer.to_bytes()))
    [0, -3, 17, 100000]
    """

    def __init__(self, length: int) -> None:
        self._mean = [4 << _MEMORY_SHIFT] * length

    def write(self, bits: BitWriter, numbers: list[int]) -> None:
        """Append the numbers, as many as the vector is long; blocks of zeros cost a single bit."""
        for start in range(0, len(self._mean), _BLOCK):
            block = numbers[start : start + _BLOCK]
            bits.put(int(any(block)), 1)
            for place, number in enumerate(block, start):
                folded = 2 * number if number >= 0 else -2 * number - 1
                if any(block):
                    self._put(bits, place, folded)
                self._learn(place, folded)

    def read(self, bits: BitReader) -> list[int]:
        """The next vector."""
        numbers = []
        for start in range(0, len(self._mean), _BLOCK):
            is_told = bits.get(1)
            for place in range(start, min(start + _BLOCK, len(self._mean))):
                folded = self._get(bits, place) if is_told else 0
                numbers.append(folded >> 1 if folded % 2 == 0 else -((folded + 1) >> 1))
                self._learn(place, folded)
        return numbers

    def _put(self, bits: BitWriter, place: int, folded: int) -> None:
        k = self._parameter(place)
        quotient = folded >> k
        if quotient >= _ESCAPE:
            bits.put((1 << _ESCAPE) - 1, _ESCAPE)
            bits.put(folded, _FULL_BITS)
        else:
            bits.put((1 << (quotient + 1)) - 2, quotient + 1)
            bits.put(folded & ((1 << k) - 1), k)

    def _get(self, bits: BitReader, place: int) -> int:
        k = self._parameter(place)
        quotient = 0
        while quotient < _ESCAPE and bits.get(1):
            quotient += 1
        return bits.get(_FULL_BITS) if quotient == _ESCAPE else (quotient << k) | bits.get(k)

    def _parameter(self, place: int) -> int:
        """Whole bits that most numbers at this place fill."""
        return max((self._mean[place] >> _MEMORY_SHIFT).bit_length() - 1, 0)

    def _learn(self, place: int, folded: int) -> None:
        self._mean[place] += folded - (self._mean[place] >> _MEMORY_SHIFT)
