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
from enliven.types import Backdrop, FaceCrop, Floats, Landmarks, Matte, Overlay, Picture, Rendering

FLOW_SHRINK = 2
"""Crop pixels in a cell of the guessed flow: lips and lids are thinner than the motion net's cells of four."""


@dataclass(frozen=True, eq=False)
class Guess:
    """Of one photo and one set of driving landmarks, at the crop's size S."""

    flow: Floats
    """(S/2, S/2, 2) place to read minus place to write, in half crop sides."""
    layers: Floats
    """(4, S, S) eyes, mouth and far cheek to lay over: RGB in [-1, 1] times alpha, then alpha in 0..1."""
    person: Floats | None = None
    """(S, S) 0..1 where the moved person is; None where no outline is known."""


class Guesser:
    """Guesses for one photo that is itself the crop, as databanks hold them."""

    def __init__(self, photo: Picture, points: Floats, matte: Matte | None = None) -> None:
        """``photo``: (S, S, 3); ``points``: (478, 3) in its pixels; ``matte``: the person in it."""
        size = photo.shape[0]
        landmarks = Landmarks(np.asarray(points, np.float32), (size, size))
        # Smooth behind the person: it is ten times as quick, and what the networks learned with.
        self._engine = WarpEngine(np.ascontiguousarray(photo), landmarks, matte=matte, patterned=False)
        self._reader = GuessReader(FaceCrop(Similarity(), size))

    def guess(self, points: Floats) -> Guess:
        """For driving landmarks (478, 3) in crop pixels."""
        return self._reader.read(self._engine.render(np.asarray(points, np.float32)))


class GuessReader:
    """Reads the part of renderings that lies under an upright crop of the same photo, frame after frame."""

    def __init__(self, crop: FaceCrop) -> None:
        self._crop = crop
        self._plate: tuple[Backdrop, Floats] | None = None

    def read(self, rendering: Rendering) -> Guess:
        """Flow and layers of one rendering."""
        flow = _flow_under(rendering, self._crop)
        stacked, person = np.zeros((self._crop.size, self._crop.size, 4), np.float32), None
        if rendering.backdrop is not None:
            stacked = self._behind(rendering.backdrop, flow)
            person = 1.0 - stacked[..., 3]
        return Guess(flow, _laid_on(stacked, rendering.overlays, self._crop), person)

    def _behind(self, backdrop: Backdrop, flow: Floats) -> Floats:
        """(S, S, 4) the backdrop where the moved outline is open: RGB times alpha, then alpha."""
        if self._plate is None or self._plate[0] is not backdrop:
            self._plate = (backdrop, _plate_under(backdrop, self._crop))
        size, to_picture = self._crop.size, self._crop.to_picture
        cells = cv2.resize(flow, (size, size), interpolation=cv2.INTER_LINEAR)
        maps = cells * np.float32(to_picture.scale * size / 2)
        axis = np.arange(size, dtype=np.float32) * np.float32(to_picture.scale)
        maps[..., 0] += axis + np.float32(to_picture.shift_px[0] - backdrop.corner_xy[0])
        maps[..., 1] += (axis + np.float32(to_picture.shift_px[1] - backdrop.corner_xy[1]))[:, None]
        person = cv2.remap(backdrop.alpha, maps, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        is_open = 1.0 - person.astype(np.float32) / 255
        behind: Floats = cv2.multiply(self._plate[1], cv2.merge([is_open] * 4))
        return behind


def _plate_under(backdrop: Backdrop, crop: FaceCrop) -> Floats:
    """(S, S, 4) the backdrop's plate as the crop shows it, RGB in [-1, 1] and 1; nothing outside of it."""
    x, y = backdrop.corner_xy
    whole = np.ones(backdrop.alpha.shape, np.float32)
    stacked = np.zeros((crop.size, crop.size, 4), np.float32)
    place = Similarity(1.0, 0.0, (float(x), float(y)))
    _stack(stacked, Overlay(backdrop.plate, whole, place), crop.to_picture.inverse() @ place)
    return stacked


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


def laid_over(picture: Floats | Picture, layers: Floats) -> Picture:
    """(h, w, 3) a picture under layers (4, h, w): RGB in [-1, 1] times alpha, then alpha."""
    laid = layers.transpose(1, 2, 0)
    shown = picture * (1.0 - laid[..., 3:]) + (laid[..., :3] + laid[..., 3:]) * np.float32(127.5)
    return np.asarray(np.clip(np.rint(shown), 0, 255), np.uint8)


def _laid_on(stacked: Floats, overlays: tuple[Overlay, ...], crop: FaceCrop) -> Floats:
    """(4, S, S) the overlays over what is ``stacked`` (S, S, 4) already."""
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
