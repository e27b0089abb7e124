"""Which engine makes the pixels, made ready for one person."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from enliven.assets import builtin_weights
from enliven.face.crop import crop_for, take
from enliven.face.matte import matte_of, share_of_person
from enliven.gallery.gather import Gallery
from enliven.gallery.scene import at_square, scene_of
from enliven.gallery.shot import Shot, square_of
from enliven.heads import open_head
from enliven.model.engine import Engine
from enliven.model.head_file import Head
from enliven.model.revealed import Revealed, background_of
from enliven.model.scene_learner import warp_in_scene
from enliven.model.stand_in import standing
from enliven.model.sway import Unhurried
from enliven.model.warp_engine import WarpEngine
from enliven.settings import AnimateSettings
from enliven.types import FurtherPhoto, Matte, Scene, SceneView

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
        return _warp(gallery, matte, None, scene_of(gallery, matte))[0]
    from enliven.model.hybrid_engine import HybridEngine
    from enliven.model.runtime import Graphs

    weights = settings.weights or builtin_weights()
    head = open_head(settings.head, weights) if settings.head else None
    fitted = head.weights if head else None
    scene = scene_of(gallery, matte)
    with ThreadPoolExecutor(1) as beside:  # OpenVINO makes its graphs ready without Python's lock
        warped = beside.submit(_warp, gallery, matte, head, scene)
        graphs = Graphs(weights, device=settings.device, threads=settings.threads, fitted=fitted)
        warp, behind = warped.result()
    crop = crop_for(portrait.landmarks, size=graphs.config.size)
    seen = take(portrait.picture, crop)
    further, background = further_photos(gallery, scene), None
    if matte is not None and any(photo.standing for photo in further):
        square = square_of(portrait.landmarks)
        person = share_of_person(matte, square.to_picture, square.size)
        background = background_of(take(portrait.picture, square), person, square, behind)
    psi = head.psi if head else None
    return HybridEngine(warp, crop, seen, graphs, further, psi, background=background)


def _warp(
    gallery: Gallery, matte: Matte | None, head: Head | None, scene: Scene
) -> tuple[WarpEngine, Revealed | None]:
    """What moves the photo, and the background behind the person; hair and shoulders go along as the head says or the
    scene shows."""
    photo, landmarks = gallery.portrait.picture, gallery.portrait.landmarks
    if head:
        warp, behind = WarpEngine(photo, landmarks, matte=matte, behind=head.behind), head.behind
        warp.add_sway(head.sway)
    else:
        warp, taught = warp_in_scene(photo, landmarks, matte, scene)
        behind = taught.behind
    warp.unhurried = Unhurried()
    return warp, behind


def further_photos(gallery: Gallery, scene: Scene) -> list[FurtherPhoto]:
    """All shots but the portrait's own; those that show its scene unchanged as it would show them."""
    views = iter(scene.views)
    return [_further(gallery, shot, scene, views) for shot in gallery.shots[1:]]


def _further(gallery: Gallery, shot: Shot, scene: Scene, views: Iterator[SceneView]) -> FurtherPhoto:
    """``views``: those of the shots that have a place, in their order."""
    if shot.place is None:
        return FurtherPhoto(shot.picture, shot.points)
    found = standing(scene, next(views), square_of(gallery.portrait.landmarks).size)
    if found is None:
        return FurtherPhoto(shot.picture, shot.points)
    return FurtherPhoto(*at_square(gallery, shot, shot.place), found)


def weights_of(settings: AnimateSettings) -> Path | None:
    """The file of learned weights that the settings' engine reads, or None when it has none."""
    if settings.engine == "warp":
        return None
    from enliven.model.runtime import WEIGHTS

    return (settings.weights or builtin_weights()) / WEIGHTS
