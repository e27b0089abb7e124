"""What detectors see in a picture, true or made: the landmarks and who it is."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType

import numpy as np

from enliven.face.identity import FaceDescriptor
from enliven.face.landmarker import open_landmarker
from enliven.types import Floats, Picture


@dataclass(frozen=True, eq=False)
class Sight:
    """One picture looked at."""

    points: Floats | None
    """(478, 3) detected landmarks in its pixels; None when no face was found."""
    descriptor: Floats
    """(128,) of the face found, or of the place where it should be."""


class Observer(AbstractContextManager["Observer"]):
    """Looks at every picture afresh, as at a still: no memory makes a later picture easier."""

    def __init__(self) -> None:
        """Raises MissingExtraError without the extra `evaluation`."""
        self._descriptor = FaceDescriptor()
        self._landmarker = open_landmarker()

    def look(self, image: Picture, expected: Floats) -> Sight:
        """``expected``: (478, 3) where the face should be; of several faces the nearest one counts."""
        faces = [landmarks.points for landmarks in self._landmarker.detect(image)]
        points = min(faces, key=lambda face: _apart(face, expected), default=None)
        return Sight(points, self._descriptor.describe(image, expected if points is None else points))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._landmarker.close()


def _apart(one: Floats, other: Floats) -> float:
    return float(np.linalg.norm(one[:, :2] - other[:, :2], axis=1).mean())
