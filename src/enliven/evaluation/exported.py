"""Exported weights as `enliven animate` uses them: the first photo moves, the others lend."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from enliven.compositing.paste import Paster
from enliven.face.matte import matte_of
from enliven.geometry import Similarity
from enliven.model.hybrid_engine import HybridEngine
from enliven.model.runtime import Graphs
from enliven.types import FaceCrop, Floats, Landmarks, Picture


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
        photo, size = photos[0], self._crop.size
        landmarks = Landmarks(points[0], (size, size))
        lenders = list(zip(photos[1:], points[1:], strict=True))
        self._engine = HybridEngine(
            photo,
            landmarks,
            self._crop,
            photo,
            self._graphs,
            lenders,
            matte=matte_of(photo, landmarks),
            at_once=True,
        )
        self._paster = Paster(photo)

    def render(self, points: Floats) -> Picture:
        return self._paster.paste(self._engine.render(points))
