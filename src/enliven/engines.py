"""Which engine makes the pixels, made ready for one person."""

from __future__ import annotations

from pathlib import Path

from enliven.assets import builtin_weights
from enliven.face.crop import crop_for, take
from enliven.face.matte import matte_of
from enliven.gallery.gather import Gallery
from enliven.gallery.scene import scene_of
from enliven.heads import open_head
from enliven.model.engine import Engine
from enliven.model.head_file import Head
from enliven.model.scene_learner import warp_in_scene
from enliven.model.sway import Unhurried
from enliven.model.warp_engine import WarpEngine
from enliven.settings import AnimateSettings
from enliven.types import Matte

_NO_OUTLINE = (
    "No person's outline was found around the face in the photo; its background moves along near the head."
)


def load_engine(settings: AnimateSettings, gallery: Gallery) -> tuple[Engine, tuple[str, ...]]:
    """The engine that the settings name, ready for one person, and what the user should know about it.

    Raises ModelError for unusable weights.
    """
    if settings.background == "follow":
        return _engine(settings, gallery, None), ()
    matte = matte_of(gallery.portrait.picture, gallery.portrait.landmarks)
    return _engine(settings, gallery, matte), () if matte else (_NO_OUTLINE,)


def _engine(settings: AnimateSettings, gallery: Gallery, matte: Matte | None) -> Engine:
    portrait = gallery.portrait
    if settings.engine == "warp":
        return _warp(gallery, matte, None)
    from enliven.model.hybrid_engine import HybridEngine
    from enliven.model.runtime import Graphs

    weights = settings.weights or builtin_weights()
    head = open_head(settings.head, weights) if settings.head else None
    fitted = head.weights if head else None
    graphs = Graphs(weights, device=settings.device, threads=settings.threads, fitted=fitted)
    crop = crop_for(portrait.landmarks, size=graphs.config.size)
    lenders = [(shot.picture, shot.points) for shot in gallery.shots[1:]]
    seen = take(portrait.picture, crop)
    psi = head.psi if head else None
    return HybridEngine(_warp(gallery, matte, head), crop, seen, graphs, lenders, psi)


def _warp(gallery: Gallery, matte: Matte | None, head: Head | None) -> WarpEngine:
    """What moves the photo; hair and shoulders go along, and the background is, as the head says or the scene shows."""
    photo, landmarks = gallery.portrait.picture, gallery.portrait.landmarks
    if head:
        warp = WarpEngine(photo, landmarks, matte=matte, behind=head.behind)
        warp.add_sway(head.sway)
    else:
        warp, _ = warp_in_scene(photo, landmarks, matte, scene_of(gallery, matte))
    warp.unhurried = Unhurried()
    return warp


def weights_of(settings: AnimateSettings) -> Path | None:
    """The file of learned weights that the settings' engine reads, or None when it has none."""
    if settings.engine == "warp":
        return None
    from enliven.model.runtime import WEIGHTS

    return (settings.weights or builtin_weights()) / WEIGHTS
