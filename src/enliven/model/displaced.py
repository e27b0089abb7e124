"""Values read where a flow points to."""

from __future__ import annotations

import cv2
import numpy as np

from enliven.types import Floats, Picture


def displaced(values: Floats | Picture, flow: Floats, border: int = cv2.BORDER_CONSTANT) -> Floats:
    """(h, w) or (h, w, C) ``values`` of such a grid, each read at its place plus ``flow`` (h, w, 2), in cells.

    ``border``: OpenCV's name for what lies beyond the grid; nothing when not given. Pictures stay pictures.
    """
    axes = (np.arange(side, dtype=np.float32) for side in flow.shape[1::-1])
    places = flow + np.stack(np.meshgrid(*axes), axis=-1)
    read: Floats = cv2.remap(values, places, None, cv2.INTER_LINEAR, borderMode=border)
    return read
