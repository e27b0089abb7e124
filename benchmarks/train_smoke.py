"""Both presets learn on a drawn databank, in two minutes on two free cores: `make train-smoke`.

    python -m benchmarks.train_smoke [--threads N] [--most-minutes M]

Draws a small databank, trains each preset for a fixed number of steps, and prints one JSON line each. Exits with 1 when
the total loss (mean of the last tenth of the steps over mean of the first tenth) has not fallen to the stated factor.
Steps and not minutes decide, so that a busy machine takes longer and finds the same; `--most-minutes` ends a preset
that would take too long, which counts as failed. The networks are whole, the pictures smaller than the presets'.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.machine import stamp
from enliven.databank.synthetic import SyntheticSettings, synthesise
from enliven.training.meta_train import meta_train
from enliven.training.train_config import TrainConfig, default_config


@dataclass(frozen=True)
class Smoke:
    """What a preset must show."""

    size: int
    """Side of the pictures in pixels; preset `paper` computes thirty times as much for one."""
    steps: int
    rate: float
    """Of the generator; quicker than the preset's, which is meant for days."""
    factor: float
    """What the loss must fall to, as a share of its beginning."""


SMOKES = {"hybrid": Smoke(128, 60, 1e-3, 0.85), "paper": Smoke(64, 50, 3e-4, 0.8)}


def smoke_config(preset: str, smoke: Smoke) -> TrainConfig:
    """The preset on smaller pictures, one photo an episode, without the adversary, which needs longer to help."""
    config = default_config(preset)
    return replace(
        config,
        model=replace(config.model, size=smoke.size),
        losses=replace(config.losses, landmarks=0.0, eye_landmarks=0.0),  # of real faces; these are drawn
        optimiser=replace(config.optimiser, generator_rate=smoke.rate, warm_up=10),
        episodes=replace(config.episodes, shots_max=1),
        batch=4,
        steps=smoke.steps,
        adversary_from=10**6,
        sample_every=10**6,
        save_every=10**6,
        validate_on=4,
    )


def fall(bank: Path, run: Path, config: TrainConfig, minutes: float, threads: int) -> dict[str, float]:
    """Trains, and compares the losses of the beginning and the end."""
    losses: list[float] = []

    def note(step: int, steps: int, rates: Mapping[str, float], values: Mapping[str, float]) -> None:  # noqa: ARG001
        losses.append(values["total"])

    start = time.perf_counter()
    meta_train(bank, run, config, minutes=minutes, threads=threads, progress=note, say=lambda _: None)
    tenth = max(3, len(losses) // 10)
    begin, end = sum(losses[:tenth]) / tenth, sum(losses[-tenth:]) / tenth
    return {
        "steps": len(losses),
        "seconds": round(time.perf_counter() - start, 1),
        "begin": round(begin, 3),
        "end": round(end, 3),
        "share": round(end / begin, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Both presets learn on a drawn databank.")
    parser.add_argument("--most-minutes", type=float, default=20.0, help="for each preset")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        bank = Path(folder) / "bank"
        synthesise(bank, SyntheticSettings(identities=6, shots=2, frames=12, size=128))
        for preset, smoke in SMOKES.items():
            config, run = smoke_config(preset, smoke), Path(folder) / preset
            found = fall(bank, run, config, options.most_minutes, options.threads)
            failed |= found["steps"] < smoke.steps or found["share"] > smoke.factor
            about = {"preset": preset, "size": smoke.size, "needed": smoke.factor}
            print(json.dumps(about | found | stamp()), flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
