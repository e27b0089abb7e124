"""Where the time goes, by room."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stopwatch:
    """Adds up the wall seconds spent in each named room.

    >>> watch = Stopwatch()
    >>> with watch.room("face"):
    ...     pass
    >>> list(watch.seconds)
    ['face']
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def room(self, name: str) -> Iterator[None]:
        """Counts the time inside the ``with`` block for room ``name``."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start

    def ms_per(self, count: int) -> dict[str, float]:
        """Milliseconds by room for each of ``count`` frames."""
        return {name: round(1000.0 * spent / max(count, 1), 3) for name, spent in self.seconds.items()}
