"""`enliven export`: a training run's weights as the graphs that animate without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from enliven.errors import MissingExtraError


def export(
    weights: Annotated[Path, typer.Argument(help="A .safetensors file that `enliven train` wrote.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for two graphs and their weights.")],
    state: Annotated[
        Path | None,
        typer.Option(help="State of the same run (states/): adds its discriminator to weights that lack it."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No closing line; errors still show.")] = False,
) -> None:
    """Turn WEIGHTS into a folder for `enliven animate --weights`: ONNX graphs and float16 weights.

    And the discriminator, judge.safetensors, from which `enliven learn` begins; animating does without.
    """
    try:
        from enliven.model.checkpoint import load_checkpoint
        from enliven.model.export import export_onnx
        from enliven.training.run_state import add_judge
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"Exporting (which imports '{error.name}')", "train") from None
    checkpoint = load_checkpoint(weights)
    export_onnx(add_judge(checkpoint, state) if state else checkpoint, out)
    if not quiet:
        megabytes = sum(file.stat().st_size for file in out.iterdir()) / 1e6
        typer.echo(f"{out}: graphs and weights, {megabytes:.1f} MB; try --engine hybrid --weights {out}")
