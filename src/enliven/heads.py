"""A `.head` file in place of photos: its pictures as a gallery, its fitted parameters for the engine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from enliven.errors import ModelError, UsageError
from enliven.gallery.gather import Gallery
from enliven.gallery.shot import Shot
from enliven.model.head_file import Head, read_head
from enliven.model.runtime import WEIGHTS
from enliven.model.weights_file import sha256_of
from enliven.portrait import portrait_of
from enliven.settings import AnimateSettings
from enliven.types import Landmarks


def open_head(path: Path, weights: Path) -> Head:
    """The head, if it was fitted from the model in folder ``weights``; ModelError when not, or it is damaged."""
    head = read_head(path)
    file = weights / WEIGHTS
    if head.about.get("model_sha256") != (sha256_of(file) if file.is_file() else None):
        raise ModelError(
            f"{path} was learned from another base model than the one in {weights}. Name that model's folder, "
            "or learn the person again."
        )
    return head


def gallery_of(path: Path, photos: Sequence[Path], settings: AnimateSettings) -> Gallery:
    """The head's pictures. Raises UsageError for photos beside a head or engine warp, ModelError for a bad file."""
    if photos:
        raise UsageError(
            f"Photos ({photos[0].name}) and a head were given; the head holds its own: give one of them."
        )
    if settings.engine != "hybrid":
        raise UsageError(f"A head is animated by --engine hybrid, not by {settings.engine}.")
    head = read_head(path)
    height, width = head.photo.picture.shape[:2]
    face = Landmarks(head.photo.points, (width, height))
    shots = tuple(Shot(shot.name, path, shot.picture, shot.points, shot.place) for shot in head.shots)
    return Gallery(portrait_of(head.photo.picture, face, settings), shots)
