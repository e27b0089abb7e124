"""Whether a mesh lies on a face: the model draws one on walls and hands too."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from enliven.face.mesh import Measured, points_in_patch
from enliven.measure import rigid_pose
from enliven.topology import STABLE, mean_shape
from enliven.types import Landmarks


@dataclass(frozen=True)
class Plausibility:
    """Limits that a mesh must keep to count as a face."""

    least_presence: float
    """0..1, the mesh model's own belief."""
    most_misfit: float
    """RMS distance of the rigid points from the mean face, over the face's RMS radius."""


FOUND = Plausibility(least_presence=0.9, most_misfit=0.13)
"""For a face that was just found: strict, since a wall must not be found even once."""
CERTAIN = Plausibility(least_presence=0.99, most_misfit=0.2)
"""For a find that all models are sure of: videos stretched to another shape hold people too."""
TILTED = Plausibility(least_presence=0.98, most_misfit=0.075)
"""For a find that lies across the view, as most false ones do."""
FOLLOWED = Plausibility(least_presence=0.6, most_misfit=0.22)
"""For a face that was there a moment ago: turned, blurred or half hidden it is still the face."""


_DARK = 36
"""Grey level that the brighter tenth of a face must reach; below, nobody sees one. A face on a dim stage has 75."""


def is_lit(measured: Measured) -> bool:
    """False for a face in the dark, whose mesh is guessed: an audience, a picture that fades to black."""
    xy = points_in_patch(measured)
    side = measured.patch.shape[0]
    (x0, y0), (x1, y1) = np.clip([xy.min(axis=0), xy.max(axis=0)], 0, side - 1).astype(int)
    face = measured.patch[y0 : y1 + 1 : 2, x0 : x1 + 1 : 2]  # a quarter of the pixels tells as much
    return float(np.percentile(face.mean(axis=2), 90)) >= _DARK


def misfit(landmarks: Landmarks) -> float:
    """How far the rigid points are from a head's shape: to 0.10 on faces, 0.12 in profile, more on walls."""
    stable = list(STABLE)
    shape = rigid_pose(landmarks).inverse().apply(landmarks.points[stable])
    return float(np.sqrt(((shape - mean_shape()[stable]) ** 2).sum(axis=1).mean()))


def is_plausible(measured: Measured, limits: Plausibility) -> bool:
    """True when the mesh model believes in the face and the mesh is shaped like a head."""
    if measured.presence < limits.least_presence or not np.isfinite(measured.landmarks.points).all():
        return False
    return misfit(measured.landmarks) <= limits.most_misfit
