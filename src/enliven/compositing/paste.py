"""The moved face back in the photo, at the photo's own resolution."""

from __future__ import annotations

import cv2
import numpy as np

from enliven.geometry import Similarity
from enliven.pixels import Mask, Window, before, bounds, common, places_read, strips
from enliven.types import Backdrop, Floats, Overlay, Picture, Rendering, Retouch

_STILL_PX = 1e-3
"""Flow below this moves nothing."""
_ROW = 1024
"""Places that are read side by side."""
_LOOK = 2
"""Cells of the flow's grid in one of those in which it is looked at where the person lies."""
_TEAR = 1.3
"""Flow that changes by more than this many cells from one cell of its grid to the next passes over something hidden."""


class Paster:
    """Lays renderings into one photo; outside of the moving square the photo stays as it is."""

    def __init__(self, photo: Picture) -> None:
        """``photo``: RGB uint8 (H, W, 3); never written to."""
        self._photo = photo
        self._reach: tuple[Backdrop, Picture] | None = None

    def paste(self, rendering: Rendering) -> Picture:
        """A new picture of the photo's size."""
        result = self._photo.copy()
        box, backdrop = self._moving_box(rendering), rendering.backdrop
        windows = [box]
        if backdrop is not None:
            still = common(box, backdrop.box_xyxy)
            if still is not None:
                result[still[1] : still[3], still[0] : still[2]] = backdrop.plate_in(still)
            windows = strips(*self._persons_cells(rendering, backdrop), box)
        torn = _torn_cells(rendering)
        for window in windows:
            x0, y0, x1, y1 = window
            if x1 <= x0 or y1 <= y0:
                continue
            corner = Similarity(shift_px=(float(x0), float(y0)))
            maps = places_read(rendering.flow, rendering.crop.to_picture, corner, (x1 - x0, y1 - y0))
            # Cubic keeps the photo's sharpness; the bound guards against runaway coordinates.
            moved = cv2.remap(self._photo, maps, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
            self._mend_tears(moved, rendering, torn, (x0, y0))
            if backdrop is not None:
                _put_before(moved, maps, backdrop, window)
            result[y0:y1, x0:x1] = moved
        for overlay in rendering.overlays:
            _lay_over(result, overlay)
        if rendering.retouch is not None:
            _retouch(result, rendering.retouch)
        return result

    def _persons_cells(self, rendering: Rendering, backdrop: Backdrop) -> tuple[Mask, Similarity]:
        """(n, n) where anything but the backdrop's plate may be seen, and from these cells to the photo's pixels."""
        grid = rendering.crop
        place = grid.to_picture @ Similarity(float(_LOOK))
        reach_px = round(2 * place.scale) + 1
        if self._reach is None or self._reach[0] is not backdrop:
            self._reach = (backdrop, cv2.dilate(backdrop.alpha, np.ones((2 * reach_px + 1,) * 2, np.uint8)))
        flow = rendering.flow[::_LOOK, ::_LOOK]
        count = np.arange(flow.shape[0], dtype=np.float32) * np.float32(place.scale)
        axes = [count + np.float32(place.shift_px[n]) for n in (0, 1)]
        maps = flow + np.stack(np.meshgrid(*axes), axis=-1) - np.array(backdrop.corner_xy, np.float32)
        reach = self._reach[1]
        cells = cv2.remap(reach, maps, None, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE) > 0
        bare = [
            (at >= 0) & (at <= last - 1) & ((at < first) | (at > first + side - 1))
            for at, last, first, side in zip(
                axes, self._photo.shape[1::-1], backdrop.corner_xy, reach.shape[1::-1], strict=True
            )
        ]
        return cells | bare[0] | bare[1][:, None], place

    def _mend_tears(
        self, moved: Picture, rendering: Rendering, torn: Mask, corner_xy: tuple[int, int]
    ) -> None:
        """Where one part of the face hides another, mixes the pixels of both sides; in place.

        Between the two sides the flow runs over all that is hidden: read there, a nose's far edge is a dark line.
        """
        if not torn.any():
            return
        to_grid = rendering.crop.to_picture.inverse()
        rows, columns = (
            to_grid.scale * (np.arange(count) + first) + shift
            for count, first, shift in zip(
                moved.shape[:2], corner_xy[::-1], to_grid.shift_px[::-1], strict=True
            )
        )
        last = torn.shape[0] - 1
        cell_rows, cell_columns = (np.clip(np.floor(v).astype(int), 0, last) for v in (rows, columns))
        y, x = np.nonzero(torn[np.ix_(cell_rows, cell_columns)])
        if y.size == 0:
            return
        down, right = (np.clip(v, 0.0, 1.0) for v in (rows[y] - cell_rows[y], columns[x] - cell_columns[x]))
        mixed = np.zeros((y.size, 3), np.float32)
        for dy, dx in ((0, 0), (0, 1), (1, 0), (1, 1)):
            flow = rendering.flow[cell_rows[y] + dy, cell_columns[x] + dx]
            places = flow + np.column_stack([x + corner_xy[0], y + corner_xy[1]])
            share = (down if dy else 1.0 - down) * (right if dx else 1.0 - right)
            mixed += self._read_at(places) * share[:, None].astype(np.float32)
        moved[y, x] = np.rint(mixed).astype(np.uint8)

    def _read_at(self, places: Floats) -> Picture:
        """(N, 3) the photo's colours at ``places`` (N, 2), read in rows: remap takes no line of any length."""
        rows = -(-len(places) // _ROW)
        table = np.zeros((rows * _ROW, 2), np.float32)
        table[: len(places)] = places
        maps = table.reshape(rows, _ROW, 2)
        read = cv2.remap(self._photo, maps, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(read.reshape(-1, 3)[: len(places)], np.uint8)

    def _moving_box(self, rendering: Rendering) -> Window:
        """The part of the photo under the flow's grid that moves at all."""
        moves = np.abs(rendering.flow) > _STILL_PX
        moving = moves[..., 0] | moves[..., 1]  # twenty times as fast as a maximum over the last axis
        cells = bounds(moving)
        if cells is None:
            return 0, 0, 0, 0
        to_picture = rendering.crop.to_picture
        first, last = to_picture.apply(np.array([cells[:2], cells[2:]]) - [[1.0], [0.0]])
        height, width = self._photo.shape[:2]
        x0, y0 = np.clip(np.floor(first), 0, [width, height]).astype(int)
        x1, y1 = np.clip(np.ceil(last) + 1, 0, [width, height]).astype(int)
        return int(x0), int(y0), int(x1), int(y1)


def _torn_cells(rendering: Rendering) -> Mask:
    """(g - 1, g - 1) grid cells between whose corners the flow jumps."""
    most = _TEAR * rendering.crop.to_picture.scale
    x, y = cv2.split(rendering.flow)  # apart: the last axis is slow to go over
    across = cv2.max(cv2.absdiff(x[:, 1:], x[:, :-1]), cv2.absdiff(y[:, 1:], y[:, :-1])) > most  # (g, g - 1)
    along = cv2.max(cv2.absdiff(x[1:], x[:-1]), cv2.absdiff(y[1:], y[:-1])) > most  # (g - 1, g)
    torn: Mask = across[:-1] | across[1:] | along[:, :-1] | along[:, 1:]
    return torn


def _put_before(moved: Picture, maps: Floats, backdrop: Backdrop, window: Window) -> None:
    """Keeps of the moved pixels only the person, and shows the backdrop elsewhere; in place.

    ``maps``: (h, w, 2) photo pixel that each pixel was read from; ``window``: where they lie.
    """
    shared = common(window, backdrop.box_xyxy)
    if shared is not None:
        (x, y), (x0, y0, x1, y1) = window[:2], shared
        part = slice(y0 - y, y1 - y), slice(x0 - x, x1 - x)
        moved[part] = before(moved[part], maps[part], backdrop, backdrop.plate_in(shared))


def _lay_over(picture: Picture, overlay: Overlay) -> None:
    """Blend an overlay into a picture, in place; its patch is resampled unless it lies on whole pixels."""
    place = overlay.to_picture
    height, width = overlay.alpha.shape
    if place.scale == 1.0 and place.angle_deg == 0.0 and all(float(s).is_integer() for s in place.shift_px):
        x0, y0 = int(place.shift_px[0]), int(place.shift_px[1])
        image, alpha = overlay.image, overlay.alpha
    else:
        corners = place.apply(np.array([[-0.5, -0.5], [width - 0.5, height - 0.5]]))
        x0, y0 = (int(v) for v in np.floor(corners.min(axis=0)))
        x1, y1 = (int(v) + 1 for v in np.ceil(corners.max(axis=0)))
        matrix = place.matrix - np.array([[0.0, 0.0, x0], [0.0, 0.0, y0]])
        size_wh = (x1 - x0, y1 - y0)
        image = cv2.warpAffine(overlay.image, matrix, size_wh, borderMode=cv2.BORDER_REPLICATE)
        alpha = cv2.warpAffine(overlay.alpha, matrix, size_wh)
    _blend(picture, image, alpha, x0, y0)


def _blend(picture: Picture, image: Picture, alpha: Floats, x0: int, y0: int) -> None:
    left, top = max(x0, 0), max(y0, 0)
    right = min(x0 + image.shape[1], picture.shape[1])
    bottom = min(y0 + image.shape[0], picture.shape[0])
    if right <= left or bottom <= top:
        return
    inside = (slice(top - y0, bottom - y0), slice(left - x0, right - x0))
    below, share = picture[top:bottom, left:right], alpha[inside]
    picture[top:bottom, left:right] = cv2.blendLinear(image[inside], below, share, 1.0 - share)


def _retouch(picture: Picture, retouch: Retouch) -> None:
    """Gain and addition at the picture's own resolution, in place."""
    height, width = retouch.gain_add.shape[:2]
    place = retouch.to_picture
    first, last = place.apply(np.array([[0.0, 0.0], [width - 1.0, height - 1.0]]))
    x0, y0 = np.clip(np.ceil(first), 0, [picture.shape[1], picture.shape[0]]).astype(int)
    x1, y1 = np.clip(np.floor(last) + 1, 0, [picture.shape[1], picture.shape[0]]).astype(int)
    if x1 <= x0 or y1 <= y0:
        return
    matrix = place.matrix - np.array([[0.0, 0.0, x0], [0.0, 0.0, y0]])
    laid = cv2.warpAffine(
        retouch.gain_add, matrix, (int(x1 - x0), int(y1 - y0)), borderMode=cv2.BORDER_REPLICATE
    )
    # Plane by plane: OpenCV goes over them at twice the speed of numpy over their mixture.
    gain, *added = cv2.split(laid)
    planes = zip(cv2.split(picture[y0:y1, x0:x1]), added, strict=True)
    shown = [
        cv2.add(cv2.multiply(below, gain, dtype=cv2.CV_32F), add, dtype=cv2.CV_8U) for below, add in planes
    ]
    picture[y0:y1, x0:x1] = cv2.merge(shown)
