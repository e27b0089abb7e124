"""What each triangle of a face is to show, and the soft alphas that this makes."""

from __future__ import annotations

import math
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from enliven.model.mesh_flow import closed_mesh
from enliven.pixels import Window
from enliven.topology import LEFT_EYE, RIGHT_EYE, mean_shape
from enliven.types import Floats

_REACH = 3.0
"""Standard deviations in which an edge melts."""


@cache
def at_side() -> npt.NDArray[np.bool_]:
    """(N,) triangles beside the eyes: cheeks and temples."""
    at = np.abs(mean_shape()[closed_mesh(), 0].mean(axis=1))
    found: npt.NDArray[np.bool_] = at > np.abs(mean_shape()[[RIGHT_EYE[0], LEFT_EYE[0]], 0]).min()
    return found


def softness(size: int) -> float:
    """Standard deviation, in pixels of a grid ``size`` wide, of what melts one triangle into the next."""
    return max(size / 96, 1.0)


def window_around(target: Floats, wanted: npt.NDArray[np.bool_], size: int, rim: int = 0) -> Window:
    """What the ``wanted`` (N,) triangles and their soft edges can touch of a grid ``size`` wide, and ``rim`` more.

    ``target``: (478, 3) landmarks in grid pixels.
    """
    touched = target[np.unique(closed_mesh()[wanted]), :2]
    rim += int(2 * _REACH * softness(size)) + 4  # it reaches so far, and is read that far away
    x0, y0 = np.clip(np.floor(touched.min(axis=0)).astype(int) - rim, 0, size - 1)
    x1, y1 = np.clip(np.ceil(touched.max(axis=0)).astype(int) + rim, 1, size)
    return int(x0), int(y0), max(int(x1), int(x0) + 1), max(int(y1), int(y0) + 1)


def melted(values: Floats, sigma: float) -> Floats:
    """(h, w) or (h, w, C) without edges between triangles: a Gaussian as far as three deviations, which is enough."""
    side = 2 * math.ceil(_REACH * sigma) + 1
    blurred: Floats = cv2.GaussianBlur(values, (side, side), sigma)
    return blurred


def soft_alpha(
    shares: Floats, labels: npt.NDArray[np.int32], sigma: float, *, fading: bool = False
) -> Floats:
    """(h, w) the triangles' ``shares`` (N,) where they are seen, without edges between them.

    ``labels``: (h, w) the triangle seen at each pixel, -1 for none. ``fading``: less beside the outline, as if what
    lies beyond had a share of 0; otherwise a triangle shows its whole share there, too.
    """
    weights = np.append(shares, np.float32(0)).astype(np.float32)
    seen = (labels >= 0).astype(np.float32)
    alpha: Floats = melted(weights[labels], sigma)
    if not fading:
        alpha /= np.maximum(melted(seen, sigma), 1e-3)
    # Beyond the mesh there is nothing to show: the alpha ends just inside of its outline.
    alpha *= cv2.blur(cv2.erode(seen, np.ones((3, 3))), (3, 3))
    return alpha
