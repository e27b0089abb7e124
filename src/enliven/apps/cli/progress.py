"""A progress bar with rate and time left, on stderr so that stdout stays clean."""

from __future__ import annotations

from rich.progress import BarColumn, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from enliven.apps.cli.bar import Bar


class _Rate(ProgressColumn):
    """Frames per second."""

    def render(self, task: Task) -> Text:
        rate = task.finished_speed or task.speed
        return Text(f"{rate:.1f} frames/s" if rate else "")


class FrameProgress(Bar):
    """Shows how many frames are done; draws nothing when quiet."""

    def __init__(self, verb: str, *, quiet: bool) -> None:
        super().__init__(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total}"),
            _Rate(),
            TimeRemainingColumn(),
            quiet=quiet,
        )
        self._task = self._progress.add_task(verb, total=None)

    def update(self, done: int, total: int | None) -> None:
        """``done`` frames of ``total`` (None while unknown)."""
        self._progress.update(self._task, completed=done, total=total)
