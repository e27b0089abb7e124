"""Fits the base to the person that is measured, once for all who wear the result."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from enliven.fitting.base import load_base
from enliven.fitting.candidates import Candidate
from enliven.fitting.fit import fit
from enliven.fitting.pictures import Crop
from enliven.fitting.settings import FitSettings
from enliven.types import Floats, Picture


class Fitter:
    """As `enliven learn` fits, from crops of the databank."""

    def __init__(self, path: Path) -> None:
        """``path``: weights file, or folder of `enliven export`; raises ModelError for what is none."""
        self._base = load_base(path)
        self._last: tuple[tuple[int, ...], Candidate] | None = None

    def best(self, photos: Sequence[Picture], points: Sequence[Floats]) -> Candidate:
        """The candidate that was chosen for crops (S, S, 3) with landmarks (478, 3)."""
        key = tuple(int(photo.sum()) for photo in photos)
        if self._last is None or self._last[0] != key:
            crops = [Crop(*pair) for pair in zip(photos, points, strict=True)]
            self._last = (key, fit(crops, self._base, FitSettings()).chosen)
        return self._last[1]
