"""`enliven evaluate`: how good are weights on people they never learned from?"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Annotated

import typer

from enliven.apps.cli.options import Quiet


def evaluate(
    bank: Annotated[Path, typer.Option(help="Databank made by `enliven databank build` or `synth`.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="New folder: report.json, report.md, sheets.")],
    weights: Annotated[
        list[Path] | None, typer.Argument(help="Weights by `enliven train`; none: the baselines alone.")
    ] = None,
    shots: Annotated[str, typer.Option(help="Numbers of photos, each a table of its own.")] = "1,8,32",
    split: Annotated[str, typer.Option(help="Whose people are measured.")] = "val",
    every: Annotated[int, typer.Option(min=1, help="Measure every n-th driving frame.")] = 5,
    clips: Annotated[int | None, typer.Option(min=1, help="At most so many clips, evenly spread.")] = None,
    cross: Annotated[int, typer.Option(min=0, help="Pairs of different people; 0: none.")] = 12,
    sheets: Annotated[bool, typer.Option("--sheets/--no-sheets", help="A contact sheet per clip.")] = True,
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
    settings = EvaluationSettings(split, shots_of(shots), every, clips, cross, sheets, threads)
    command = _command(named, bank, out, settings.shots, split, every, clips, cross)
    with FrameProgress("measuring", quiet=quiet) as progress:
        report = measure(
            bank, named, out, settings, command=command, overwrite=overwrite, progress=progress.update
        )
    if as_json:
        typer.echo(json.dumps(report.to_json()))
    elif not quiet:
        typer.echo(markdown(report, command))
        typer.echo(f"Written to {out}.")


def _command(
    weights: list[Path], bank: Path, out: Path, shots: tuple[int, ...], split: str, every: int,
    clips: int | None, cross: int,
) -> str:  # fmt: skip
    """What to type for the same figures."""
    words = ["enliven", "evaluate", *map(str, weights), "--bank", str(bank), "-o", str(out)]
    words += ["--shots", ",".join(map(str, shots)), "--split", split, "--every", str(every)]
    words += ["--clips", str(clips)] if clips else []
    return shlex.join([*words, "--cross", str(cross)])
