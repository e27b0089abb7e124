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
from enliven.face.plausible import FOUND, is_plausible
from enliven.geometry import Box
from enliven.types import FaceCrop, Landmarks, Picture

_LEAST_SCORE = 0.5
_MOST_TILT_DEG = 55.0
"""Of a face against the view it was found in; beyond, detectors see faces in curtains."""
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
        found = self.search(image, views.upright_views(size_wh))
        if not found:
            found = self.search(image, views.turned_views(size_wh))
        return [measured.landmarks for measured in found]

    def search(self, image: Picture, where: Iterable[FaceCrop], steps: int = _SETTLE_STEPS) -> list[Measured]:
        """The plausible faces in these views of the picture, measured ``steps`` times, largest first."""
        found = [
            (detection, view.to_picture.angle_deg)
            for view in where
            for detector in (self._near, self._far)
            for detection in detector.detect(image, view)
        ]
        tilt_of = {id(detection): angle for detection, angle in found}
        best = without_doubles([detection for detection, _ in found])
        measured = [self._confirmed(image, d, tilt_of[id(d)], steps) for d in best]
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
        tilt_deg = view.to_picture.angle_deg
        measured = [self._confirmed(image, d, tilt_deg, 2) for d in without_doubles(found)]
        return _distinct([m for m in measured if m is not None])

    def _confirmed(self, image: Picture, found: Detection, view_deg: float, steps: int) -> Measured | None:
        measured = self._mesh.measure(image, square_at(found.box, found.angle_deg))
        for _ in range(steps - 1):
            measured = self._mesh.measure(image, square_around(measured.landmarks))
        tilt_deg = (roll_deg(measured.landmarks) - view_deg + 180.0) % 360.0 - 180.0
        if abs(tilt_deg) > _MOST_TILT_DEG or not _holds(Box.around(measured.landmarks.xy), found):
            return None
        return measured if is_plausible(measured, FOUND) else None

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
    """One mesh per face, the largest first."""
    kept: list[Measured] = []
    for measured in sorted(found, key=lambda m: -_extent(m.landmarks)):
        box = Box.around(measured.landmarks.xy)
        if all(box.overlap(Box.around(other.landmarks.xy)) < 0.3 for other in kept):
            kept.append(measured)
    return kept


def _extent(landmarks: Landmarks) -> float:
    return float(np.ptp(landmarks.xy, axis=0).max())
