"""A progress bar for things that are many and slow, on stderr."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text


class _Rate(ProgressColumn):
    def __init__(self, what: str) -> None:
        super().__init__()
        self._what = what

    def render(self, task: Task) -> Text:
        rate = task.finished_speed or task.speed
        return Text(f"{rate:.2f} {self._what}/s" if rate else "")


class CountProgress:
    """So many of so many, a second, time left, and the shots kept; draws nothing when quiet."""

    def __init__(self, what: str, *, quiet: bool) -> None:
        self._progress = Progress(
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total} " + what),
            _Rate(what),
            TextColumn("{task.fields[shots]} shots"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=quiet,
            speed_estimate_period=120.0,
        )
        self._task = self._progress.add_task(what, total=None, shots=0)

    def update(self, done: int, total: int, shots: int) -> None:
        """``done`` of ``total``, and the shots kept so far."""
        self._progress.update(self._task, completed=done, total=total, shots=shots)

    def __enter__(self) -> CountProgress:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
