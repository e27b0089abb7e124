"""The engine that needs no training: the photo's own pixels, moved by its landmark mesh.

The face follows the mesh exactly, hair and neck follow the head and fade into a still background,
eyeballs and the inside of the mouth are layers of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from enliven.geometry import Similarity
from enliven.measure import head_radius_px
from enliven.model import eyes
from enliven.model.backdrop import backdrop_of
from enliven.model.drawn_skin import DrawnSkin
from enliven.model.far_side import FarSide
from enliven.model.head_flow import (
    CUT_OUT,
    HeadExtent,
    border_weight,
    head_weight,
    held_at_outline,
    outer_flow,
    silhouettes,
)
from enliven.model.mesh_flow import Labels, MeshFlow
from enliven.model.mouth import MouthLayer
from enliven.model.revealed import Revealed
from enliven.model.sway import CELLS, Posture, Sway, Unhurried, calmed, everyones
from enliven.topology import CHIN, FOREHEAD
from enliven.types import FaceCrop, Floats, Landmarks, Matte, Overlay, Picture, Rendering

_FINEST = 384
"""Side of the grid of the whole flow; more costs time and shows nothing."""
_CROP_HEIGHTS = 3.5
"""Side of the moving square in face heights: all that the head's motion can reach."""
_CROP_LIFT = 0.25
"""How far the square sits above the face's middle, in face heights: hair reaches further than chin."""
_CROWN = 0.42
"""From the forehead's upper edge to the top of the hair, in face heights."""
_SWAY_FADE = 0.5
"""Width of the rim of the moving square, in face heights, over which learned motion ends."""
_FEATHER = 0.02
"""Width of the seam between mesh and surrounding flow, in face heights."""


class WarpEngine:
    """Renders one photo of one person by moving its pixels."""

    name = "warp"

    def __init__(
        self,
        photo: Picture,
        landmarks: Landmarks,
        extent: HeadExtent | None = None,
        *,
        matte: Matte | None = None,
        finest: int = _FINEST,
        heights: float = _CROP_HEIGHTS,
        sway: Sequence[Sway] | None = None,
        behind: Revealed | None = None,
        locks: bool = True,
        patterned: bool = True,
    ) -> None:
        """``photo``: RGB (H, W, 3); ``landmarks`` in its pixels; ``finest``: side of the flow's grid at most.

        ``heights``: side of the square that moves, in face heights; small where the face alone is asked for.
        ``matte``: the person in the photo, who then moves in front of a background that stays as it is. ``sway``: how
        hair and shoulders go along, everybody's when not given. ``behind``: what is known of the background that the
        person hides. ``locks``, ``patterned``: see :func:`backdrop_of`.
        """
        self._finest = finest
        self._extent = extent or (CUT_OUT if matte else HeadExtent())
        self.landmarks = landmarks
        """In the photo's pixels."""
        self.sway = (everyones(),) if sway is None else tuple(sway)
        """Added up."""
        self._own_sways: tuple[Sway, ...] = ()
        self._rest = Posture.of(landmarks.points)
        self.unhurried: Unhurried | None = None
        """Where the frames that are rendered follow each other: then sway does not tremble."""
        edges = (0.0, 0.0, CELLS - 1.0, CELLS - 1.0)
        self._sways_within = border_weight(CELLS, edges, _SWAY_FADE * CELLS / heights)
        self._face_px = float(np.linalg.norm(landmarks.xy[FOREHEAD] - landmarks.xy[CHIN]))
        self.crop = self._moving_square(landmarks, heights)
        self._to_grid = self.crop.to_picture.inverse()
        self._mesh = MeshFlow(self._on_grid(landmarks.points))
        self._far_side = FarSide(photo, self._on_grid(landmarks.points), self.crop, matte)
        self._drawn_skin = DrawnSkin(
            photo, self._on_grid(landmarks.points), self.crop, self._far_side.borrows
        )
        self._border = self._still_border(photo.shape[1], photo.shape[0], above=matte is None)
        self._eyes = [eyes.EyeLayer(photo, landmarks.xy, names) for names in (eyes.RIGHT, eyes.LEFT)]
        self._mouth = MouthLayer(photo, landmarks.points)
        crown = _crown(landmarks.xy)
        self._backdrop = (
            backdrop_of(photo, matte, self._face_px, crown, behind, locks=locks, patterned=patterned)
            if matte
            else None
        )

    def label(self, points: Floats) -> Labels:
        """Which triangle is seen where, of a face with landmarks at ``points``, (478, 3) photo pixels."""
        return Labels(self._mesh.label(self._on_grid(points), self.crop.size), self.crop)

    def render(self, points: Floats, labels: Labels | None = None) -> Rendering:
        """The photo's pixels moved so that the landmarks lie at ``points``, (478, 3) photo pixels.

        ``labels``: what :meth:`label` says of them, on this engine's grid, where it is known.
        """
        seen = (labels or self.label(points)).numbers
        target = self._on_grid(points)
        around = self._around(points)
        flow = self._mesh.flow_of(target, seen)
        skin = self._drawn_skin.overlay(target, seen, flow)
        seam = self._seam(seen >= 0)
        flow -= around
        flow *= cv2.merge([seam, seam])
        flow += around
        flow *= np.float32(self.crop.to_picture.scale)
        return Rendering(flow, self.crop, self._overlays(points, target, seen, skin), self._backdrop)

    def begin(self, points: Floats) -> Callable[[], Rendering]:
        """See :class:`enliven.model.engine.Engine`; nothing is left for later."""
        rendering = self.render(points)
        return lambda: rendering

    def _moving_square(self, landmarks: Landmarks, heights: float) -> FaceCrop:
        side = heights * self._face_px
        size = int(np.clip(np.ceil(side), CELLS, self._finest))
        middle = (landmarks.xy[FOREHEAD] + landmarks.xy[CHIN]) / 2 - [
            0.0,
            _CROP_LIFT * self._face_px * heights / _CROP_HEIGHTS,
        ]
        corner = middle - side / 2 + 0.5 * side / size
        return FaceCrop(Similarity(side / size, 0.0, (float(corner[0]), float(corner[1]))), size)

    def _still_border(self, width: int, height: int, *, above: bool) -> Floats:
        """(coarse, coarse) weight that holds the photo's border and the crop's border still.

        ``above``: also at the photo's upper border; a head that was cut out from the background may leave it.
        """
        cell = self.crop.size / CELLS
        (x0, y0), (x1, y1) = self._to_grid.apply(np.array([[-0.5, -0.5], [width - 0.5, height - 0.5]])) / cell
        face = self._face_px / self.crop.to_picture.scale / cell
        top = float(y0) if above else -np.inf
        photo = border_weight(CELLS, (float(x0), top, float(x1), float(y1)), 0.15 * face)
        crop = border_weight(CELLS, (0.0, 0.0, CELLS - 1.0, CELLS - 1.0), 0.3 * face)
        return photo * crop

    def _on_grid(self, points: Floats) -> Floats:
        """(478, 3) photo pixels to grid pixels, depth along."""
        xy = self._to_grid.apply(points[:, :2])
        return np.column_stack([xy, points[:, 2] * self._to_grid.scale]).astype(np.float32)

    def add_sway(self, own: Sway | None) -> None:
        """How this very person's hair and shoulders go along, beyond everybody's; None where nothing is known."""
        if own is not None:
            self.sway = (*self.sway, own)
            self._own_sways = (*self._own_sways, own)

    def own_sways(self, points: Floats, square: FaceCrop) -> tuple[Sway, ...]:
        """What was added, as an engine of another picture of the scene needs it.

        ``points``: (478, 3) where that picture has its landmarks, in pixels of this photo; ``square``: the other
        engine's, there.
        """
        if not self._own_sways:
            return ()
        places = _cells(self._to_grid @ square.to_picture, square.size, self.crop.size)
        read = places + cv2.remap(self.surroundings(points), places, None, cv2.INTER_LINEAR)
        scale = self.crop.to_picture.scale * self.crop.size / (square.to_picture.scale * square.size)
        causes = self._rest.causes(Posture.of(points))
        return tuple(sway.carried(read, scale, causes) for sway in self._own_sways)

    def surroundings(self, points: Floats, unhurried: Unhurried | None = None) -> Floats:
        """(G, G, 2) the smooth flow of everything that is not face, in cells of G a square's side.

        ``points``: (478, 3) in photo pixels; ``unhurried``: calms sway over frames that follow each other.
        """
        shrink = CELLS / self.crop.size
        small_target = (self._on_grid(points)[:, :2] + 0.5) * shrink - 0.5
        small_source = (self._on_grid(self.landmarks.points)[:, :2] + 0.5) * shrink - 0.5
        outlines = silhouettes(small_source, small_target)
        weight = head_weight(small_source, small_target, CELLS, self._extent) * self._border
        face = self._face_px * self._to_grid.scale * shrink
        flow = outer_flow(small_source, small_target, outlines, weight, face)
        if not self.sway:
            return flow
        causes = self._rest.causes(Posture.of(points))
        causes = unhurried.step(causes) if unhurried else causes
        sways = np.sum([sway.flow(causes, flow) for sway in self.sway], axis=0)
        held = calmed(held_at_outline(sways, outlines, face))
        return np.asarray(flow + held * self._sways_within[..., None], np.float32)

    def _around(self, points: Floats) -> Floats:
        """(g, g, 2) the surroundings' flow in pixels of the flow's grid."""
        flow = self.surroundings(points, self.unhurried) * np.float32(self.crop.size / CELLS)
        around: Floats = cv2.resize(flow, (self.crop.size, self.crop.size), interpolation=cv2.INTER_CUBIC)
        return around

    def _seam(self, covered: npt.NDArray[np.bool_]) -> Floats:
        """(g, g) 1 where the mesh rules, falling to 0 just inside its outline."""
        width = max(1, round(_FEATHER * self._face_px * self._to_grid.scale))
        kernel = np.ones((2 * width + 1, 2 * width + 1), np.uint8)
        inner = cv2.erode(covered.astype(np.uint8), kernel).astype(np.float32)
        seam: Floats = cv2.blur(inner, (2 * width + 1, 2 * width + 1))
        return seam

    def _overlays(
        self, points: Floats, on_grid: Floats, labels: npt.NDArray[np.int32], skin: Overlay | None
    ) -> tuple[Overlay, ...]:
        target = np.ascontiguousarray(points[:, :2])
        head_scale = head_radius_px(points) / head_radius_px(self.landmarks.points)
        layers = [skin, self._far_side.overlay(on_grid, labels) if self._far_side.is_needed else None]
        layers.extend(eye.overlay(target, head_scale) for eye in self._eyes)
        layers.append(self._mouth.overlay(points, head_scale))
        return tuple(layer for layer in layers if layer is not None)


def _cells(to_grid: Similarity, size: int, grid: int) -> Floats:
    """(G, G, 2) where the cells of a square ``size`` wide lie, in cells of one ``grid`` wide."""
    axis = (np.arange(CELLS) + 0.5) * (size / CELLS) - 0.5
    there = to_grid.apply(np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2))
    return np.asarray(((there + 0.5) * (CELLS / grid) - 0.5).reshape(CELLS, CELLS, 2), np.float32)


def _crown(xy: Floats) -> tuple[float, float]:
    """About where the head ends above, hair and all."""
    x, y = xy[FOREHEAD] + _CROWN * (xy[FOREHEAD] - xy[CHIN])
    return float(x), float(y)
