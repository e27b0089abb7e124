"""`enliven evaluate`: how good are weights on people they never learned from?"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from enliven.apps.cli.options import Quiet

if TYPE_CHECKING:
    from enliven.evaluation.real_or_made import Trial
    from enliven.evaluation.settings import EvaluationSettings


def evaluate(
    bank: Annotated[Path, typer.Option(help="Databank made by `enliven databank build` or `synth`.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="New folder: report.json, report.md, sheets.")],
    weights: Annotated[
        list[Path] | None,
        typer.Argument(help="Weights by `enliven train` or `export`; none: the baselines alone."),
    ] = None,
    shots: Annotated[str, typer.Option(help="Numbers of photos, each a table of its own.")] = "1,8,32",
    split: Annotated[str, typer.Option(help="Whose people are measured.")] = "val",
    every: Annotated[int, typer.Option(min=1, help="Measure every n-th driving frame.")] = 5,
    clips: Annotated[int | None, typer.Option(min=1, help="At most so many clips, evenly spread.")] = None,
    cross: Annotated[int, typer.Option(min=0, help="Pairs of different people; 0: none.")] = 12,
    sheets: Annotated[bool, typer.Option("--sheets/--no-sheets", help="A contact sheet per clip.")] = True,
    fit: Annotated[
        bool, typer.Option("--fit", help="Also fitted to every person, minutes for each: few --clips.")
    ] = False,
    real_or_made: Annotated[
        int, typer.Option(min=0, help="Train a judge on so many clips to pick the made one of three; 0: no.")
    ] = 0,
    aim: Annotated[
        bool, typer.Option("--aim/--no-aim", help="Correct landmarks by what is seen, as animate does.")
    ] = True,
    threads: Annotated[
        int | None, typer.Option(min=1, help="CPU threads; no more than are really free.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the report in OUT.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
    quiet: Quiet = False,
) -> None:
    """Measure WEIGHTS beside the still photo and the warp: self-reenactment and cross-reenactment."""
    from enliven.apps.cli.progress import FrameProgress
    from enliven.evaluation.evaluate import evaluate as measure
    from enliven.evaluation.markdown import markdown
    from enliven.evaluation.settings import EvaluationSettings, shots_of

    named = list(weights or [])
    settings = EvaluationSettings(split, shots_of(shots), every, clips, cross, sheets, threads, fit, aim)
    command = _command(named, bank, out, settings.shots, split, every, clips, cross)
    command += " --fit" if fit else ""
    command += "" if aim else " --no-aim"
    command += f" --real-or-made {real_or_made}" if real_or_made else ""
    with FrameProgress("measuring", quiet=quiet) as progress:
        report = measure(
            bank, named, out, settings, command=command, overwrite=overwrite, progress=progress.update
        )
    trials = _trials(bank, named, out, settings, real_or_made, quiet=quiet) if real_or_made else []
    if as_json:
        typer.echo(json.dumps(report.to_json() | {"real_or_made": [trial.to_json() for trial in trials]}))
    elif not quiet:
        typer.echo(markdown(report, command))
        for trial in trials:
            typer.echo(trial.sentence())
        typer.echo(f"Written to {out}.")


def _trials(
    bank: Path, weights: list[Path], out: Path, settings: EvaluationSettings, train_clips: int, *, quiet: bool
) -> list[Trial]:
    """The real-or-made test of the warp and of all weights; also written into the report's folder."""
    from enliven.apps.cli.progress import FrameProgress
    from enliven.evaluation.real_or_made import TrialSettings
    from enliven.evaluation.trials import run_trials

    protocol = TrialSettings(train_clips=train_clips, test_clips=settings.clips, seed=settings.seed)
    with FrameProgress("made or real", quiet=quiet) as progress:
        return run_trials(bank, weights, out, settings, protocol, progress.update)


def _command(
    weights: list[Path], bank: Path, out: Path, shots: tuple[int, ...], split: str, every: int,
    clips: int | None, cross: int,
) -> str:  # fmt: skip
    """What to type for the same figures."""
    words = ["enliven", "evaluate", *map(str, weights), "--bank", str(bank), "-o", str(out)]
    words += ["--shots", ",".join(map(str, shots)), "--split", split, "--every", str(every)]
    words += ["--clips", str(clips)] if clips else []
    return shlex.join([*words, "--cross", str(cross)])
