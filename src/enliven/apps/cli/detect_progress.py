"""How far a video was looked at, in seconds, on stderr."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn


class LookProgress:
    """Draws nothing when quiet."""

    def __init__(self, *, quiet: bool) -> None:
        self._progress = Progress(
            TextColumn("looking"),
            BarColumn(),
            TextColumn("{task.completed:.0f} of {task.total} s"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=quiet,
            transient=True,
        )
        self._task = self._progress.add_task("looking", total=None)

    def update(self, done: float, total: float | None) -> None:
        """``done`` seconds of ``total`` (None while unknown)."""
        self._progress.update(self._task, completed=done, total=None if total is None else round(total))

    def __enter__(self) -> LookProgress:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
