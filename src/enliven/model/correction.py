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

Sides = tuple[bool, bool, bool, bool]


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


def fade(size: int, sides: Sides = (True, True, True, True)) -> Floats:
    """(size, size) 1, falling smoothly to 0 at the border: at the left, upper, right and lower one where ``sides``."""
    left, upper, right, lower = sides
    columns, rows = _to_border(size, left, right), _to_border(size, upper, lower)
    faded: Floats = np.minimum(rows[:, None], columns[None, :])
    return faded


def sides_within(crop: FaceCrop, image_size_wh: tuple[int, int]) -> Sides:
    """Which of the crop's borders, left, upper, right and lower, have more of the picture beyond them."""
    (left, upper), (right, lower) = crop.to_picture.apply(np.array([[-0.5, -0.5], [crop.size - 0.5] * 2]))
    width, height = image_size_wh
    return left > 0.0, upper > 0.0, right < width - 1.0, lower < height - 1.0


def _to_border(size: int, first: bool, last: bool) -> Floats:
    """(size,) the fade along one axis."""
    distance = np.full(size, np.inf, np.float32)
    if first:
        distance = np.minimum(distance, np.arange(size, dtype=np.float32))
    if last:
        distance = np.minimum(distance, np.arange(size, dtype=np.float32)[::-1])
    return smoothstep(distance, 0.0, _FADE * size)
