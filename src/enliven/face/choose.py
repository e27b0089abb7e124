"""Which of several faces is meant."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from enliven.errors import FaceError, UsageError
from enliven.geometry import Box
from enliven.measure import face_height_px
from enliven.types import Landmarks

_NAMES = ("largest", "left", "right")
_POINT = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*,\s*(-?\d+(?:\.\d+)?)\s*")


def check_choice(which: str) -> None:
    """Raises UsageError when ``which`` is neither a name, nor an index, nor a point."""
    if which not in _NAMES and not which.strip().isdecimal() and not _POINT.fullmatch(which):
        raise UsageError(
            f"'{which}' does not say which face is meant. "
            "Use largest, left, right, a number counted from the left (0 is the first), or a point x,y."
        )


def choose_face(
    faces: Sequence[Landmarks],
    which: str = "largest",
    image_size: tuple[int, int] | None = None,
    *,
    where: str = "the picture",
) -> Landmarks:
    """The face that ``which`` names: largest, left, right, an index from the left, or the one at ``x,y``.

    ``image_size`` (width, height) and ``where`` serve the messages. Left and right are those of the picture.
    Raises UsageError when ``which`` makes no sense, FaceError when there is no such face.
    """
    check_choice(which)
    if not faces:
        raise FaceError(
            f"No face was found in {where}. One clearly visible face, at least 64 pixels high, is needed; "
            "try a sharper or closer picture that shows the face from the front."
        )
    from_left = sorted(faces, key=lambda face: (Box.around(face.xy).center[0], Box.around(face.xy).center[1]))
    if which == "largest":
        return max(faces, key=lambda face: Box.around(face.xy).area)
    if which in {"left", "right"}:
        return from_left[0 if which == "left" else -1]
    point = _POINT.fullmatch(which)
    if point:
        return _at(from_left, (float(point[1]), float(point[2])), image_size, where)
    return _numbered(from_left, int(which), where)


def _numbered(from_left: Sequence[Landmarks], index: int, where: str) -> Landmarks:
    if index >= len(from_left):
        raise FaceError(
            f"There is no face {index} in {where}: found {listed(from_left)}. "
            "Faces are counted from the left and the first is 0."
        )
    return from_left[index]


def _at(
    from_left: Sequence[Landmarks],
    point: tuple[float, float],
    image_size: tuple[int, int] | None,
    where: str,
) -> Landmarks:
    """The face whose box, a little widened, holds the point; the nearest when boxes overlap."""
    x, y = point
    if image_size and not (0 <= x < image_size[0] and 0 <= y < image_size[1]):
        raise UsageError(
            f"The point {x:g},{y:g} lies outside of {where}; give a point inside of "
            f"{image_size[0]} x {image_size[1]} pixels."
        )
    holding = [face for face in from_left if _has_inside(Box.around(face.xy).scaled(1.5), point)]
    if not holding:
        raise FaceError(f"There is no face at {x:g},{y:g} in {where}: found {listed(from_left)}.")
    return min(holding, key=lambda face: float(np.hypot(*(np.array(Box.around(face.xy).center) - point))))


def _has_inside(box: Box, point: tuple[float, float]) -> bool:
    return box.x0 <= point[0] <= box.x1 and box.y0 <= point[1] <= box.y1


def listed(faces: Sequence[Landmarks]) -> str:
    """The number of faces and where their centres lie, for people."""
    centres = [Box.around(face.xy).center for face in faces]
    places = ", ".join(f"{x:.0f},{y:.0f}" for x, y in centres)
    return f"{len(faces)} face{'' if len(faces) == 1 else 's'} at {places}"


def require_size(landmarks: Landmarks, min_px: float = 64, *, where: str = "the picture") -> None:
    """Raises FaceError when the face is lower than ``min_px`` from forehead to chin."""
    height = face_height_px(landmarks)
    if height < min_px:
        raise FaceError(
            f"The face in {where} is {height:.0f} pixels high from forehead to chin; at least {min_px:g} are "
            "needed. Use a larger picture, or one taken from nearer."
        )
