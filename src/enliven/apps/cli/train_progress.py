"""Progress of a training run: rate, time left and loss, on stderr."""

from __future__ import annotations

from collections.abc import Mapping

from rich.progress import BarColumn, TextColumn

from enliven.apps.cli.bar import Bar


class TrainProgress(Bar):
    """A bar over the steps; draws nothing when quiet."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        super().__init__(
            TextColumn("training"),
            BarColumn(bar_width=20),
            TextColumn("{task.completed:.0f}/{task.total:.0f} {task.fields[text]}"),
            quiet=quiet,
        )
        self._task = self._progress.add_task("training", total=1, text="preparing")

    def say(self, sentence: str) -> None:
        """A remark above the bar."""
        if not self._quiet:
            self._progress.console.print(sentence, markup=False, highlight=False)

    def update(self, step: int, steps: int, rates: Mapping[str, float], losses: Mapping[str, float]) -> None:
        """After every step; see :class:`enliven.training.meta_train.Progress`."""
        left = round(rates["seconds_left"])
        text = (
            f"{rates['episodes_per_second']:.1f} episodes/s, "
            f"{left // 3600}:{left % 3600 // 60:02d}:{left % 60:02d} left, loss {losses['total']:.3f}"
        )
        self._progress.update(self._task, completed=step, total=steps, text=text)
