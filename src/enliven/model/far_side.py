"""The side of a turned face that the photo hides, borrowed from the side that it shows.

A three-quarter photo has too few pixels of the far cheek to turn it towards the camera. Faces are nearly
symmetric, so where a triangle would have to be stretched much, its mirror image lends its pixels.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from enliven.geometry import Similarity, facing, smoothstep
from enliven.model.mesh_flow import MeshFlow, closed_mesh, doubled_areas
from enliven.model.shares import at_side, melted, soft_alpha, softness, window_around
from enliven.pixels import bounds, places_read
from enliven.topology import in_mirror, mean_shape, mirror_permutation
from enliven.types import FaceCrop, Floats, Matte, Overlay, Picture

_SHOWS_MORE = (0.06, 0.26)
"""The loan fades in between these differences of what the photo shows of a triangle and its mirror image."""
_HIDES_MORE = (0.03, 0.1)
"""The same where the photo shows hair in place of skin: half covered it would be a bruise."""
_SEEN = 0.15
"""Cosine to the viewer from which on a triangle's colour can be told."""
_STRETCHED = (1.2, 1.9)
"""Between these factors of growth a triangle begins to need the loan. Later (1.6 to 3) a smudge of what lies behind the

far cheek stays in it; the tracker prefers that, eyes do not.
"""
_FRONTAL = 0.2
"""Mean share of the triangles that may borrow, up to which a photo shows both sides: about 8 degrees of turn."""
_LEAST_ALPHA = 0.02
_RIM = 2
"""Grid pixels beside what is lent that are read with it."""
_TINT = 0.15
"""By which skin on one side of a face may differ in colour from most of it; more is no skin."""
_SHADE, _GLOSS = 0.65, 1.8
"""Of the usual light on a side, between which there is skin: darker is hair, lighter a window."""
_LIGHT_REACH = 0.15
"""Standard deviation of how far the light of one triangle tells about another's, on the mean face."""
_ANYWHERE = 0.01
"""Weight of triangles anywhere, for those that lie far from all that the photo shows."""
_MOST_LIGHT = 1.7
"""A loan is brightened or darkened by this factor at most."""
_BRIGHTENED = (1.3, 1.7)
"""Between these gains the photo's own skin, however stretched, is preferred: a dark cheek made bright looks ill."""
_TURNED_IN = (1.0, 1.2)
"""Between these factors of growth of the whole far side skin is lent that the photo shows: there it is right."""
_HIDDEN_STRETCHED = (1.0, 1.3)
"""Where the photo shows hair or background in place of skin, the loan begins this early."""
_TO_CORNERS = 0.95
"""Of the way from a triangle's middle to each corner, where it is looked for hair besides."""
_LEAST_SKIN = 20
"""Triangles from which the light on both sides can be told."""


class FarSide:
    """Lends mirrored pixels to the far side of one photo's face."""

    def __init__(self, photo: Picture, source: Floats, crop: FaceCrop, matte: Matte | None = None) -> None:
        """``photo``: RGB; ``source``: (478, 3) landmarks in the crop's grid pixels; ``crop``: that grid.

        ``matte``: the person; what landmarks of a hidden cheek place beyond its outline shows the background.
        """
        self._photo = photo
        self._crop = crop
        self._faces = closed_mesh()
        self._areas = np.maximum(-doubled_areas(source[:, :2], self._faces), 0.05)
        facing_viewer = facing(source, self._faces)
        mirror = mirror_permutation()
        more = facing(in_mirror(source), self._faces) - facing_viewer
        self._lends = smoothstep(more, *_SHOWS_MORE).astype(np.float32)
        self._hides = smoothstep(more, *_HIDES_MORE).astype(np.float32)
        self._misses = np.zeros(len(self._faces), np.float32)
        seen = facing_viewer > _SEEN
        if matte is not None:
            own, other = (self._on_person(each, matte) for each in (source, source[mirror]))
            self._misses = np.asarray(other & ~own & (self._lends > 0), np.float32)
            seen = (seen | at_side()) & own  # narrow as a far cheek is, its light is seen
        self._mesh = MeshFlow(source[mirror])
        self._hidden = np.zeros(len(self._faces), np.float32)
        self._gains = np.ones((len(self._faces) + 1, 3), np.float32)
        corners = [self._colours(source, corner) for corner in range(3)]
        self._compare(self._colours(source), self._colours(source[mirror]), seen, corners)
        self._far = np.asarray(np.maximum(self._lends, self._misses + self._hidden) > 0, np.float32)

    @property
    def borrows(self) -> npt.NDArray[np.bool_]:
        """(N,) triangles that borrow in some frame; none of photos taken from the front."""
        return (self._far > 0) & self.is_needed

    @property
    def is_needed(self) -> bool:
        """False for photos taken from the front."""
        return bool(self._far.mean() > _FRONTAL)

    def _compare(
        self,
        own: npt.NDArray[np.float64],
        other: npt.NDArray[np.float64],
        seen: npt.NDArray[np.bool_],
        corners: list[npt.NDArray[np.float64]],
    ) -> None:
        """Finds where the photo hides the far side, and what light a loan needs at every triangle.

        ``own``, ``other``: (N, 3) colours of triangles and of their mirror images; ``seen``: (N,) those that it shows;
        ``corners``: their colours near each corner.
        """
        turned = seen & (self._lends > 0.1)
        skin, others_skin = _is_skin(own, turned), _is_skin(other, turned)
        known = turned & skin & others_skin
        if known.sum() < _LEAST_SKIN:
            return
        at = mean_shape()[self._faces, :2].mean(axis=1)
        # The edge of the hair may run beside a triangle's middle.
        whole = np.all([_is_skin(each, turned) for each in corners], axis=0) & skin
        self._hidden = self._hides * (at_side() & ~whole & others_skin)
        apart = ((at[:, None] - at[known][None]) ** 2).sum(axis=2)
        near = np.exp(-0.5 * apart / _LIGHT_REACH**2) + _ANYWHERE  # (N, M)
        gains = (near @ own[known]) / np.maximum(near @ other[known], 1.0)
        self._lends *= 1.0 - smoothstep(gains.max(axis=1), *_BRIGHTENED)
        self._lends *= ~(at_side() & skin & ~others_skin)  # nor is a deep shadow or hair laid over skin
        # So a loan has the light of the place where it is laid: the lit side of a portrait borrows from the dark one.
        self._gains[:-1] = np.clip(gains, 1.0 / _MOST_LIGHT, _MOST_LIGHT)

    def _colours(self, points: Floats, corner: int | None = None) -> npt.NDArray[np.float64]:
        """(N, 3) colour of the photo at the middles of triangles, or well on the way from there to a corner."""
        middles = self._middles(points)
        if corner is not None:
            ends = self._crop.to_picture.apply(points[self._faces[:, corner], :2])
            middles = middles + _TO_CORNERS * (ends - middles)
        columns = np.clip(np.round(middles[:, 0]).astype(int), 0, self._photo.shape[1] - 1)
        rows = np.clip(np.round(middles[:, 1]).astype(int), 0, self._photo.shape[0] - 1)
        return np.asarray(self._photo[rows, columns], np.float64)

    def _on_person(self, points: Floats, matte: Matte) -> npt.NDArray[np.bool_]:
        """(N,) whether the middles of triangles lie on the person."""
        x0, y0, x1, y1 = matte.box_xyxy
        height, width = matte.alpha.shape
        cells = (self._middles(points) - [x0, y0]) * [width / (x1 - x0), height / (y1 - y0)]
        columns, rows = (np.clip(cells[:, i].astype(int), 0, (width, height)[i] - 1) for i in (0, 1))
        found: npt.NDArray[np.bool_] = matte.alpha[rows, columns] > 0.5
        return found

    def _middles(self, points: Floats) -> npt.NDArray[np.float64]:
        """(N, 2) of all triangles, in photo pixels."""
        return self._crop.to_picture.apply(points[self._faces, :2].mean(axis=1))

    def overlay(self, target: Floats, labels: npt.NDArray[np.int32]) -> Overlay | None:
        """The borrowed pixels for landmarks at ``target`` (478, 3) grid pixels; None where none are needed.

        ``labels``: (g, g) the triangle seen at each grid pixel, -1 for none.
        """
        areas = -doubled_areas(target[:, :2], self._faces)
        turned_in = np.maximum(areas, 0.0) @ self._far / float(self._areas @ self._far)
        growth = areas / self._areas
        turned = smoothstep(turned_in, *_TURNED_IN)
        covers = self._hidden * smoothstep(growth, *_HIDDEN_STRETCHED) * turned
        lends = np.maximum(self._lends * smoothstep(growth, *_STRETCHED) * turned, covers)
        lends = np.maximum(lends, self._misses)
        if lends.max() <= _LEAST_ALPHA:
            return None
        window = window_around(target, lends > 0, labels.shape[0], _RIM)
        part = labels[window[1] : window[3], window[0] : window[2]]
        sigma = softness(self._crop.size)
        final = soft_alpha(covers, part, sigma) if covers.max() > _LEAST_ALPHA else None
        alpha = soft_alpha(lends, part, sigma, fading=True)
        if final is not None:
            alpha = np.maximum(alpha, final)
        box = bounds(alpha > _LEAST_ALPHA)
        if box is None:
            return None
        corner = window[:2]
        flow = self._mesh.flow_of(target, _within(part, box), corner)
        light = melted(self._gains[part], sigma)
        return self._patch(flow, alpha, final, light, box, corner)

    def _patch(
        self,
        flow: Floats,
        alpha: Floats,
        final: Floats | None,
        light: Floats,
        box: tuple[int, int, int, int],
        corner_xy: tuple[int, int],
    ) -> Overlay:
        """The photo read through the mirrored flow in its new light; photo pixels.

        ``alpha``, ``final``: how far it shows, and is final; ``box``: of all these, whose first pixel is the grid's
        ``corner_xy``.
        """
        x0, y0, x1, y1 = box
        to_picture = self._crop.to_picture @ Similarity(shift_px=(float(corner_xy[0]), float(corner_xy[1])))
        first = np.floor(to_picture.apply(np.array([x0, y0]))).astype(int)
        last = np.ceil(to_picture.apply(np.array([x1, y1]))).astype(int)
        size_wh = (int(last[0] - first[0]), int(last[1] - first[1]))
        place = Similarity(shift_px=(float(first[0]), float(first[1])))
        maps = places_read(flow * np.float32(to_picture.scale), to_picture, place, size_wh)
        image = cv2.remap(self._photo, maps, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        matrix, flags = (to_picture.inverse() @ place).matrix, cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        alpha = cv2.warpAffine(alpha, matrix, size_wh, flags=flags)
        if final is not None:
            final = cv2.warpAffine(final, matrix, size_wh, flags=flags)
        gains = cv2.warpAffine(light, matrix, size_wh, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        image = np.asarray(np.clip(image * gains, 0, 255), np.uint8)
        return Overlay(image, alpha, place, final)


def _within(labels: npt.NDArray[np.int32], box: tuple[int, int, int, int]) -> npt.NDArray[np.int32]:
    """(h, w) the labels in and just around the box, -1 elsewhere."""
    part = slice(max(box[1] - _RIM, 0), box[3] + _RIM), slice(max(box[0] - _RIM, 0), box[2] + _RIM)
    kept = np.full_like(labels, -1)
    kept[part] = labels[part]
    return kept


def _is_skin(colours: npt.NDArray[np.float64], among: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """(N,) whether colours (N, 3) are such as most of those ``among`` them: no hair, no background behind a cheek."""
    light = np.maximum(colours.mean(axis=1), 1.0)
    tints = colours / light[:, None]
    if not among.any():
        return among
    usual = np.median(light[among])
    alike = (np.abs(tints - np.median(tints[among], axis=0)) < _TINT).all(axis=1)
    return np.asarray(alike & (light > _SHADE * usual) & (light < _GLOSS * usual), np.bool_)
