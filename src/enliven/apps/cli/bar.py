"""What all progress bars have in common: they begin and end with a `with` block, and no Ctrl-C is lost in it."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import Progress, ProgressColumn, TaskID

_Bar = TypeVar("_Bar", bound="Bar")


class Bar:
    """A bar on stderr, so that stdout stays clean; draws nothing when quiet and is gone at the end."""

    def __init__(self, *columns: ProgressColumn, quiet: bool, speed_estimate_period: float = 30.0) -> None:
        self._progress = _Heeding(
            *columns,
            console=Console(stderr=True),
            disable=quiet,
            transient=True,
            speed_estimate_period=speed_estimate_period,
        )
        self._before: Any = None

    def __enter__(self: _Bar) -> _Bar:
        usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # else somebody has other plans
        if usual and threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._interrupt)
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _interrupt(self, _signal: int, _frame: FrameType | None) -> None:
        self._progress.interrupted = True
        raise KeyboardInterrupt


class _Heeding(Progress):
    """Asks again at every step: an interrupt that met a callback from C, which can pass none on, is gone."""

    interrupted = False

    def update(self, task_id: TaskID, **fields: Any) -> None:
        if self.interrupted and threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt
        super().update(task_id, **fields)
