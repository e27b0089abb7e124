"""`enliven databank`: build one from videos, look into one, draw an artificial one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    no_args_is_help=True,
    help="Databanks for training: many videos of many people as aligned crops with landmarks. "
    "Use only videos that you may learn from.",
)

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress; errors still show.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


@app.command()
def build(
    videos: Annotated[
        list[Path], typer.Argument(help="Videos, folders of them, folders of frames, or .txt lists of paths.")
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder of the databank; run again to go on.")],
    identities: Annotated[
        Path | None, typer.Option(help="csv with file (or folder), identity and split (train, val).")
    ] = None,
    size: Annotated[int, typer.Option(help="Side of the crops in pixels.")] = 256,
    crop_factor: Annotated[float, typer.Option(help="Side of the crop over the face's.")] = 1.9,
    min_frames: Annotated[int, typer.Option(help="Shorter shots are dropped.")] = 12,
    least_face: Annotated[float, typer.Option(help="Smallest face height in the video, pixels.")] = 48.0,
    least_sharpness: Annotated[float, typer.Option(help="0.1 is soft, 0.2 crisp.")] = 0.05,
    least_motion: Annotated[
        float, typer.Option(help="Least spread of the landmarks, as a share of the face.")
    ] = 0.002,
    most_seconds: Annotated[float, typer.Option(help="Longer shots are cut into pieces.")] = 10.0,
    most_rate: Annotated[float, typer.Option(help="Frames a second at most.")] = 25.0,
    stills: Annotated[
        bool, typer.Option("--stills", help="Folders of frames that do not follow each other.")
    ] = False,
    identity_per_scene: Annotated[
        bool, typer.Option("--identity-per-scene", help="Every scene of a video shows somebody else.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option(min=0, help="Local processes; one per core unless said. 0, 1: no Ray.")
    ] = None,
    ray_address: Annotated[str | None, typer.Option(help="Ray cluster that does the work.")] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Cut VIDEOS into shots of one face each and pack them into a databank."""
    from enliven.apps.cli.databank_progress import CountProgress
    from enliven.databank.build import Labour, build_bank
    from enliven.databank.build_settings import BuildSettings

    settings = BuildSettings(
        size=size,
        crop_factor=crop_factor,
        most_rate=most_rate,
        most_seconds=most_seconds,
        min_frames=min_frames,
        least_face_px=least_face,
        least_sharpness=least_sharpness,
        least_motion=least_motion,
        stills=stills,
        identity_per_scene=identity_per_scene,
    )
    labour = Labour(workers, ray_address)
    with CountProgress("videos", quiet=quiet) as progress:
        report = build_bank(videos, out, settings, labour, identities=identities, progress=progress.update)
    if as_json:
        typer.echo(json.dumps(report.to_json()))
    elif not quiet:
        typer.echo(_report_text(report.to_json(), out))


@app.command()
def show(
    bank: Annotated[Path, typer.Argument(help="Folder of the databank.")],
    sheet: Annotated[
        Path | None, typer.Option(help="Contact sheet to write; BANK/contact-sheet.png unless said.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print what BANK holds and draw a contact sheet with landmarks."""
    from enliven.databank.bank import open_bank
    from enliven.databank.show import facts_of, write_sheet

    opened = open_bank(bank)
    facts, picture = facts_of(opened), sheet or bank / "contact-sheet.png"
    write_sheet(opened, picture)
    typer.echo(json.dumps(facts) if as_json else _facts_text(facts, picture))


@app.command()
def synth(
    out: Annotated[Path, typer.Option("-o", "--out", help="New folder for the databank.")],
    identities: Annotated[int, typer.Option(help="Invented people.")] = 8,
    shots: Annotated[int, typer.Option(help="Clips of each.")] = 2,
    frames: Annotated[int, typer.Option(help="Frames of a clip.")] = 24,
    size: Annotated[int, typer.Option(help="Side of the pictures in pixels.")] = 256,
    seed: Annotated[int, typer.Option(help="The same seed draws the same databank.")] = 0,
    val_share: Annotated[float, typer.Option(help="Part of the people marked val.")] = 0.125,
    quiet: Quiet = False,
) -> None:
    """Draw a databank of invented, talking faces with exact landmarks, for tests and first steps."""
    from enliven.apps.cli.databank_progress import CountProgress
    from enliven.databank.synthetic import SyntheticSettings, synthesise

    settings = SyntheticSettings(identities, shots, frames, size, seed, val_share)
    with CountProgress("people", quiet=quiet) as progress:
        bank = synthesise(out, settings, lambda done, total: progress.update(done, total, done * shots))
    if not quiet:
        typer.echo(f"{out}: {len(bank.shots)} shots of {bank.identity_count} invented people.")


def _report_text(report: dict[str, Any], out: Path) -> str:
    lines = [
        f"{out}: {report['shots']} shots ({report['shots_high']} of high quality) of {report['identities']} "
        f"identities, {report['frames']} frames, {report['seconds'] / 60:.1f} minutes.",
        f"{report['videos']} videos done, {report['videos_kept']} of them kept.",
    ]
    lines += [f"  dropped: {count:6d}  {reason}" for reason, count in report["dropped"].items()]
    broken = report["unreadable"] + report["crashed"]
    if broken:
        lines.append(f"{broken} broken videos, named in {out / 'problems.jsonl'}; the first:")
        lines += [f"  {p['video']}: {p['problem']}" for p in report["problems"][:5]]
    return "\n".join(lines)


def _facts_text(facts: dict[str, Any], picture: Path) -> str:
    lines = [
        f"{facts['shots']} shots ({facts['high_quality_shots']} of high quality), {facts['identities']} identities, "
        f"{facts['frames']} frames of {facts['size']} pixels, {facts['hours']:.2f} hours"
    ]
    lines += [
        f"  {name}: {c['shots']} shots, {c['identities']} identities" for name, c in facts["splits"].items()
    ]
    for name, title in (("yaw_deg", "yaw, degrees"), ("mouth_openness", "mouth openness")):
        lines += [
            title,
            *(f"  {bin_:>12}  {share:6.1%}  {_bar(share)}" for bin_, share in facts[name].items()),
        ]
    dropped = facts.get("build", {}).get("dropped", {})
    lines += ["dropped", *(f"  {count:6d}  {reason}" for reason, count in dropped.items())] if dropped else []
    return "\n".join([*lines, f"contact sheet: {picture}"])


def _bar(share: float) -> str:
    return "#" * round(50 * share)
