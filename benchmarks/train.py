"""How fast does training go, and how near to what the machine can do?

    python -m benchmarks.train BANK [--preset hybrid|paper] [--threads N] [--steps N] [--shots K] [--adversary]
                               [--teacher FILE]

Prints one JSON line: episodes and pictures a second (median of the steps), episodes a second of processor time,
which other work on the machine hardly changes, the arithmetic this takes as a share
of what a large bf16 convolution reaches on the same threads in the same minute, and the share of waiting for data.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.machine import stamp
from benchmarks.peak import peak_tflops
from enliven.databank.episodes import EpisodeStream
from enliven.training.batches import make_batch
from enliven.training.feature_nets import load_feature_losses
from enliven.training.game import Game, used_precision
from enliven.training.meta_train import make_fabric, meta_train
from enliven.training.train_config import FeatureFiles, TrainConfig, default_config


def step_tflop(bank: Path, config: TrainConfig) -> float:
    """Trillions of operations that one step takes."""
    fabric = make_fabric(config)
    stream = EpisodeStream(bank, config.episode_settings(1), seed=0)
    features, _ = load_feature_losses(config.features, config.losses, fabric.device)
    game = Game(fabric, config, stream.identity_count, features)
    batch = make_batch(next(stream), emphasis=5.0, original_drawing=False).to(fabric.device)
    with FlopCounterMode(display=False) as counter:
        game.step(1, batch)
    return float(counter.get_total_flops()) / 1e12


def measure(bank: Path, config: TrainConfig, threads: int | None) -> dict[str, float]:
    """Median seconds and processor seconds (all threads, preparing the data too) of the steps after the first three."""
    seconds: list[float] = []
    worked: list[float] = []
    shares: list[float] = []
    last, last_worked = time.perf_counter(), time.process_time()

    def note(step: int, steps: int, rates: Mapping[str, float], losses: Mapping[str, float]) -> None:  # noqa: ARG001
        nonlocal last, last_worked
        now, now_worked = time.perf_counter(), time.process_time()
        if step > 3:
            seconds.append(now - last)
            worked.append(now_worked - last_worked)
        shares.append(rates["data_share"])
        last, last_worked = now, now_worked

    with tempfile.TemporaryDirectory() as folder:
        meta_train(bank, Path(folder) / "run", config, threads=threads, progress=note, say=lambda _: None)
    return {
        "seconds": statistics.median(seconds),
        "fastest": min(seconds),
        "processor_seconds": statistics.median(worked),
        "data_share": shares[-1],
    }


def main() -> None:
    options = _options()
    config = default_config(options.preset)
    config = replace(
        config,
        steps=options.steps + 3,
        adversary_from=0 if options.adversary else 10**6,
        sample_every=10**6,
        save_every=10**6,
        validate_on=1,
        features=FeatureFiles(teacher=options.teacher),
        episodes=replace(config.episodes, shots_min=options.shots, shots_max=options.shots),
    )
    found = measure(options.bank, config, options.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    peak, work = peak_tflops(device), step_tflop(options.bank, config)
    rate = config.batch / found["seconds"]
    line = {
        "bench": "train",
        "preset": options.preset,
        "precision": used_precision(config, device),
        "threads": torch.get_num_threads(),
        "shots": options.shots,
        "adversary": options.adversary,
        "teacher": bool(options.teacher),
        "episodes_per_second": round(rate, 2),
        "fastest_step_episodes_per_second": round(config.batch / found["fastest"], 2),
        "episodes_per_processor_second": round(config.batch / found["processor_seconds"], 2),
        "pictures_per_second": round(rate * (options.shots + 1), 2),
        "peak_tflops": round(peak, 3),
        "achieved_tflops": round(work / found["seconds"], 3),
        "share_of_peak": round(work / found["seconds"] / peak, 3),
        "data_share": round(found["data_share"], 4),
    }
    print(json.dumps(line | stamp()))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("bank", type=Path)
    parser.add_argument("--preset", default="hybrid")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--shots", type=int, default=1)
    parser.add_argument("--adversary", action="store_true")
    parser.add_argument("--teacher", default="")
    return parser.parse_args()


if __name__ == "__main__":
    main()
