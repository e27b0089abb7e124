"""`enliven learn`: photos of a person -> a head that animates them better than the photos alone."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from enliven.apps.cli.options import AcceptTerms, AllowMixed, Overwrite, Quiet
from enliven.apps.cli.terms import require_terms
from enliven.errors import MissingExtraError
from enliven.settings import AnimateSettings

if TYPE_CHECKING:
    from enliven.fitting.learn import Learned

_INTERRUPTED = 130


def learn(
    pictures: Annotated[
        list[Path],
        typer.Argument(
            help="Photos of one person, a folder of them or a video; up to 32 serve.", show_default=False
        ),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="NAME.head")],
    minutes: Annotated[
        float | None,
        typer.Option(
            min=0.05, help="All it may take.", show_default="2 for 1 photo, 4 for 8, 8 for 32; 0.33 on a GPU"
        ),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Steps of fitting.", show_default="42 to 80")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where learning was stopped.")] = False,
    weights: Annotated[
        Path | None, typer.Option(help="Folder of an exported model.", show_default="those in the package")
    ] = None,
    consent: Annotated[str, typer.Option(help="Who agreed and how; goes into the head.")] = "",
    subject: Annotated[str, typer.Option(help="Whom the pictures show; goes into the head.")] = "",
    photo_face: Annotated[
        str,
        typer.Option(
            help="Which face of the first photo: largest, left, right, an index from the left, or x,y."
        ),
    ] = "largest",
    allow_mixed: AllowMixed = False,
    accept_terms: AcceptTerms = False,
    threads: Annotated[
        int | None, typer.Option(min=1, help="CPU threads; no more than are really free.")
    ] = None,
    overwrite: Overwrite = False,
    as_json: Annotated[bool, typer.Option("--json", help="One summary object on stdout.")] = False,
    quiet: Quiet = False,
) -> None:
    """Fit a head to the person in PICTURES; candidates are compared on photos held back, the most real one is kept.

    The unfitted base is always a candidate, so more steps never make a person worse. Ctrl-C keeps the best so far.
    """
    require_terms(pictures, accept_terms=accept_terms)
    try:
        from enliven.fitting.learn import Record
        from enliven.fitting.learn import learn as run
        from enliven.fitting.settings import FitSettings
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"Learning a head (which imports '{error.name}')", "train") from None
    from enliven.apps.cli.learn_progress import LearnProgress

    with LearnProgress(quiet=quiet or as_json) as progress:
        done = run(
            pictures, out, weights=weights, animate=AnimateSettings(photo_face=photo_face, allow_mixed=allow_mixed),
            settings=FitSettings(steps, minutes), record=Record(consent, subject), overwrite=overwrite,
            resume=resume, threads=threads, progress=progress.update, looked=progress.looked,
        )  # fmt: skip
    _report(done, as_json=as_json, quiet=quiet)
    if done.fitted.reason == "interrupted":
        raise typer.Exit(_INTERRUPTED)


_ENDINGS = {
    "finished": "Finished",
    "time": "Time is up (--resume goes on)",
    "interrupted": "Interrupted (--resume goes on)",
    "diverged": "Learning went wrong and was stopped",
}


def _report(done: Learned, *, as_json: bool, quiet: bool) -> None:
    from enliven.fitting.candidates import table

    fitted, size = done.fitted, done.head.stat().st_size
    if as_json:
        facts = {
            "head": str(done.head), "bytes": size, "photos": done.photos, "chosen": fitted.chosen.name,
            "steps": fitted.step, "reason": fitted.reason, "seconds": round(fitted.seconds, 1),
            "candidates": [c.row() for c in fitted.candidates], "sheet": str(done.sheet), "warnings": done.notes,
        }  # fmt: skip
        typer.echo(json.dumps(facts))
        return
    for note in done.notes:
        print(f"note: {note}", file=sys.stderr)
    if not quiet:
        typer.echo(table(fitted.candidates))
        typer.echo(
            f"{_ENDINGS[fitted.reason]} after {fitted.step} of {fitted.steps} steps in {fitted.seconds:.0f} s. "
            f"{done.head}: {done.photos} photos, {size / 1e6:.1f} MB, {fitted.chosen.name}; "
            f"the candidates side by side: {done.sheet}"
        )
