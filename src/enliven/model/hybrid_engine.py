"""The learned engine: the mesh engine's rendering, corrected by the hybrid's networks."""

from __future__ import annotations

import cv2
import numpy as np

from enliven.model.drawing import draw_conditioning
from enliven.model.guess import FLOW_SHRINK, Guess, grid_to_crop, guess_of
from enliven.model.runtime import Graphs, NetworkFrame
from enliven.model.warp_engine import WarpEngine
from enliven.types import FaceCrop, Floats, Landmarks, Picture, Rendering, Retouch

_FADE = 0.06
"""Width of the seam at the crop's border, in crop sides: there the networks' say ends."""
_TRUSTED = 0.5
"""Mask from which on the photo's detail, finer than the networks' pixels, is kept whole."""


class HybridEngine:
    """Renders one photo of one person: moved by the mesh, bettered and completed by the networks."""

    name = "hybrid"

    def __init__(
        self, photo: Picture, landmarks: Landmarks, crop: FaceCrop, seen: Picture, graphs: Graphs
    ) -> None:
        """``photo``: RGB (H, W, 3); ``crop``: upright, as large as the networks read; ``seen``: its pixels."""
        self._warp = WarpEngine(photo, landmarks)
        self._graphs, self._crop = graphs, crop
        self._to_crop = crop.to_picture.inverse()
        drawing = self._drawing(landmarks.points)
        self._person = graphs.encode(_planes(seen)[None], drawing[None])
        self._fade = _fade(crop.size)

    def render(self, points: Floats) -> Rendering:
        """The person with landmarks at ``points``, (478, 3) float32 in photo pixels."""
        moved = self._warp.render(points)
        guess = guess_of(moved, self._crop)
        frame = self._graphs.frame(self._person, self._drawing(points), [guess])
        flow = moved.flow + self._correction(frame, guess, moved.crop)
        return Rendering(flow, moved.crop, moved.overlays, self._retouch(frame))

    def _drawing(self, points: Floats) -> Floats:
        """(3, S, S) in [-1, 1]"""
        on_crop = self._to_crop.apply(points[:, :2])
        config = self._graphs.config
        return _planes(draw_conditioning(on_crop, config.size, original=config.original_drawing))

    def _correction(self, frame: NetworkFrame, guess: Guess, grid: FaceCrop) -> Floats:
        """(g, g, 2) what the networks change of the mesh's flow, in photo pixels on the mesh engine's grid."""
        fade = cv2.resize(self._fade, guess.flow.shape[1::-1], interpolation=cv2.INTER_AREA)
        half_side_px = self._crop.to_picture.scale * self._crop.size / 2
        change = (frame.flow[0] - guess.flow) * (fade[..., None] * np.float32(half_side_px))
        cells_to_grid = grid.to_picture.inverse() @ self._crop.to_picture @ grid_to_crop(FLOW_SHRINK)
        placed: Floats = cv2.warpAffine(change, cells_to_grid.matrix, (grid.size, grid.size))
        return placed

    def _retouch(self, frame: NetworkFrame) -> Retouch:
        """Brings the warped photo to the networks' result, and keeps its finer detail where they trust it."""
        detail = np.clip(frame.mask / _TRUSTED, 0.0, 1.0)  # (S, S)
        add = (frame.result - detail * frame.warped) * 127.5 + 127.5 * (1.0 - detail)  # (3, S, S) grey levels
        laid = np.concatenate([(detail - 1.0)[None], add]) * self._fade
        laid[0] += 1.0
        return Retouch(np.ascontiguousarray(laid.transpose(1, 2, 0), np.float32), self._crop.to_picture)


def _planes(picture: Picture) -> Floats:
    """(S, S, 3) uint8 -> (3, S, S) in [-1, 1]"""
    return np.ascontiguousarray((picture.astype(np.float32) / 127.5 - 1.0).transpose(2, 0, 1))


def _fade(size: int) -> Floats:
    """(size, size) 1, falling smoothly to 0 at the border."""
    distance = np.minimum(np.arange(size), np.arange(size)[::-1]).astype(np.float32)
    rise = np.clip(distance / (_FADE * size), 0.0, 1.0)
    smooth = rise * rise * (3.0 - 2.0 * rise)
    fade: Floats = np.minimum(smooth[:, None], smooth[None, :])
    return fade
