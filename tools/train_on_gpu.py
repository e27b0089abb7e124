"""Learn for the minutes that a rented GPU is there: `enliven train` with episodes kept on the device.

    python tools/train_on_gpu.py PACK -o OUT --plan hybrid:440 [--begin FOLDER] [--teacher FILE]

PACK as `tools/pack_databank.py` makes it. ``--plan`` names presets and seconds, one after the other. The learning rate
falls to nothing over the seconds. Of each it leaves weights, discriminator and a sheet of samples in OUT, in files that
are small enough to be sent home; `tools/weights_in_pieces.py` puts them together. Losses are printed.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import replace
from pathlib import Path

import gpu_pool
import torch
from lightning_fabric import Fabric
from torch import Tensor
from weights_in_pieces import save_pieces

from enliven.fitting.base import load_base
from enliven.model.checkpoint import Checkpoint
from enliven.model.layers import fold_spectral_norm
from enliven.model.talker import build_talker
from enliven.training.feature_nets import load_feature_losses
from enliven.training.game import DivergedError, Game, Logged
from enliven.training.meta_train import make_fabric
from enliven.training.sample_sheet import write_sample_sheet
from enliven.training.train_config import (
    FeatureFiles,
    LossWeights,
    OptimiserSettings,
    TrainConfig,
    default_config,
)

_TWO_PHOTOS = 0.3
"""Share of the steps with two photos instead of one."""


def main() -> None:
    """Learns by the plan."""
    parser = argparse.ArgumentParser()
    parser.add_argument("pack", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--plan", default="hybrid:60")
    parser.add_argument("--begin", type=Path)
    parser.add_argument("--teacher", default="")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--workers", type=int, default=15)
    parser.add_argument("--capacity", type=int, default=12000)
    parser.add_argument(
        "--early", type=float, default=0.0, help="seconds after which the hybrid is saved besides"
    )
    parser.add_argument("--first", type=int, default=400, help="groups to wait for before the first step")
    given = parser.parse_args()
    began = time.perf_counter()
    pack = gpu_pool.Pack(given.pack)
    _say(began, f"{len(pack.frames)} frames decoded")
    producers = gpu_pool.Producers(pack, given.workers, seed=int(time.time()))
    fabric = make_fabric(_config("hybrid", given))
    pool = gpu_pool.Pool(producers, given.capacity, fabric.device)
    pool.refill(given.first)
    _say(began, f"{pool.made} groups made")
    torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("high")
    try:
        for part in given.plan.split(","):
            name, seconds = part.split(":")
            _learn(name, float(seconds), given, fabric, pool, pack.identities, began)
    finally:
        producers.close()


class TimedGame(Game):
    """A game whose rates fall to nothing as ``time_share`` goes from 0 to 1."""

    time_share = 0.0

    def _set_rates(self, step: int) -> None:
        super()._set_rates(step)
        falling = 0.5 + 0.5 * math.cos(math.pi * min(1.0, self.time_share))
        for optimiser in self.optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] *= max(0.01, falling)


def _learn(
    name: str, seconds: float, given: argparse.Namespace, fabric: Fabric, pool: gpu_pool.Pool,
    identities: int, began: float,
) -> None:  # fmt: skip
    """One preset, until its seconds are over."""
    config = _config(name, given)
    batch = given.batch if name == "hybrid" else max(4, given.batch // 4)
    features, _ = load_feature_losses(config.features, config.losses, fabric.device)
    torch.manual_seed(config.seed)
    game = TimedGame(fabric, config, identities, features)
    if name == "hybrid" and given.begin:
        base = load_base(given.begin)
        if base.judge is not None:
            game.judge.load_state_dict(base.judge.state_dict())
    start, step, told, counted, saved_early = time.perf_counter(), 0, 0.0, 0, given.early <= 0.0
    sums: dict[str, Tensor] = {}
    while (spent := time.perf_counter() - start) < seconds:
        game.time_share = spent / seconds
        pool.refill()
        shots = 2 if name == "hybrid" and step % 10 < 10 * _TWO_PHOTOS else 1
        try:
            logged: Logged = game.step(step, pool.batch(batch, shots))
        except DivergedError as error:  # nothing was stepped; the next batch is another one
            print(f"step {step}: {error}", flush=True)
            continue
        step += 1
        for key, value in logged.items():
            sums[key] = sums.get(key, 0.0) + value.detach().float()
        if spent - told > 10.0:
            means = {key: round(float(value) / (step - counted), 4) for key, value in sums.items()}
            print(
                json.dumps({"step": step, "seconds": round(spent, 1), "made": pool.made} | means), flush=True
            )
            sums, told, counted = {}, spent, step
        if not saved_early and spent > given.early and name == "hybrid":
            saved_early = True
            save_pieces(given.out / f"{name}-early", replace(_checkpoint(game, config, step), judge={}))
    _say(began, f"{name}: {step} steps of {batch} in {seconds:.0f} s; {pool.made} groups made")
    save_pieces(given.out / name, _checkpoint(game, config, step))
    with torch.no_grad(), fabric.autocast():
        write_sample_sheet(given.out / f"{name}.png", game.mean_talker, pool.batch(6, 1))
    _say(began, "saved")


def _checkpoint(game: Game, config: TrainConfig, step: int) -> Checkpoint:
    """The running mean, folded as export folds it, and the discriminator of preset hybrid, which fitting needs."""
    talker = build_talker(config.model)  # a copy would share the class that folding changes
    talker.load_state_dict(game.mean_talker.state_dict())
    fold_spectral_norm(talker)
    judge = game.judge.state_dict() if config.model.preset == "hybrid" else {}
    data = {"people": "train split"}
    return Checkpoint(config.model, talker.state_dict(), step, data, {}, config.to_json(), judge)


def _config(name: str, given: argparse.Namespace) -> TrainConfig:
    files = FeatureFiles(teacher=given.teacher)
    if name == "paper":
        return replace(default_config("paper"), features=files, adversary_from=0)
    losses = LossWeights(
        teacher=5.0,
        eyes=3.0,
        parts=0.1,
        parts_matching=1.0,
        painted=0.05,
        adversarial=0.1,
        feature_matching=1.0,
    )
    optimiser = OptimiserSettings(generator_rate=1e-3, discriminator_rate=3e-4, warm_up=100, ema=0.998)
    begin = str(given.begin / "weights.safetensors") if given.begin else ""
    return replace(
        default_config("hybrid"), losses=losses, optimiser=optimiser, features=files, begin_from=begin,
        batch=given.batch, adversary_from=0,
    )  # fmt: skip


def _say(began: float, text: str) -> None:
    print(f"{time.perf_counter() - began:7.1f} s  {text}", flush=True)


if __name__ == "__main__":
    main()
