"""How sharp a face is in a picture."""

from __future__ import annotations

import cv2
import numpy as np

from enliven.geometry import Box
from enliven.types import Landmarks, Picture

_JUDGED_SIZE = 256
"""Side of the crop in which sharpness is judged, so that crops of any size have the same thresholds."""
_ROUNDING_VARIANCE = 2.4
"""Of a Laplacian (square sum 20) of whole grey values made of whole colours: 20 * 1.45 / 12."""


def sharpness(image: Picture, face: Landmarks) -> float:
    """Standard deviation of the face's Laplacian over that of its grey values.

    About 0.1 when soft, 0.2 and more when crisp; free of exposure and contrast. Judged in a crop of 256 pixels.
    """
    box = Box.around(face.xy)
    x0, y0 = max(int(box.x0), 0), max(int(box.y0), 0)
    part = image[y0 : max(int(box.y1), y0 + 3), x0 : max(int(box.x1), x0 + 3)]
    if part.size == 0:
        return 0.0
    grey = cv2.cvtColor(part, cv2.COLOR_RGB2GRAY).astype(np.float32)
    if image.shape[0] != _JUDGED_SIZE:
        scale = _JUDGED_SIZE / image.shape[0]
        way = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
        grey = np.asarray(cv2.resize(grey, None, fx=scale, fy=scale, interpolation=way), np.float32)
    detail = max(float(cv2.Laplacian(grey, cv2.CV_32F).var()) - _ROUNDING_VARIANCE, 0.0)
    return float(np.sqrt(detail) / max(float(grey.std()), 1.0))
