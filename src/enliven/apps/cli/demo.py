"""`enliven demo`: the main job on the built-in photo and the built-in motion."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from enliven.apps.cli.options import Overwrite, Quiet


def demo(
    output_folder: Annotated[Path, typer.Option(help="Where video and contact sheet go.")] = Path("demo"),
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Animate the built-in photo (NASA, public domain) with the built-in driving motion."""
    from enliven.animator import animate
    from enliven.apps.cli.progress import FrameProgress
    from enliven.assets import builtin_motion, builtin_photo
    from enliven.contact_sheet import write_contact_sheet
    from enliven.provenance.manifest import Provenance

    output_folder.mkdir(parents=True, exist_ok=True)
    video, sheet = output_folder / "astronaut.mp4", output_folder / "astronaut_sheet.png"
    provenance = Provenance(subject="Eileen Collins", consent="public domain portrait, NASA")
    with FrameProgress("animating", quiet=quiet) as progress:
        summary = animate(
            builtin_photo(),
            builtin_motion(),
            video,
            overwrite=overwrite,
            provenance=provenance,
            progress=progress.update,
        )
    write_contact_sheet(video, sheet)
    if not quiet:
        typer.echo(summary.sentence())
        typer.echo(f"{sheet}: frames of it side by side")
