"""Losses and rates, line by line: log.jsonl and TensorBoard."""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch.utils.tensorboard import SummaryWriter

from enliven.training.run_dir import RunDir


class RunLog:
    """Writes what a run learns about itself."""

    def __init__(self, run: RunDir) -> None:
        self._run = run
        self._board = SummaryWriter(str(run.tensorboard))

    def write(self, step: int, losses: Mapping[str, float], rates: Mapping[str, float]) -> None:
        """One line of losses and rates."""
        self._record(step, {f"loss/{name}": value for name, value in losses.items()} | dict(rates))

    def write_metrics(self, step: int, metrics: Mapping[str, float]) -> None:
        """One line of held-out metrics."""
        self._record(step, {f"held_out/{name}": value for name, value in metrics.items()})

    def close(self) -> None:
        """Flushes TensorBoard's file."""
        self._board.close()

    def _record(self, step: int, values: Mapping[str, float]) -> None:
        finite = {name: round(value, 6) for name, value in values.items() if math.isfinite(value)}
        self._run.record_log({"step": step} | finite)
        for name, value in finite.items():
            self._board.add_scalar(name, value, step)
