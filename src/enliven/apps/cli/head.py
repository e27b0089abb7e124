"""`enliven head`: what is in a `.head` file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Heads: people learned by `enliven learn`.", no_args_is_help=True)


@app.callback()
def heads() -> None:
    """Keeps `show` a command of its own."""


@app.command()
def show(
    head: Annotated[Path, typer.Argument(help="A file that `enliven learn` wrote.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="One object on stdout.")] = False,
) -> None:
    """Tell whose head it is, what it was learned from, how it was chosen and who agreed."""
    from enliven.model.head_file import read_head

    found = read_head(head)
    height, width = found.photo.picture.shape[:2]
    about = dict(found.about) | {
        "bytes": head.stat().st_size,
        "photo_wh": [width, height],
        "fitted": bool(found.weights),
    }
    if as_json:
        typer.echo(json.dumps(about))
        return
    typer.echo(f"{head}: {about['bytes'] / 1e6:.1f} MB, head version {about['version']}")
    typer.echo(f"subject: {about.get('subject') or 'not stated'}")
    typer.echo(f"consent: {about.get('consent') or 'not stated'}")
    typer.echo(f"animates: {found.photo.name}, {width} x {height}; photos: {len(found.shots)}")
    typer.echo(f"chosen: {about.get('chosen')} after {about.get('steps')} steps")
    typer.echo(f"base model: sha256 {about['model_sha256'][:16]}")
    for source in about.get("sources", []):
        typer.echo(f"from {source['title']} (sha256 {source['sha256'][:16]})")
