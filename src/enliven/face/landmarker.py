"""Faces in a picture as 478 points each: the one door to MediaPipe."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol

import numpy as np

from enliven.face import views
from enliven.face.detector import Detection, FaceDetector, without_doubles
from enliven.face.mesh import FaceMesh, Measured, roll_deg, square_around, square_at
from enliven.face.plausible import CERTAIN, FOUND, TILTED, is_plausible
from enliven.geometry import Box
from enliven.types import FaceCrop, Landmarks, Picture

_LEAST_SCORE = 0.5
_SURE_SCORE = 0.7
"""Below it the mesh model must believe in the face at first sight, not only after settling on something."""
_FIRST_SIGHT = 0.3
_CERTAIN_SCORE = 0.75
_CERTAIN_PRESENCE = 0.95
"""Above both, at first sight, a face may be of unusual proportions."""
_UPRIGHT_SCORE = 0.8
"""Without an upright face as certain as this, the picture is also looked at turned."""
_TURNED_SCORE = 0.8
"""Seven turned looks see seven times as many faces in rocks and rockets."""
_MOST_TILT_DEG = 55.0
"""Of a face against the view it was found in; beyond, detectors see faces in curtains, and proof is needed."""
_MOST_TURNED_TILT_DEG = 30.0
"""The same in turned views, which lie 45 degrees apart."""
_SETTLE_STEPS = 3
"""Measuring again in the square around the last result; from the third on nothing moves any more."""


class Landmarker(Protocol):
    """Finds faces and their points; what the other rooms may know of it."""

    def detect(self, image: Picture) -> list[Landmarks]:
        """Every face in a still picture, largest first; empty when there is none."""

    def close(self) -> None:
        """Free the models."""


class MediaPipeLandmarker(AbstractContextManager["MediaPipeLandmarker"]):
    """BlazeFace in many views, then the face mesh in a square around every find. Deterministic."""

    def __init__(self) -> None:
        self._mesh = FaceMesh()
        self._far = FaceDetector("full", _LEAST_SCORE)
        self._near = FaceDetector("short", _LEAST_SCORE)

    def detect(self, image: Picture) -> list[Landmarks]:
        """Every face from about 40 pixels up, largest first; turned ones when no upright one is there.

        ``image``: RGB uint8 (H, W, 3) of any size.
        """
        size_wh = (image.shape[1], image.shape[0])
        found = self._glimpses(image, views.upright_views(size_wh))
        if all(glimpse.score < _UPRIGHT_SCORE for glimpse in found):
            turned = self._glimpses(image, views.turned_views(size_wh))
            found += [glimpse for glimpse in turned if glimpse.score >= _TURNED_SCORE]
        return [measured.landmarks for measured in self._measured(image, found, _SETTLE_STEPS)]

    def glance(self, image: Picture) -> list[Landmarks]:
        """The upright faces that are seen in the picture as a whole, largest first; small ones are missed.

        Two views instead of the 26 that :meth:`detect` has of 1080 x 1920 pixels. What it finds is what that would
        find largest.
        """
        size_wh = (image.shape[1], image.shape[0])
        return [measured.landmarks for measured in self.search(image, views.wholes(size_wh))]

    def search(self, image: Picture, where: Iterable[FaceCrop], steps: int = _SETTLE_STEPS) -> list[Measured]:
        """The plausible faces in these views of the picture, measured ``steps`` times, largest first."""
        return self._measured(image, self._glimpses(image, where), steps)

    def _glimpses(self, image: Picture, where: Iterable[FaceCrop]) -> list[Detection]:
        detectors = (self._near, self._far)
        return [d for view in where for detector in detectors for d in detector.detect(image, view)]

    def _measured(self, image: Picture, found: list[Detection], steps: int) -> list[Measured]:
        measured = [self._confirmed(image, detection, steps) for detection in without_doubles(found)]
        return _distinct([m for m in measured if m is not None])

    def follow(self, image: Picture, last: Landmarks) -> Measured:
        """The mesh where the face was last; whether it is a face is for the caller to judge."""
        return self._mesh.measure(image, square_around(last))

    def sees_face(self, image: Picture, face: Landmarks) -> bool:
        """True when a detector, which knows nothing of the mesh, finds a face where the mesh lies."""
        box = Box.around(face.xy)
        view = views.around(box.center, 2.5 * max(box.width, box.height))
        detectors = (self._far, self._near)
        return any(_holds(box, d) for detector in detectors for d in detector.detect(image, view))

    def others(self, image: Picture, view: FaceCrop, known: Box) -> list[Measured]:
        """Plausible faces that do not touch the box ``known``; one detector run when there are none."""
        found = [d for d in self._far.detect(image, view) if not d.box.overlap(known) > 0.0]
        return self._measured(image, found, 2)

    def _confirmed(self, image: Picture, found: Detection, steps: int) -> Measured | None:
        measured = self._mesh.measure(image, square_at(found.box, found.angle_deg))
        if found.score < _SURE_SCORE and measured.presence < _FIRST_SIGHT:
            return None
        certain = found.score > _CERTAIN_SCORE and measured.presence > _CERTAIN_PRESENCE
        for _ in range(steps - 1):
            measured = self._mesh.measure(image, square_around(measured.landmarks))
        tilt_deg = (roll_deg(measured.landmarks) - found.view_deg + 180.0) % 360.0 - 180.0
        most_deg = _MOST_TURNED_TILT_DEG if found.view_deg else _MOST_TILT_DEG
        limits = TILTED if abs(tilt_deg) > most_deg else CERTAIN if certain else FOUND
        holds = _holds(Box.around(measured.landmarks.xy), found)
        return measured if holds and is_plausible(measured, limits) else None

    def close(self) -> None:
        """Free the models."""
        for part in (self._mesh, self._far, self._near):
            part.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_landmarker() -> MediaPipeLandmarker:
    """The landmarker of this release; close it or use it in a ``with``."""
    return MediaPipeLandmarker()


def _holds(face: Box, found: Detection) -> bool:
    return face.overlap(found.box) > 0.3


def _distinct(found: list[Measured]) -> list[Measured]:
    """One mesh per face, the first of several; the result has the largest first."""
    kept: list[Measured] = []
    for measured in found:
        box = Box.around(measured.landmarks.xy)
        if all(_shared(box, Box.around(other.landmarks.xy)) < 0.5 for other in kept):
            kept.append(measured)
    return sorted(kept, key=lambda m: -_extent(m.landmarks))


def _shared(one: Box, other: Box) -> float:
    """The part of the smaller box that lies in the larger one."""
    both = one.intersection(other)
    return both.area / min(one.area, other.area) if min(both.width, both.height) > 0 else 0.0


def _extent(landmarks: Landmarks) -> float:
    return float(np.ptp(landmarks.xy, axis=0).max())
