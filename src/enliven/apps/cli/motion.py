"""`enliven motion`: record a driving face as numbers, and look into such a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from enliven.apps.cli.options import DrivingFace, End, Overwrite, Quiet, Smoothing, Start, seconds

app = typer.Typer(
    no_args_is_help=True,
    help="Driving motion as a small file: landmarks over time, no picture. "
    "It drives `animate` like a video and can be streamed over thin lines.",
)


@app.command()
def record(
    video: Annotated[Path, typer.Argument(help="Video, animated GIF or folder of numbered images.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The .motion file to write.")],
    source: Annotated[str, typer.Option(help="Where the motion comes from, kept in the file.")] = "",
    driving_face: DrivingFace = "largest",
    smoothing: Smoothing = 1.0,
    start: Start = None,
    end: End = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Record the motion of a face in VIDEO."""
    from enliven.apps.cli.progress import FrameProgress
    from enliven.recorder import record_motion

    with FrameProgress("recording", quiet=quiet) as progress:
        summary = record_motion(
            video,
            out,
            source=source,
            face=driving_face,
            smoothing=smoothing,
            start=seconds(start),
            end=seconds(end),
            overwrite=overwrite,
            progress=progress.update,
        )
    if not quiet:
        typer.echo(summary.sentence())


@app.command()
def show(
    file: Annotated[Path, typer.Argument(help="A .motion file.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Show what a .motion FILE holds: length, rate, size, source, bit rate."""
    from enliven.motion.template import read_motion_info

    facts = read_motion_info(file).facts()
    if as_json:
        typer.echo(json.dumps(facts))
        return
    for name, value in facts.items():
        typer.echo(f"{name.replace('_', ' '):>16}  {value}")
