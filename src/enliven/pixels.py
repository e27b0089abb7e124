"""What more than one room does to whole pictures of pixels."""

from __future__ import annotations

import cv2
import numpy as np

from enliven.geometry import Similarity
from enliven.types import Floats, Picture


def places_read(flow: Floats, to_picture: Similarity, place: Similarity, size_wh: tuple[int, int]) -> Floats:
    """(h, w, 2) float32 where in a picture each pixel of another upright grid is read, as cv2.remap takes it.

    ``flow``: (g, g, 2) float32 in the picture's pixels, place to read minus place to write, 0 beyond it;
    ``to_picture``: from its cells to the picture's pixels; ``place``: from the other grid's to the same, not turned.
    """
    width, height = size_wh
    to_flow = to_picture.inverse() @ place
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    maps: Floats = cv2.warpAffine(flow, to_flow.matrix, size_wh, flags=flags)
    (x, y), scale = place.shift_px, np.float32(place.scale)
    maps[..., 0] += scale * np.arange(width, dtype=np.float32) + np.float32(x)
    maps[..., 1] += (scale * np.arange(height, dtype=np.float32) + np.float32(y))[:, None]
    return maps


def blended(above: Picture, below: Picture, alpha: Picture) -> Picture:
    """(h, w, 3) uint8: ``above`` where ``alpha`` (h, w) is 255, ``below`` where it is 0; right to one grey level.

    In bytes, for twice the speed of blending by floats.
    """
    share = cv2.cvtColor(alpha, cv2.COLOR_GRAY2RGB)
    rest = cv2.bitwise_not(share)
    mixed = cv2.add(
        cv2.multiply(above, share, scale=1.0 / 255.0), cv2.multiply(below, rest, scale=1.0 / 255.0)
    )
    return np.asarray(mixed, np.uint8)
