"""Further photos of the animated photo's own scene, such as frames of its video: all that they show has its place.

So they lend hair, neck and shoulders too: a head that is turned as the frame's has the outline that the frame needs.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from enliven.model.lender import Lender, Moved, square_in
from enliven.model.revealed import CERTAIN, Revealed, continued, stands_still
from enliven.model.strokes import disc
from enliven.model.sway import Unhurried
from enliven.model.warp_engine import WarpEngine
from enliven.types import (
    FaceCrop,
    Floats,
    Landmarks,
    Matte,
    Picture,
    Scene,
    SceneView,
    Standing,
)

_RIM, _RIM_CELLS = 0.02, 4
"""Rim around the person that keeps its own background, in sides of the square and in cells of the matte."""
_GRID = 192
"""Side of the mesh's flow: it costs time at every frame."""


class StandIn(Lender):
    """A lender of everything under the animated photo's square."""

    lends_around = True
    alike = 1.0

    def __init__(
        self,
        picture: Picture,
        points: Floats,
        size: int,
        standing: Standing,
        background: Revealed | None,
        kin: tuple[WarpEngine, FaceCrop] | None = None,
        *,
        unhurried: bool,
    ) -> None:
        """As :class:`Lender`; ``background``: in pixels of the networks' square, without its person.

        ``kin``: what moves the animated photo and knows how this person's hair and shoulders go along, and where the
        networks' square lies there; ``unhurried``: the frames follow each other.
        """
        self._behind = background
        if background is not None:
            to_own = square_in(picture.shape[0], size) @ background.crop.to_picture
            self._behind = replace(background, crop=FaceCrop(to_own, background.crop.size))
            picture = _set_into(picture, standing.matte, self._behind)
        super().__init__(picture, points, size)
        self._standing, self._unhurried, self._kin = standing, unhurried, kin
        cells = (size // 4, size // 4)
        self._known = np.asarray(cv2.resize(standing.known, cells, interpolation=cv2.INTER_AREA), np.float32)

    def shown(self, moved: Moved) -> Floats:
        """(S/4, S/4) 1 where the frame reads what this photo shows, 0 where it was cut off."""
        return self._read_cells(self._known, moved)

    def _engine(self, landmarks: Landmarks) -> WarpEngine:
        matte = self._standing.matte
        # What is thin beside the person here may be a border's pixels drawn out to where the picture was cut off.
        engine = WarpEngine(
            self.picture,
            landmarks,
            matte=matte,
            finest=_GRID,
            behind=self._behind,
            locks=False,
            patterned=False,
        )
        engine.unhurried = Unhurried() if self._unhurried else None
        if self._kin is not None:
            warp, crop = self._kin
            to_photo = crop.to_picture @ self._to_own.inverse()
            square = FaceCrop(to_photo @ engine.crop.to_picture, engine.crop.size)
            for sway in warp.own_sways(self._moved(self.points, to_photo), square):
                engine.add_sway(sway)
        return engine


def _set_into(picture: Picture, matte: Matte, background: Revealed) -> Picture:
    """(L, L, 3) the person before the animated photo's background, as far as that is known."""
    side = picture.shape[0]
    behind, known = background.over((0, 0, side, side), side)
    rim = max(1, round(_RIM * side))
    person = cv2.resize(
        cv2.dilate(matte.alpha, disc(_RIM_CELLS)), (side, side), interpolation=cv2.INTER_LINEAR
    )
    share = (cv2.blur(person, (rim, rim)) + (1.0 - known)).clip(0.0, 1.0)[..., None]
    return np.asarray(np.rint(behind + (picture - behind) * share), np.uint8)


def standing(scene: Scene, view: SceneView, side: int) -> Standing | None:
    """What a view shows at the photo's square, read as ``side`` x ``side`` pixels.

    None when it cannot stand in for the photo: outlines are not known, or camera, room or light changed.
    """
    if view.person is None or not stands_still(scene, view):
        return None
    known = cv2.resize(view.known, (side, side), interpolation=cv2.INTER_LINEAR)
    # What was cut off counts as person elsewhere; here its pixels are drawn out, and whose they are with them.
    person = continued(view.person, view.known > CERTAIN)
    return Standing(np.asarray(known, np.float32), Matte(person, (0, 0, side, side)))
