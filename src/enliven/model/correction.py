"""What the networks change of the mesh's flow, brought back to the mesh's own finer grid."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from enliven.geometry import smoothstep
from enliven.model.guess import FLOW_SHRINK, Guess, grid_to_crop
from enliven.types import FaceCrop, Floats, Rendering

_FADE = 0.06
"""Width of the seam at the crop's border, in crop sides: there the networks' say ends."""


def corrected(rendering: Rendering, flow: Floats, guess: Guess, crop: FaceCrop) -> Rendering:
    """The mesh's rendering with the networks' ``flow`` (S/2, S/2, 2), half crop sides, in place of its ``guess``.

    ``crop``: the square of the same photo that the networks read.
    """
    seam = cv2.resize(fade(crop.size), guess.flow.shape[1::-1], interpolation=cv2.INTER_AREA)
    half_side_px = crop.to_picture.scale * crop.size / 2
    change = (flow - guess.flow) * (seam[..., None] * np.float32(half_side_px))
    grid = rendering.crop
    cells_to_grid = grid.to_picture.inverse() @ crop.to_picture @ grid_to_crop(FLOW_SHRINK)
    placed = cv2.warpAffine(change, cells_to_grid.matrix, (grid.size, grid.size))
    return replace(rendering, flow=rendering.flow + placed)


def fade(size: int) -> Floats:
    """(size, size) 1, falling smoothly to 0 at the border."""
    distance = np.minimum(np.arange(size), np.arange(size)[::-1]).astype(np.float32)
    smooth = smoothstep(distance, 0.0, _FADE * size)
    faded: Floats = np.minimum(smooth[:, None], smooth[None, :])
    return faded
