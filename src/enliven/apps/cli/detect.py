"""`enliven detect`: a learned estimate for files that carry no mark."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from enliven.apps.cli.options import Overwrite, Quiet
from enliven.errors import UsageError

if TYPE_CHECKING:
    from enliven.provenance.detect import Detection, Second

_MOST_SECONDS = 30


def detect(
    file: Annotated[Path, typer.Argument(help="Photo, video, GIF or folder of numbered images.")],
    every_face: Annotated[bool, typer.Option("--all", help="Every face, not only the main one.")] = False,
    heat_map: Annotated[
        Path | None, typer.Option(help="Write where the face looks made, as .png or .jpg.")
    ] = None,
    curve: Annotated[
        Path | None, typer.Option(help="Write the probability second by second, as .png or .csv.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Estimate whether the faces in FILE are generated or reenacted.

    The exit code is 0 whatever the judgement: it is an estimate and decides nothing.
    """
    from enliven.apps.cli.detect_progress import LookProgress
    from enliven.provenance.detect import detect as judge
    from enliven.provenance.detect_faces import is_photo
    from enliven.provenance.detect_picture import check_result_path, write_curve, write_heat_map

    if heat_map:
        check_result_path(heat_map, (".png", ".jpg", ".jpeg"), "heat map", overwrite)
    if curve:
        check_result_path(curve, (".csv", ".png"), "curve", overwrite)
        if is_photo(file):
            raise UsageError(f"{file} is a photo; --curve needs a video.")
    with LookProgress(quiet=quiet or as_json) as progress:
        found = judge(file, every_face=every_face, progress=progress.update)
    if heat_map:
        write_heat_map(heat_map, found, overwrite=overwrite)
    if curve:
        write_curve(curve, found, overwrite=overwrite)
    typer.echo(json.dumps(found.facts()) if as_json else "\n".join(_lines(found)))


def _lines(found: Detection) -> Iterator[str]:
    """The judgement, what it rests on, and what it cannot tell."""
    from enliven.provenance.detect import CAVEAT

    yield found.sentence()
    for face in found.faces:
        looked = f", {len(face.looks)} looks" if not found.photo else ""
        where = "" if found.photo else f", most suspect at {float(face.most_suspect_time):.1f} s"
        yield f"  face {face.number}: {face.probability:.0%}{looked}{where}"
        if not found.photo:
            yield f"  {_curve_in_words(face.seconds())}"
    yield from (f"Note: {note}" for note in found.notes)
    yield CAVEAT


def _curve_in_words(seconds: tuple[Second, ...]) -> str:
    """Second by second, or the worst of them where there are many."""
    shown = seconds
    if len(seconds) > _MOST_SECONDS:
        shown = tuple(sorted(seconds, key=lambda s: -s.probability)[: _MOST_SECONDS // 3])
    listed = " ".join(f"{s.second}s:{s.probability:.0%}" for s in shown)
    return f"by second: {listed}" if shown is seconds else f"highest seconds of {len(seconds)}: {listed}"
