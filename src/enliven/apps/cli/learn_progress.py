"""Progress of learning a head: pictures looked at, then steps with rate and time left, on stderr."""

from __future__ import annotations

from collections.abc import Mapping

from rich.progress import BarColumn, TextColumn

from enliven.apps.cli.bar import Bar


class LearnProgress(Bar):
    """A bar over the pictures and then over the steps; draws nothing when quiet."""

    def __init__(self, *, quiet: bool) -> None:
        super().__init__(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TextColumn("{task.completed:.0f}/{task.total} {task.fields[text]}"),
            quiet=quiet,
        )
        self._task = self._progress.add_task("looking", total=None, text="pictures")

    def looked(self, done: int, total: int | None) -> None:
        """After every picture."""
        self._progress.update(self._task, completed=done, total=total)

    def update(self, step: int, steps: int, rates: Mapping[str, float]) -> None:
        """After every step; see :data:`enliven.fitting.fit.Progress`."""
        left = round(rates["seconds_left"])
        text = f"{rates['steps_per_second']:.1f} steps/s, {left // 60}:{left % 60:02d} left, loss {rates['loss']:.3f}"
        self._progress.update(self._task, description="learning", completed=step, total=steps, text=text)
