"""What further pictures of one scene teach beside the face, and the engine that knows it."""

from __future__ import annotations

from dataclasses import dataclass

from enliven.model.revealed import Revealed, revealed
from enliven.model.sway import Sway
from enliven.model.sway_learner import learn_sway
from enliven.model.warp_engine import WarpEngine
from enliven.types import Landmarks, Matte, Picture, Scene


@dataclass(frozen=True, eq=False)
class Taught:
    """Nothing where no pictures show the photo's scene."""

    sway: Sway | None
    """How hair and shoulders go with the head."""
    behind: Revealed | None
    """The background behind the person."""


def warp_in_scene(
    photo: Picture, landmarks: Landmarks, matte: Matte | None, scene: Scene
) -> tuple[WarpEngine, Taught]:
    """The engine of the photo (see :class:`WarpEngine`) that has learned from its scene, and what it learned."""
    behind = revealed(scene)
    warp = WarpEngine(photo, landmarks, matte=matte, behind=behind)
    sway = learn_sway(warp, scene)
    warp.add_sway(sway)
    return warp, Taught(sway, behind)
