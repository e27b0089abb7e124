"""From a person's pictures to a `.head` file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from enliven.assets import builtin_weights
from enliven.errors import OutputError
from enliven.face.matte import matte_of
from enliven.fitting.base import Base, load_base
from enliven.fitting.candidates import BASE
from enliven.fitting.fit import Fitted, Progress, fit
from enliven.fitting.pictures import Crop
from enliven.fitting.settings import FitSettings
from enliven.fitting.sheet import candidate_sheet
from enliven.gallery.gather import Gallery, gather
from enliven.gallery.scene import scene_of
from enliven.gallery.shot import Shot
from enliven.media.image import write_picture
from enliven.model.head_file import SUFFIX, Head, HeadPhoto, write_head
from enliven.model.scene_learner import Taught, warp_in_scene
from enliven.portrait import Portrait
from enliven.quiet import quiet_pools
from enliven.settings import AnimateSettings

STATE_SUFFIX = ".fitting"
"""Appended to the head's name: what resuming needs."""
_ON_SWAY = "How hair and shoulders go with the head was learned from the pictures of one scene."
_NO_SWAY = "How hair and shoulders go with the head was not learned: no video showed it, or it did not hold."


@dataclass(frozen=True)
class Record:
    """What the head says about where it comes from."""

    consent: str = ""
    """Who agreed and how, in the user's words."""
    subject: str = ""
    """Whom the pictures show, in the user's words."""


@dataclass(frozen=True, eq=False)
class Learned:
    """A head on disk, and how it came about."""

    head: Path
    sheet: Path
    """The candidates side by side."""
    fitted: Fitted
    photos: int
    notes: tuple[str, ...]


@quiet_pools()
def learn(
    pictures: Sequence[Path],
    out: Path,
    *,
    weights: Path | None = None,
    animate: AnimateSettings | None = None,
    settings: FitSettings | None = None,
    record: Record | None = None,
    overwrite: bool = False,
    resume: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
    looked: Callable[[int, int | None], None] | None = None,
) -> Learned:
    """Fits a head to the person in ``pictures`` (photos, folders, videos) and writes it to ``out`` (.head).

    ``weights``: the base model, None for the package's; ``looked``: told of pictures looked at; ``threads``: of the
    CPU. Raises OutputError for an unusable ``out``, ModelError for unusable weights, and what
    :func:`enliven.gallery.gather.gather` raises.
    """
    _check(out, overwrite=overwrite or resume)
    if threads:
        torch.set_num_threads(threads)
    base = load_base(weights or builtin_weights())
    gallery = gather(pictures, animate or AnimateSettings(), looked)
    side = base.checkpoint.config.size
    crops = [Crop(*shot.sized(side)) for shot in gallery.shots]
    state = out.with_name(out.name + STATE_SUFFIX)
    fitted = fit(crops, base, settings or FitSettings(), progress=progress, state=state, resume=resume)
    taught = _taught(gallery)
    write_head(out, _head(gallery, fitted, base, taught, record or Record()))
    sheet = out.with_name(out.stem + "_candidates.png")
    write_picture(sheet, candidate_sheet(fitted.held_back, fitted.candidates))
    if fitted.reason not in {"time", "interrupted"}:
        state.unlink(missing_ok=True)
    notes = (*gallery.notes, *fitted.notes, _ON_SWAY if taught.sway else _NO_SWAY)
    return Learned(out, sheet, fitted, len(crops), notes)


def _check(out: Path, *, overwrite: bool) -> None:
    if out.suffix.lower() != SUFFIX:
        raise OutputError(f"A head is written to a file that ends in {SUFFIX}, not to {out.name}.")
    if not out.parent.is_dir():
        raise OutputError(f"The folder {out.parent} does not exist; make it first.")
    if out.exists() and not overwrite:
        raise OutputError(f"{out} exists already. Choose another name or give --overwrite.")


def _head(gallery: Gallery, fitted: Fitted, base: Base, taught: Taught, record: Record) -> Head:
    best = fitted.chosen
    psi, weights = best.arrays()
    portrait = gallery.portrait
    files = sorted({shot.file for shot in gallery.shots})
    about = {
        "model_sha256": base.sha256,
        "config_sha256": base.checkpoint.config.sha256,
        "consent": record.consent,
        "subject": record.subject,
        "sources": [{"title": file.name, "sha256": _sha256(file)} for file in files],
        "candidates": [candidate.row() for candidate in fitted.candidates],
        "chosen": best.name,
        "steps": fitted.step,
        "sway": taught.sway is not None,
        "behind": taught.behind is not None,
    }
    return Head(
        HeadPhoto(gallery.shots[0].name, portrait.picture, portrait.landmarks.points),
        tuple(_head_photo(shot, portrait) for shot in gallery.shots),
        psi,
        weights,
        None if best.name == BASE else fitted.row.cpu().numpy(),
        taught.sway,
        taught.behind,
        about,
    )


def _head_photo(shot: Shot, portrait: Portrait) -> HeadPhoto:
    place = None if shot.place is None else portrait.to_photo.inverse() @ shot.place
    return HeadPhoto(shot.name, shot.picture, shot.points, place)


def _taught(gallery: Gallery) -> Taught:
    """By the pictures of the animated one's scene."""
    picture, landmarks = gallery.portrait.picture, gallery.portrait.landmarks
    matte = matte_of(picture, landmarks)
    return warp_in_scene(picture, landmarks, matte, scene_of(gallery, matte))[1]


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
