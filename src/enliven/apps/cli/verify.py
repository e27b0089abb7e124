"""`enliven verify`: what a file says about its making."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from enliven.provenance.verify import Verification

NOTHING_FOUND = 3
"""Exit code when nothing says that the file was made."""


def verify(
    file: Annotated[
        Path, typer.Argument(help="Photo, video, GIF or folder of pictures.", show_default=False)
    ],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Tell whether FILE says that it was made: its content credentials and its invisible watermark.

    Works for files of any origin. Exit code 0 when something says that it was made, 3 when nothing was found, 1 when
    it cannot be read.
    """
    from enliven.provenance.verify import verify as look

    found = look(file)
    typer.echo(json.dumps(found.facts()) if as_json else "\n".join(_lines(found)))
    if not found.says_made:
        raise typer.Exit(NOTHING_FOUND)


def _lines(found: Verification) -> Iterator[str]:
    yield found.sentence()
    yield f"  credentials: {_credentials(found)}"
    record = found.credentials.record or {}
    for what in ("engine", "subject", "consent"):
        if record.get(what):
            yield f"    {what}: {record[what]}"
    for ingredient in record.get("ingredients", []):
        yield f"    {ingredient.get('role')}: {ingredient.get('title')}, SHA-256 {ingredient.get('sha256')}"
    yield f"  watermark: {_watermark(found)}"


def _credentials(found: Verification) -> str:
    reading = found.credentials
    parts = [reading.state]
    if reading.signer:
        parts.append(f"signed by '{reading.signer}'")
    if reading.problems and reading.state != "valid":
        parts.append(", ".join(reading.problems))
    if reading.sidecar:
        parts.append(f"in {reading.sidecar.name}")
    if found.pictures:
        parts.append(", ".join(f"{count} {state}" for state, count in sorted(found.pictures.items())))
    return "; ".join(parts)


def _watermark(found: Verification) -> str:
    if found.picture_problem:
        return f"not searched. {found.picture_problem}"
    reading = found.watermark
    if not reading.found:
        return f"absent in {reading.frames} pictures looked at"
    if reading.payload is None:
        return f"found, number unreadable; sum of {reading.frames} pictures"
    owner = {True: ", your own key", False: "", None: ""}[found.own_key]
    agrees = {True: "; agrees with the credentials", False: "; disagrees with the credentials", None: ""}
    return (
        f"found, number {reading.payload:08x} (key {reading.payload >> 16:04x}{owner}), sum of {reading.frames} "
        f"pictures{agrees[found.agreement]}"
    )
