"""A picture looked at: a usable face, or the reason why not."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType

from enliven.errors import FaceError, MissingExtraError
from enliven.face.choose import choose_face
from enliven.face.identity import FaceDescriptor
from enliven.face.landmarker import open_landmarker
from enliven.face.sharpness import sharpness
from enliven.gallery.places import Sight
from enliven.gallery.shot import Candidate, cut, packed
from enliven.measure import face_height_px, looks
from enliven.portrait import LEAST_FACE_PX
from enliven.types import Floats, Landmarks, Picture

_LEAST_SHARPNESS = 0.05
"""See :func:`enliven.face.sharpness.sharpness`: below, eyes and lips have no edges left to lend."""


@dataclass(frozen=True)
class Aside:
    """A picture that is not used."""

    name: str
    source: int
    reason: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.reason}{self.detail and ': '}{self.detail})"


class Looker(AbstractContextManager["Looker"]):
    """Looks at one picture after the other."""

    def __init__(self, which: str = "largest") -> None:
        """``which``: which of several faces of the first picture; of all others it is the largest."""
        self._which = which
        self._landmarker = open_landmarker()
        self.notes: list[str] = []
        try:
            self._descriptor: FaceDescriptor | None = FaceDescriptor()
        except MissingExtraError:
            self._descriptor = None
            self.notes.append(
                "Whether all pictures show the same person was not checked: that needs the extra 'evaluation' "
                "(pip install 'enliven[evaluation]')."
            )

    def look(self, sight: Sight, source: int) -> Candidate | Aside:
        """The face in a picture, measured, or why there is none to use."""
        if sight.picture is None:
            return Aside(sight.name, source, sight.problem)
        faces = self._faces(sight.picture)
        if not faces:
            return Aside(sight.name, source, "no face was found")
        face = self._choose(faces, sight)
        height = face_height_px(face)
        if height < LEAST_FACE_PX:
            return Aside(
                sight.name,
                source,
                "the face is too small",
                f"{height:.0f} pixels high, {LEAST_FACE_PX} are needed",
            )
        square, points = cut(sight.picture, face)
        sharp = sharpness(square, Landmarks(points, (square.shape[1], square.shape[0])))
        if sharp < _LEAST_SHARPNESS:
            return Aside(sight.name, source, "it is blurred")
        who = self._who(square, points)
        return Candidate(
            sight.name, sight.file, sight.time, source, face, looks(face), sharp, who, packed(square), points
        )

    def _faces(self, picture: Picture) -> list[Landmarks]:
        """Largest first; all of them only where a certain one is asked for, or none is large."""
        if self._which == "largest":
            seen = self._landmarker.glance(picture)
            if seen and face_height_px(seen[0]) >= LEAST_FACE_PX:
                return seen
        return self._landmarker.detect(picture)

    def _choose(self, faces: list[Landmarks], sight: Sight) -> Landmarks:
        which, self._which = self._which, "largest"
        assert sight.picture is not None
        size_wh = (sight.picture.shape[1], sight.picture.shape[0])
        try:
            return choose_face(faces, which, size_wh, where=sight.name)
        except FaceError:
            self._which = which
            raise

    def _who(self, square: Picture, points: Floats) -> Floats | None:
        return self._descriptor.describe(square, points) if self._descriptor else None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._landmarker.close()
