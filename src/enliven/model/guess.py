"""What the landmark mesh alone makes of a photo, as the hybrid's networks read it: their point of departure.

The engine that needs no learning (`warp_engine`) is exact at every landmark, closes lids and parts lips. The
networks begin from its flow and its layers and learn what is still wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from enliven.geometry import Similarity
from enliven.model.warp_engine import WarpEngine
from enliven.types import FaceCrop, Floats, Landmarks, Overlay, Picture, Rendering

FLOW_SHRINK = 2
"""Crop pixels in a cell of the guessed flow: lips and lids are thinner than the motion net's cells of four."""


@dataclass(frozen=True, eq=False)
class Guess:
    """Of one photo and one set of driving landmarks, at the crop's size S."""

    flow: Floats
    """(S/2, S/2, 2) place to read minus place to write, in half crop sides."""
    layers: Floats
    """(4, S, S) eyes, mouth and far cheek to lay over: RGB in [-1, 1] times alpha, then alpha in 0..1."""


class Guesser:
    """Guesses for one photo that is itself the crop, as databanks hold them."""

    def __init__(self, photo: Picture, points: Floats) -> None:
        """``photo``: (S, S, 3); ``points``: (478, 3) in its pixels."""
        size = photo.shape[0]
        self._crop = FaceCrop(Similarity(), size)
        landmarks = Landmarks(np.asarray(points, np.float32), (size, size))
        self._engine = WarpEngine(np.ascontiguousarray(photo), landmarks)

    def guess(self, points: Floats) -> Guess:
        """For driving landmarks (478, 3) in crop pixels."""
        return guess_of(self._engine.render(np.asarray(points, np.float32)), self._crop)


def guess_of(rendering: Rendering, crop: FaceCrop) -> Guess:
    """The part of a rendering that lies under an upright ``crop`` of the same photo."""
    return Guess(_flow_under(rendering, crop), layers_under(rendering.overlays, crop))


def grid_to_crop(shrink: int = FLOW_SHRINK) -> Similarity:
    """From cells of a grid over a crop, each ``shrink`` pixels wide, to crop pixels."""
    return Similarity(float(shrink), 0.0, (shrink / 2 - 0.5, shrink / 2 - 0.5))


def _flow_under(rendering: Rendering, crop: FaceCrop) -> Floats:
    cells_to_photo = crop.to_picture @ grid_to_crop()
    to_flow = rendering.crop.to_picture.inverse() @ cells_to_photo
    side = crop.size // FLOW_SHRINK
    flow = cv2.warpAffine(
        rendering.flow, to_flow.matrix, (side, side), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    )
    half_side_px = crop.to_picture.scale * crop.size / 2
    return np.asarray(flow * np.float32(1.0 / half_side_px), np.float32)


def layers_under(overlays: tuple[Overlay, ...], crop: FaceCrop) -> Floats:
    """(4, S, S) the overlays as they lie on the crop: RGB in [-1, 1] times alpha, then alpha."""
    size = crop.size
    stacked = np.zeros((size, size, 4), np.float32)
    to_crop = crop.to_picture.inverse()
    for overlay in overlays:
        _stack(stacked, overlay, to_crop @ overlay.to_picture)
    return np.ascontiguousarray(stacked.transpose(2, 0, 1))


def _stack(stacked: Floats, overlay: Overlay, place: Similarity) -> None:
    """Lays one patch over those below it, in place."""
    patch = np.dstack([overlay.image.astype(np.float32) / 127.5 - 1.0, overlay.alpha])
    patch[..., :3] *= overlay.alpha[..., None]
    patch, place = _averaged(patch, place)
    height, width = patch.shape[:2]
    corners = place.apply(np.array([[-1.0, -1.0], [width, height]]))
    size = stacked.shape[0]
    x0, y0 = np.clip(np.floor(corners.min(axis=0)).astype(int), 0, size)
    x1, y1 = np.clip(np.ceil(corners.max(axis=0)).astype(int) + 1, 0, size)
    if x1 <= x0 or y1 <= y0:
        return
    matrix = place.matrix - np.array([[0.0, 0.0, x0], [0.0, 0.0, y0]])
    laid = cv2.warpAffine(patch, matrix, (int(x1 - x0), int(y1 - y0)))
    below = stacked[y0:y1, x0:x1]
    below *= 1.0 - laid[..., 3:]
    below += laid


def _averaged(patch: Floats, place: Similarity) -> tuple[Floats, Similarity]:
    """The patch shrunk by a whole number before it is sampled more coarsely than its pixels."""
    factor = min(int(1.0 / place.scale), *patch.shape[:2])
    if factor < 2:
        return patch, place
    height, width = (side // factor for side in patch.shape[:2])
    small = cv2.resize(
        patch[: height * factor, : width * factor], (width, height), interpolation=cv2.INTER_AREA
    )
    return small, place @ Similarity(float(factor), 0.0, (factor / 2 - 0.5, factor / 2 - 0.5))
