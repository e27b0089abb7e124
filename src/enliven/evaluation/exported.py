"""Exported weights as `enliven animate` uses them: the first photo moves, the others lend."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from enliven.compositing.paste import Paster
from enliven.face.matte import mattes_of, share_of_person
from enliven.geometry import Similarity
from enliven.model.hybrid_engine import HybridEngine
from enliven.model.revealed import background_of
from enliven.model.runtime import Graphs
from enliven.model.scene_learner import warp_in_scene
from enliven.model.stand_in import standing
from enliven.model.sway import Unhurried
from enliven.types import FaceCrop, Floats, FurtherPhoto, Landmarks, Picture, Scene, SceneView

if TYPE_CHECKING:
    from enliven.evaluation.fitter import Fitter


class Exported:
    """The graphs of a folder that `enliven export` wrote, inside the product's engine."""

    reads_first_photo_only = False

    def __init__(self, folder: Path, size: int, name: str) -> None:
        """``size``: side of the crops that its networks read; raises ModelError for unusable graphs."""
        self.name = name
        self._graphs = Graphs(folder)
        self._crop = FaceCrop(Similarity(), size)

    def prepare(self, photos: Sequence[Picture], points: Sequence[Floats]) -> None:
        """As every contender. Measured frames lie apart, so the nearest photo lends at once."""
        self._ready(photos, points, self._graphs)

    def render(self, points: Floats) -> Picture:
        return self._paster.paste(self._engine.render(points))

    def follow(self) -> None:
        """As every contender: lenders change as in a video, and sway does not tremble."""
        self._engine = self._made(at_once=False)

    def _ready(
        self,
        photos: Sequence[Picture],
        points: Sequence[Floats],
        graphs: Graphs,
        psi: Floats | None = None,
    ) -> None:
        photo, size = photos[0], self._crop.size
        mattes = mattes_of(photos, points)
        persons = [share_of_person(matte, self._crop.to_picture, size) if matte else None for matte in mattes]
        known = np.ones((size, size), np.float32)
        others = list(zip(photos[1:], points[1:], strict=True))
        views = [
            SceneView(picture, known, at, person)
            for (picture, at), person in zip(others, persons[1:], strict=True)
        ]
        scene = Scene(self._crop, photo, tuple(views), persons[0])
        landmarks = Landmarks(points[0], (size, size))
        warp, taught = warp_in_scene(photo, landmarks, mattes[0], scene)
        background = None
        if scene.person is not None:
            background = background_of(photo, scene.person, self._crop, taught.behind)
        further = [FurtherPhoto(view.picture, view.points, standing(scene, view, size)) for view in views]

        def made(*, at_once: bool) -> HybridEngine:
            warp.unhurried = None if at_once else Unhurried()
            return HybridEngine(
                warp, self._crop, photo, graphs, further, psi, background=background, at_once=at_once
            )

        self._made, self._engine = made, made(at_once=True)
        self._paster = Paster(photo)


class FittedExported(Exported):
    """The same, fitted to every person anew as `enliven learn` does."""

    def __init__(self, folder: Path, size: int, name: str, fitter: Fitter) -> None:
        """As :class:`Exported`."""
        super().__init__(folder, size, name)
        self._folder, self._fitter = folder, fitter

    def prepare(self, photos: Sequence[Picture], points: Sequence[Floats]) -> None:
        psi, fitted = self._fitter.best(photos, points).arrays()
        graphs = Graphs(self._folder, fitted=fitted) if fitted else self._graphs
        self._ready(photos, points, graphs, psi)
