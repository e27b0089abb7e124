"""`enliven animate`: a photo and a driving video in, a talking video out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from enliven.apps.cli.options import (
    AcceptTerms,
    AllowMixed,
    Cert,
    Consent,
    DrivingFace,
    End,
    Key,
    Overwrite,
    Quiet,
    ShowLabel,
    Smoothing,
    Start,
    Subject,
    region_strengths,
    seconds,
    strength_of_all,
    warn,
)
from enliven.apps.cli.terms import require_terms
from enliven.errors import UsageError
from enliven.settings import REGIONS, AnimateSettings

if TYPE_CHECKING:
    from enliven.settings import Summary


def animate(
    photo: Annotated[
        list[Path] | None,
        typer.Argument(
            help="A photo of a face; or up to 32, a folder of them or a video, all of one person.",
            show_default=False,
        ),
    ] = None,
    *,
    driving: Annotated[
        Path,
        typer.Option(
            "--driving",
            "-d",
            help="What leads: a video, an animated GIF, a folder of numbered images or a .motion file.",
            show_default=False,
        ),
    ],
    head: Annotated[
        Path | None, typer.Option(help="A person learned by `enliven learn`, in place of PHOTO.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--out",
            help="OUT.mp4, .webm, .gif, or a folder for PNG frames.",
            show_default="PHOTO_DRIVING.mp4 here",
        ),
    ] = None,
    motion: Annotated[
        str, typer.Option(help="relative: the driver's changes on this person's face; absolute: as they are.")
    ] = "relative",
    regions: Annotated[
        str, typer.Option(help=f"What moves: all, or some of {', '.join(REGIONS)}, with commas.")
    ] = "all",
    strength: Annotated[
        list[str] | None,
        typer.Option(
            help="How far it moves, 0 to 2; also by region, e.g. 0.8 or mouth=1.2. May be repeated.",
            show_default="1",
        ),
    ] = None,
    output: Annotated[
        str, typer.Option(help="photo: the whole photo, its face moving; crop: the square around the face.")
    ] = "photo",
    size: Annotated[
        int | None, typer.Option(help="Longest side of the output in pixels.", show_default="as the photo")
    ] = None,
    start: Start = None,
    end: End = None,
    photo_face: Annotated[
        str,
        typer.Option(help="Which face of the photo: largest, left, right, an index from the left, or x,y."),
    ] = "largest",
    driving_face: DrivingFace = "largest",
    on_lost: Annotated[
        str,
        typer.Option(
            help="While the driver's face is lost: hold the last motion, skip the moments, or stop."
        ),
    ] = "hold",
    background: Annotated[
        str,
        typer.Option(help="still: the person moves before it; follow: what is near the head moves along."),
    ] = "still",
    smoothing: Smoothing = 1.0,
    aim: Annotated[
        bool,
        typer.Option("--aim/--no-aim", help="Look at results and correct the landmarks by what is seen."),
    ] = True,
    engine: Annotated[
        str, typer.Option(help="What makes the pixels: hybrid (learned), or warp, which needs no weights.")
    ] = "hybrid",
    weights: Annotated[
        Path | None,
        typer.Option(help="Folder that `enliven export` wrote.", show_default="those in the package"),
    ] = None,
    threads: Annotated[
        int, typer.Option(min=0, help="Threads for decoding and encoding; 0: as they choose.")
    ] = 0,
    device: Annotated[str, typer.Option(help="Where the networks run: auto, cpu or gpu.")] = "auto",
    consent: Consent = "",
    subject: Subject = "",
    label: ShowLabel = False,
    cert: Cert = None,
    key: Key = None,
    accept_terms: AcceptTerms = False,
    allow_mixed: AllowMixed = False,
    overwrite: Overwrite = False,
    as_json: Annotated[bool, typer.Option("--json", help="One summary object on stdout.")] = False,
    quiet: Quiet = False,
) -> None:
    """Make a video of the person in PHOTO moving like the face in --driving.

    The first usable photo is animated; further ones of the same person lend what it does not show, such as teeth.

    The sound of the driving video is kept. The result says that it was made: by signed content credentials and by
    an invisible watermark, which `enliven verify` reads.
    """
    settings = AnimateSettings(
        motion=motion,
        regions=REGIONS if regions == "all" else tuple(r.strip() for r in regions.split(",")),
        strength=strength_of_all(strength or []),
        region_strengths=region_strengths(strength or []),
        output=output,
        size=size,
        photo_face=photo_face,
        driving_face=driving_face,
        on_lost=on_lost,
        background=background,
        smoothing=smoothing,
        aim=aim,
        engine="hybrid" if head else engine,
        weights=weights,
        device=device,
        threads=threads,
        head=head,
        allow_mixed=allow_mixed,
    )
    span = (seconds(start), seconds(end))
    named = [head] if head else photo or []
    if not named or (head and photo):
        raise UsageError("Give photos of a person, or a head with --head: one of them, not both.")
    require_terms(named, accept_terms=accept_terms)
    from enliven.apps.cli.progress import FrameProgress
    from enliven.provenance.manifest import Provenance

    provenance = Provenance(consent=consent, subject=subject, label=label, cert=cert, key=key)
    target = out or Path(f"{named[0].stem}_{driving.stem}.mp4")
    with FrameProgress("animating", quiet=quiet or as_json) as progress:
        from enliven.animator import animate as run

        summary = run(
            photo or [], driving, target, settings=settings, start=span[0], end=span[1],
            overwrite=overwrite, provenance=provenance, progress=progress.update,
        )  # fmt: skip
    report(summary, as_json=as_json, quiet=quiet)


def report(summary: Summary, *, as_json: bool, quiet: bool) -> None:
    """The closing line on stdout, warnings on stderr."""
    if as_json:
        typer.echo(json.dumps(summary.as_json()))
        return
    warn(summary.warnings)
    if not quiet:
        typer.echo(summary.sentence())
