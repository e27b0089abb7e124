"""One process's part of a run: made, resumed, looked at, saved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import torch
from lightning_fabric import Fabric

from enliven.errors import InputError, TrainingError
from enliven.model.checkpoint import Checkpoint, all_finite
from enliven.training.batches import Batch, BatchLoader, EpisodeSource, make_batch
from enliven.training.clock import Clock
from enliven.training.feature_nets import load_feature_losses
from enliven.training.game import DivergedError, Game, Logged
from enliven.training.guard import Guard
from enliven.training.run_dir import RunDir
from enliven.training.run_log import RunLog
from enliven.training.run_state import load_state, save_state
from enliven.training.sample_sheet import write_sample_sheet
from enliven.training.train_config import TrainConfig
from enliven.training.validation import validate

_SHEET_ROWS = 6


class OpenStream(Protocol):
    """Opens the episodes of a split; :class:`enliven.databank.episodes.EpisodeStream` by default."""

    def __call__(self, split: str, *, position: int, rank: int, world_size: int) -> EpisodeSource:
        """The stream beginning at ``position``."""


class Session:
    """One process's part of a run, from start or resume to its end."""

    def __init__(
        self, bank: Path, run: RunDir, config: TrainConfig, fabric: Fabric, resume: bool,
        minutes: float | None, open_stream: OpenStream, say: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.config, self.fabric, self.run = config, fabric, run
        self.main = fabric.global_rank == 0
        self.clock = Clock(minutes)
        where = {"rank": fabric.global_rank, "world_size": fabric.world_size}
        probe = open_stream("train", position=0, **where)
        self.data = {
            "bank": str(bank.resolve()),
            "identities": probe.identity_count,
            "fingerprint": probe.state().get("bank"),
        }
        self.settings = {"training": config.to_json(), "data": self.data}
        features, lacking = load_feature_losses(config.features, config.losses, fabric.device)
        torch.manual_seed(config.seed)
        self.game = Game(fabric, config, probe.identity_count, features)
        self.step, position = self._resumed() if resume else self._begun()
        self.loader = self._loader(open_stream("train", position=position, **where))
        self.held_out = self._held_out(open_stream)
        self.log = RunLog(run) if self.main else None
        self.guard = Guard(config.discriminator_limit)
        self.position: Any = position
        self.metrics: dict[str, float] = {}
        if self.main:
            for sentence in lacking:
                say(sentence)

    def close(self) -> None:
        """Ends threads and files."""
        self.loader.close()
        if self.log:
            self.log.close()

    def _begun(self) -> tuple[int, int]:
        if self.main:
            self.run.begin(self.settings)
        self.fabric.barrier()
        return 0, 0

    def _resumed(self) -> tuple[int, int]:
        self.run.check_settings(self.settings)
        newest = self.run.newest_state()
        if newest is None:
            raise TrainingError(
                f"{self.run.folder} holds no state to resume from; begin the run anew elsewhere."
            )
        step, position = load_state(newest, self.game)
        if self.main:
            self.run.forget_after(step)
        return step, int(position)

    def _loader(self, stream: EpisodeSource) -> BatchLoader:
        model, emphasis = self.config.model, self.config.losses.emphasis
        reads_guesses = model.preset == "hybrid"
        return BatchLoader(
            stream, emphasis=emphasis, original_drawing=model.original_drawing, guess=reads_guesses
        )

    def _held_out(self, open_stream: OpenStream) -> list[Batch]:
        """Fixed episodes of people who are not trained on; of the training split when there are no others."""
        if not self.main:
            return []
        try:
            stream = open_stream("val", position=0, rank=0, world_size=1)
        except InputError:
            stream = open_stream("train", position=10**9, rank=0, world_size=1)
        made: list[Batch] = []
        original = self.config.model.original_drawing
        while sum(len(batch.target) for batch in made) < self.config.validate_on:
            # With the mesh's guess for every preset: it is also the coarse warp that results are compared with.
            made.append(make_batch(next(stream), emphasis=1.0, original_drawing=original))
        return made

    def look(self) -> None:
        """Sample sheet and held-out metrics of the running mean; also before the first step, to compare with."""
        if not self.main or self.run.sample_path(self.step).exists():
            return
        with self.clock.closing("look"):
            batches = [batch.to(self.fabric.device) for batch in self.held_out]
            with self.fabric.autocast():
                self.metrics = validate(self.game.mean_talker, batches)
                rows = batches[0].first(_SHEET_ROWS)
                write_sample_sheet(self.run.sample_path(self.step), self.game.mean_talker, rows)
            assert self.log is not None
            self.log.write_metrics(self.step, self.metrics)

    def save(self) -> Path:
        """Weights and state of this step; refuses to overwrite good ones with broken ones."""
        weights = self.game.mean_talker.state_dict()
        if not all_finite(weights):
            raise DivergedError("a weight is not a number")
        path = self.run.checkpoints / f"step-{self.step:06d}.safetensors"
        if self.main and not (path.exists() and self.run.state_path(self.step).exists()):
            with self.clock.closing("save"):
                checkpoint = Checkpoint(
                    self.config.model, weights, self.step, self.data, self.metrics, self.config.to_json(),
                    self.game.judge.state_dict(),
                )  # fmt: skip
                path = self.run.save_weights(checkpoint)
                state = self.run.state_path(self.step)
                save_state(state, self.game, self.step, self.position, self.config.to_json())
                self.run.drop_old_states(self.config.keep_states)
        self.fabric.barrier()
        return path

    def agreed(self, losses: Logged) -> dict[str, float]:
        """Each loss averaged over the processes, so that all of them decide alike."""
        stacked = torch.stack([value.detach().float().reshape(()) for value in losses.values()])
        if self.fabric.world_size > 1:
            stacked = self.fabric.all_reduce(stacked, reduce_op="mean")
        return dict(zip(losses, stacked.tolist(), strict=True))

    def rates(self) -> dict[str, float]:
        """Episodes per second, seconds left, share of waiting for data."""
        waited = self.loader.waited_seconds
        return self.clock.tick(self.step, self.config.steps, self.config.batch, waited)

    def write_log(self, values: dict[str, float], rates: dict[str, float]) -> None:
        """A line of losses and rates."""
        if self.log:
            self.log.write(self.step, values, rates)

    def any_of(self, flag: bool) -> bool:
        """True in every process when it is true in one."""
        if self.fabric.world_size == 1:
            return flag
        mine = torch.tensor(float(flag), device=self.fabric.device)
        return bool(self.fabric.all_reduce(mine, reduce_op="sum") > 0)
