"""`enliven train`: meta-learning on a databank, one process or many under torchrun."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from enliven.errors import MissingExtraError

_INTERRUPTED = 130


def train(
    bank: Annotated[Path, typer.Argument(help="Databank made by `enliven databank build` or `synth`.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder of the run: log, samples, checkpoints.")],
    preset: Annotated[str | None, typer.Option(help="hybrid (default) or paper.")] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file with settings over the preset's.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on exactly where the run stopped.")] = False,
    minutes: Annotated[float | None, typer.Option(min=0.1, help="Stop in time, with a checkpoint.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Generator steps; overrides the config.")] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="CPU threads; no more than are really free.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress; errors still show.")] = False,
) -> None:
    """Train the networks on BANK. Under `torchrun` every process takes its share of each batch."""
    try:
        from enliven.apps.cli.train_progress import TrainProgress
        from enliven.training.meta_train import meta_train
        from enliven.training.train_config import load_config
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"Training (which imports '{error.name}')", "train") from None
    settings = load_config(config, preset)
    if steps:
        settings = replace(settings, steps=steps)
    with TrainProgress(quiet=quiet) as progress:
        outcome = meta_train(
            bank, out, settings, resume=resume, minutes=minutes, threads=threads, progress=progress.update,
            say=progress.say,
        )  # fmt: skip
    if not quiet:
        typer.echo(f"{_ENDINGS[outcome.reason]} at step {outcome.step}; weights in {outcome.weights}")
        typer.echo(_comparison(outcome.metrics), nl=bool(outcome.metrics))
    if outcome.reason == "interrupted":
        raise typer.Exit(_INTERRUPTED)


_ENDINGS = {"finished": "Finished", "time": "Time is up", "interrupted": "Interrupted"}


def _comparison(metrics: Mapping[str, float]) -> str:
    """One line: held-out L1, PSNR and SSIM of the result beside its baselines."""
    parts = [
        f"{name} L1 {metrics[f'{name}.l1']:.4f} PSNR {metrics[f'{name}.psnr']:.2f} SSIM {metrics[f'{name}.ssim']:.3f}"
        for name in ("result", "coarse", "still")
        if f"{name}.l1" in metrics
    ]
    return "held out: " + "; ".join(parts) if parts else ""
