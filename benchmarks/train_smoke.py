"""Both presets learn on a drawn databank in two minutes: `make train-smoke`.

    python -m benchmarks.train_smoke [--minutes M] [--threads N]

Draws a small databank, trains each preset for half of the time, and prints one JSON line each. Exits with 1 when the
total loss (mean of the last tenth of the steps over mean of the first tenth) has not fallen below the
stated factor. The pictures are 128 pixels wide, so that preset `paper` gets somewhere on a CPU.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from benchmarks.machine import stamp
from enliven.databank.synthetic import SyntheticSettings, synthesise
from enliven.training.meta_train import meta_train
from enliven.training.train_config import TrainConfig, default_config

FACTORS = {"hybrid": 0.85, "paper": 0.6}
"""What the loss must fall to, as a share of its beginning."""


def smoke_config(preset: str) -> TrainConfig:
    """The preset at 128 pixels, with quicker rates, without the adversary, which needs longer to help."""
    config = default_config(preset)
    return replace(
        config,
        model=replace(config.model, size=128),
        optimiser=replace(config.optimiser, generator_rate=1e-3 if preset == "hybrid" else 3e-4, warm_up=10),
        episodes=replace(config.episodes, shots_max=1),
        batch=4,
        adversary_from=10**6,
        sample_every=10**6,
        save_every=10**6,
        validate_on=4,
    )


def fall(preset: str, bank: Path, run: Path, minutes: float, threads: int) -> dict[str, float]:
    """Trains, and compares the losses of the beginning and the end."""
    losses: list[float] = []

    def note(step: int, steps: int, rates: Mapping[str, float], values: Mapping[str, float]) -> None:  # noqa: ARG001
        losses.append(values["total"])

    config = smoke_config(preset)
    meta_train(bank, run, config, minutes=minutes, threads=threads, progress=note, say=lambda _: None)
    tenth = max(3, len(losses) // 10)
    begin, end = sum(losses[:tenth]) / tenth, sum(losses[-tenth:]) / tenth
    return {
        "steps": len(losses),
        "begin": round(begin, 3),
        "end": round(end, 3),
        "share": round(end / begin, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Both presets learn on a drawn databank.")
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        bank = Path(folder) / "bank"
        synthesise(bank, SyntheticSettings(identities=6, shots=2, frames=12, size=128))
        for preset, needed in FACTORS.items():
            run = Path(folder) / preset
            found = fall(preset, bank, run, options.minutes / len(FACTORS), options.threads)
            failed |= found["share"] > needed
            print(json.dumps({"preset": preset, "needed": needed, **found, **stamp()}), flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
