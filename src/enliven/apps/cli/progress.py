"""A progress bar with rate and time left, on stderr so that stdout stays clean."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text


class _Rate(ProgressColumn):
    """Frames per second."""

    def render(self, task: Task) -> Text:
        rate = task.finished_speed or task.speed
        return Text(f"{rate:.1f} frames/s" if rate else "")


class FrameProgress:
    """Shows how many frames are done; draws nothing when quiet."""

    def __init__(self, verb: str, *, quiet: bool) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total}"),
            _Rate(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=quiet,
            transient=True,
        )
        self._task = self._progress.add_task(verb, total=None)

    def update(self, done: int, total: int | None) -> None:
        """``done`` frames of ``total`` (None while unknown)."""
        self._progress.update(self._task, completed=done, total=total)

    def __enter__(self) -> FrameProgress:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
