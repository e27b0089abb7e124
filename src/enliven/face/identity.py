"""Who is seen: the face descriptor of dlib's recognition network (King 2017, CC0), 128 numbers.

Distances below about 0.6 mean the same person.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np

from enliven.errors import MissingExtraError
from enliven.topology import LEFT_EYE, RIGHT_EYE
from enliven.types import Floats, Picture

NETWORK = "dlib_face_recognition_resnet_model_v1"
_CORNERS = (LEFT_EYE[0], LEFT_EYE[8], RIGHT_EYE[0], RIGHT_EYE[8], 2)
"""Our points in the order of dlib's five: outer and inner corner of both eyes, base of the nose."""


class FaceDescriptor:
    """Describes faces whose landmarks are known, so that no second detector has a say in the alignment."""

    def __init__(self) -> None:
        """Raises MissingExtraError when dlib or its network is not installed."""
        try:
            import dlib
        except ModuleNotFoundError as error:
            raise _missing(error.name or "dlib") from None
        self._dlib: Any = dlib
        self._network = dlib.face_recognition_model_v1(str(_network_file()))

    def describe(self, image: Picture, points: Floats) -> Floats:
        """(128,) float32 of the face with landmarks ``points``, (478, 3) in pixels of ``image``."""
        corners = [self._dlib.point(int(x), int(y)) for x, y in np.rint(points[list(_CORNERS), :2])]
        height, width = image.shape[:2]
        shape = self._dlib.full_object_detection(self._dlib.rectangle(0, 0, width - 1, height - 1), corners)
        # No jitter: the same picture must give the same numbers.
        found = self._network.compute_face_descriptor(np.ascontiguousarray(image), shape, 0)
        return np.asarray(found, np.float32)


def cosine(a: Floats, b: Floats) -> float:
    """CSIM of two descriptors (128,), 1 for the same direction."""
    return float(a @ b / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-9))


def distance(a: Floats, b: Floats) -> float:
    """Euclidean distance of two descriptors (128,)."""
    return float(np.linalg.norm(a - b))


def _network_file() -> Path:
    """Found without importing its package, which needs pkg_resources."""
    found = importlib.util.find_spec("face_recognition_models")
    for folder in (found.submodule_search_locations or []) if found else []:
        file = Path(folder) / "models" / f"{NETWORK}.dat"
        if file.is_file():
            return file
    raise _missing("face_recognition_models")


def _missing(name: str) -> MissingExtraError:
    return MissingExtraError(f"Telling people apart (which uses '{name}')", "evaluation")
