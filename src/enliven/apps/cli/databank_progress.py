"""A progress bar for things that are many and slow, on stderr."""

from __future__ import annotations

from rich.progress import (
    BarColumn,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from enliven.apps.cli.bar import Bar


class _Rate(ProgressColumn):
    def __init__(self, what: str) -> None:
        super().__init__()
        self._what = what

    def render(self, task: Task) -> Text:
        rate = task.finished_speed or task.speed
        return Text(f"{rate:.2f} {self._what}/s" if rate else "")


_ESTIMATED_OVER_SECONDS = 120.0
"""Videos take from one second to a minute each: over less than this the rate jumps."""


class CountProgress(Bar):
    """So many of so many, a second, time left, and the shots kept; draws nothing when quiet."""

    def __init__(self, what: str, *, quiet: bool) -> None:
        super().__init__(
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total} " + what),
            _Rate(what),
            TextColumn("{task.fields[shots]} shots"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            quiet=quiet,
            speed_estimate_period=_ESTIMATED_OVER_SECONDS,
        )
        self._task = self._progress.add_task(what, total=None, shots=0)

    def update(self, done: int, total: int, shots: int) -> None:
        """``done`` of ``total``, and the shots kept so far."""
        self._progress.update(self._task, completed=done, total=total, shots=shots)
