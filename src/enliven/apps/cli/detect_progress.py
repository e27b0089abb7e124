"""How far a video was looked at, in seconds, on stderr."""

from __future__ import annotations

from rich.progress import BarColumn, TextColumn, TimeRemainingColumn

from enliven.apps.cli.bar import Bar


class LookProgress(Bar):
    """Draws nothing when quiet."""

    def __init__(self, *, quiet: bool) -> None:
        super().__init__(
            TextColumn("looking"),
            BarColumn(),
            TextColumn("{task.completed:.0f} of {task.total} s"),
            TimeRemainingColumn(),
            quiet=quiet,
        )
        self._task = self._progress.add_task("looking", total=None)

    def update(self, done: float, total: float | None) -> None:
        """``done`` seconds of ``total`` (None while unknown)."""
        self._progress.update(self._task, completed=done, total=None if total is None else round(total))
