"""The folder that a training run lives in.

::

    RUN/config.json                       all settings of the run
    RUN/log.jsonl                         one line every few steps
    RUN/tensorboard/                      the same, for TensorBoard
    RUN/samples/step-000500.png           sample sheets
    RUN/checkpoints/step-000500.safetensors   weights to use (running mean)
    RUN/states/step-000500.safetensors    all that resuming needs; the newest few
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from enliven.errors import TrainingError
from enliven.model.checkpoint import Checkpoint, save_checkpoint
from enliven.training.train_config import first_difference

_STEP = re.compile(r"step-(\d+)\.safetensors$")


class RunDir:
    """Paths and records of one run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.checkpoints, self.states = folder / "checkpoints", folder / "states"
        self.samples, self.tensorboard = folder / "samples", folder / "tensorboard"
        self._log = folder / "log.jsonl"
        self._config = folder / "config.json"

    def begin(self, settings: Mapping[str, Any]) -> None:
        """Makes the folder of a new run; one that already holds a run is refused."""
        if self._config.exists() or any(self.folder.glob("states/*")):
            raise TrainingError(
                f"{self.folder} already holds a training run; continue it with --resume or choose another folder."
            )
        try:
            for folder in (self.checkpoints, self.states, self.samples, self.tensorboard):
                folder.mkdir(parents=True, exist_ok=True)
            self._config.write_text(json.dumps(settings, indent=2) + "\n")
        except OSError as error:
            raise TrainingError(
                f"The run cannot be kept in {self.folder}: {error.strerror or error}."
            ) from None

    def settings(self) -> dict[str, Any]:
        """What the run was begun with."""
        try:
            settings: dict[str, Any] = json.loads(self._config.read_text())
        except (OSError, json.JSONDecodeError):
            raise TrainingError(
                f"{self.folder} holds no training run to resume; leave --resume out to begin one."
            ) from None
        return settings

    def check_settings(self, settings: Mapping[str, Any]) -> None:
        """Refuses to resume with settings that would learn otherwise, naming the first key."""
        stored, wanted = self.settings(), json.loads(json.dumps(settings))
        for section in ("data", "training"):
            difference = first_difference(stored.get(section, {}), wanted.get(section, {}))
            if difference:
                raise TrainingError(
                    f"The run in {self.folder} cannot be resumed with another config: {difference}. "
                    "Use the same, or begin a new run."
                )

    def record_log(self, line: Mapping[str, Any]) -> None:
        """Appends to log.jsonl."""
        with self._log.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def forget_after(self, step: int) -> None:
        """Drops log lines of steps that a resumed run will do again, and files left half written."""
        for leftover in self.folder.glob("*/*.writing"):
            leftover.unlink()
        if self._log.exists():
            lines = [text for text in self._log.read_text().splitlines() if _step_in(text) <= step]
            self._log.write_text("".join(text + "\n" for text in lines))

    def state_path(self, step: int) -> Path:
        return self.states / f"step-{step:06d}.safetensors"

    def sample_path(self, step: int) -> Path:
        return self.samples / f"step-{step:06d}.png"

    def save_weights(self, checkpoint: Checkpoint) -> Path:
        """Writes the weights of a step and gives their path."""
        path = self.checkpoints / f"step-{checkpoint.step:06d}.safetensors"
        save_checkpoint(path, checkpoint)
        return path

    def newest_state(self) -> Path | None:
        return _newest(self.states)

    def newest_weights(self) -> Path | None:
        return _newest(self.checkpoints)

    def drop_old_states(self, keep: int) -> None:
        """Removes all but the newest ``keep`` states."""
        for path in _by_step(self.states)[:-keep]:
            path.unlink()


def _by_step(folder: Path) -> list[Path]:
    found = [(int(m.group(1)), path) for path in folder.glob("step-*") if (m := _STEP.search(path.name))]
    return [path for _, path in sorted(found)]


def _newest(folder: Path) -> Path | None:
    paths = _by_step(folder)
    return paths[-1] if paths else None


def _step_in(text: str) -> float:
    """A line cut off by a crash counts as never written."""
    try:
        return float(json.loads(text)["step"])
    except (json.JSONDecodeError, KeyError):
        return float("inf")
