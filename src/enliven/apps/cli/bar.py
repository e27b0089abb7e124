"""What all progress bars have in common: they begin and end with a `with` block."""

from __future__ import annotations

from types import TracebackType
from typing import TypeVar

from rich.console import Console
from rich.progress import Progress, ProgressColumn

_Bar = TypeVar("_Bar", bound="Bar")


class Bar:
    """A bar on stderr, so that stdout stays clean; draws nothing when quiet and is gone at the end."""

    def __init__(self, *columns: ProgressColumn, quiet: bool, speed_estimate_period: float = 30.0) -> None:
        self._progress = Progress(
            *columns,
            console=Console(stderr=True),
            disable=quiet,
            transient=True,
            speed_estimate_period=speed_estimate_period,
        )

    def __enter__(self: _Bar) -> _Bar:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
