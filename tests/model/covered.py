"""Where overlays lie, however many they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from enliven.compositing.paste import Paster
from enliven.geometry import Similarity
from enliven.types import FaceCrop, Floats, Overlay, Rendering


def covered(overlays: Sequence[Overlay], size_wh: tuple[int, int]) -> Floats:
    """(h, w) how far overlays cover a picture."""
    black = np.zeros((*size_wh[::-1], 3), np.uint8)
    white = tuple(replace(overlay, image=np.full_like(overlay.image, 255)) for overlay in overlays)
    still = Rendering(np.zeros((8, 8, 2), np.float32), FaceCrop(Similarity(), 8), white)
    return Paster(black).paste(still)[..., 0].astype(np.float32) / 255
