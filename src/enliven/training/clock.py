"""How fast a run goes, how long it may still go, and what of its time is spent waiting for data."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

_RECENT = 0.05
"""Share of the newest step in the running rate."""
_MARGIN_SECONDS = 1.0
_FIRST_SAVE_SECONDS = 1.0
"""Believed until a checkpoint was written."""


class Clock:
    """Counts from its making, so that the time limit includes the preparations."""

    def __init__(self, minutes: float | None) -> None:
        self._begun = time.perf_counter()
        self._end = None if minutes is None else self._begun + 60.0 * minutes
        self._last = self._begun
        self._step_seconds = 0.0
        self._longest = 0.0
        self._closing_seconds: dict[str, float] = {"save": _FIRST_SAVE_SECONDS}
        self._apart = 0.0
        self._stepping_seconds = 0.0

    def start(self) -> None:
        """The first step begins now; what went before is not a step's."""
        self._last, self._apart = time.perf_counter(), 0.0

    def tick(self, step: int, steps: int, batch: int, waited_seconds: float) -> dict[str, float]:
        """After step ``step`` of ``steps``: episodes per second, seconds left, share of waiting for data."""
        now = time.perf_counter()
        spent = now - self._last - self._apart
        self._last, self._apart = now, 0.0
        self._stepping_seconds += spent
        self._longest = max(spent, 0.9 * self._longest)
        rate = self._step_seconds
        self._step_seconds = spent if rate == 0.0 else rate + _RECENT * (spent - rate)
        left = (steps - step) * self._step_seconds
        if self._end is not None:
            left = min(left, self._end - now)
        return {
            "episodes_per_second": batch / max(self._step_seconds, 1e-9),
            "seconds_left": max(left, 0.0),
            "data_share": waited_seconds / max(self._stepping_seconds, 1e-9),
        }

    def is_up(self) -> bool:
        """True when another step, a last look and saving would end after the time limit."""
        if self._end is None:
            return False
        closing = 1.5 * sum(self._closing_seconds.values())
        return time.perf_counter() + self._longest + closing + _MARGIN_SECONDS >= self._end

    @contextmanager
    def closing(self, what: str) -> Iterator[None]:
        """Work beside the steps that is also done at the end, and so must fit before the limit."""
        start = time.perf_counter()
        yield
        spent = time.perf_counter() - start
        self._apart += spent
        self._closing_seconds[what] = max(self._closing_seconds.get(what, 0.0), spent)
