"""Meta-learning: the loop, open on the page (Zakharov et al. 2019, section 3.2)."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import torch
from lightning_fabric import Fabric

from enliven.databank.augment import NONE
from enliven.databank.episodes import EpisodeSettings, EpisodeStream
from enliven.errors import TrainingError
from enliven.training.batches import EpisodeSource
from enliven.training.game import DivergedError, used_precision
from enliven.training.interrupt import Interrupt
from enliven.training.run_dir import RunDir
from enliven.training.session import OpenStream, Session
from enliven.training.train_config import TrainConfig

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}


class Progress(Protocol):
    """Told after every step."""

    def __call__(
        self, step: int, steps: int, rates: Mapping[str, float], losses: Mapping[str, float], /
    ) -> None:
        """``rates``: episodes_per_second, seconds_left, data_share; ``losses``: this step's."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    step: int
    weights: Path
    reason: str
    """`finished`, `time` or `interrupted`."""
    metrics: Mapping[str, float]


def meta_train(
    bank: Path,
    out: Path,
    config: TrainConfig,
    *,
    resume: bool = False,
    minutes: float | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
    say: Callable[[str], None] = print,
    open_stream: OpenStream | None = None,
) -> Outcome:
    """Trains the networks of ``config`` on a databank, in the run folder ``out``.

    Raises :class:`TrainingError` with the last good checkpoint named when learning goes wrong, and
    for a run that cannot start, resume or be written.
    """
    if threads:
        torch.set_num_threads(threads)
    run = RunDir(out)
    opener = open_stream or _opener(bank, config)
    try:
        session = Session(bank, run, config, make_fabric(config), resume, minutes, opener, say)
        try:
            return _train(session, progress)
        except DivergedError as error:
            raise TrainingError(
                f"Training stopped after step {session.step}: {error}. {_way_back(run)}"
            ) from None
        finally:
            session.close()
    except OSError as error:
        if error.errno in _NO_SPACE:
            raise TrainingError(f"There is no space left for {out}; make room and --resume.") from None
        raise


def _train(session: Session, progress: Progress | None) -> Outcome:
    """A batch, a step of both players, and now and then a log line, a look, a checkpoint."""
    config, reason = session.config, "finished"
    with Interrupt() as interrupt:
        session.look()
        session.clock.start()
        while session.step < config.steps:
            loaded = session.loader.next()
            losses = session.game.step(session.step, loaded.batch.to(session.fabric.device))
            values = session.agreed(losses)
            session.guard.look(values)
            session.step, session.position = session.step + 1, loaded.position["position"]
            rates = session.rates()
            if session.step % config.log_every == 0:
                session.write_log(values, rates)
            if session.step % config.sample_every == 0:
                session.look()
            if session.step % config.save_every == 0:
                session.save()
            if progress and session.main:
                progress(session.step, config.steps, rates, values)
            if session.any_of(interrupt.asked):
                reason = "interrupted"
                break
            if session.any_of(session.clock.is_up()):
                reason = "time"
                break
        if reason != "interrupted":
            session.look()
        return Outcome(session.step, session.save(), reason, session.metrics)


def make_fabric(config: TrainConfig) -> Fabric:
    """One process, or this one's part under torchrun; CPU unless there is a GPU."""
    accelerator = "cuda" if torch.cuda.is_available() else "cpu"
    local, world = int(os.environ.get("LOCAL_WORLD_SIZE", "1")), int(os.environ.get("WORLD_SIZE", "1"))
    precision = used_precision(config, torch.device(accelerator))
    fabric = Fabric(
        accelerator=accelerator,
        devices=local,
        num_nodes=max(1, world // local),
        strategy="ddp" if world > 1 else "auto",
        precision="bf16-mixed" if precision == "bf16" else "32-true",
    )
    fabric.launch()
    return fabric


def _opener(bank: Path, config: TrainConfig) -> OpenStream:
    def open_stream(split: str, *, position: int, rank: int, world_size: int) -> EpisodeSource:
        settings = config.episode_settings(world_size)
        if split != "train":
            settings = _as_they_are(settings)
        return EpisodeStream(
            bank, settings, seed=config.seed, position=position, rank=rank, world_size=world_size, split=split
        )

    return open_stream


def _as_they_are(settings: EpisodeSettings) -> EpisodeSettings:
    """Held-out frames are measured unchanged, from one photo, as the product is used."""
    return replace(settings, shots_min=1, shots_max=1, augmentation=NONE)


def _way_back(run: RunDir) -> str:
    newest = run.newest_weights()
    if newest is None:
        return "No checkpoint had been written yet; try lower rates."
    return f"The last good checkpoint is {newest}; --resume goes back to it, or begin anew with lower rates."
