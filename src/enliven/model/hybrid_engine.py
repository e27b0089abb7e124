"""The learned engine: the mesh engine's rendering, corrected by the hybrid's networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import cv2
import numpy as np

from enliven.measure import LOOKS
from enliven.model.caution import not_final, on_person, paintable, trust
from enliven.model.correction import corrected, fade, sides_within
from enliven.model.drawing import draw_conditioning
from enliven.model.face_lender import FaceLender
from enliven.model.guess import Guess, GuessReader
from enliven.model.lender import Lender, Moved
from enliven.model.lending import Around, Lending, odds_of, prior
from enliven.model.mesh_flow import Labels
from enliven.model.nearest import looks_and_place
from enliven.model.revealed import Revealed
from enliven.model.runtime import Graphs, NetworkFrame, Person
from enliven.model.stand_in import StandIn
from enliven.model.warp_engine import WarpEngine
from enliven.types import Backdrop, FaceCrop, Floats, FurtherPhoto, Overlay, Picture, Rendering, Retouch

_TRUSTED = 0.5
"""Mask from which on the photo's detail, finer than the networks' pixels, is kept whole."""
_PLACE = len(LOOKS)
"""Where the place begins in looks and place."""
_LEAST_DETAIL = 0.7
"""Of that detail, also where all is painted: painted lips lie where the mesh's do, but only 256 pixels sharp."""


@dataclass(frozen=True, eq=False)
class _Borrowed:
    """A lender in one frame."""

    number: int
    moved: Moved
    prior: Floats
    """(2, S/4, S/4) log weights of the animated photo and the lender."""


class HybridEngine:
    """Renders one person: the first photo moved by its mesh, bettered by the networks, completed from the others.

    Each frame reads the animated photo and at most one lender, so that 32 photos cost hardly more than two.
    """

    name = "hybrid"

    def __init__(
        self,
        warp: WarpEngine,
        crop: FaceCrop,
        seen: Picture,
        graphs: Graphs,
        further: Sequence[FurtherPhoto] = (),
        psi: Floats | None = None,
        *,
        background: Revealed | None = None,
        at_once: bool = False,
    ) -> None:
        """``warp``: moves the photo; ``crop``: upright, as large as the networks read; ``seen``: its pixels.

        ``further``: other photos; ``psi``: AdaIN parameters fitted to the person, in place of those that the photos
        give; ``background``: what is known of the scene without its person; ``at_once``: the frames do not follow
        each other, see :class:`Lending`.
        """
        self._warp, landmarks = warp, warp.landmarks
        self._graphs, self._crop = graphs, crop
        self._reader = GuessReader(crop)
        self._to_crop = crop.to_picture.inverse()
        own = self._on_crop(landmarks.points)
        if background is not None:
            to_crop = self._to_crop @ background.crop.to_picture
            background = replace(background, crop=FaceCrop(to_crop, background.crop.size))
        self._lenders = [
            _lender(photo, (warp, crop), (seen, own), background, at_once=at_once) for photo in further
        ]
        people = [self._encoded(seen, own), *(self._encoded(*lender.seen()) for lender in self._lenders)]
        # psi = P e is linear in e, so the mean over single photos is that of the mean embedding.
        mean_psi = np.mean([person["psi"] for person in people], axis=0) if psi is None else psi
        self._people: list[Person] = [person | {"psi": mean_psi.astype(np.float32)} for person in people]
        self._looks = looks_and_place(own, crop.size)
        self._lending = Lending(
            self._looks, [self._looks_of(lender) for lender in self._lenders], at_once=at_once
        )
        self._around = Around(self._looks, at_once=at_once)
        self._stand_ins = any(lender.lends_around for lender in self._lenders)
        self._pair: tuple[int, Person] | None = None
        self._fade = fade(crop.size)
        self._lent_within = fade(crop.size, sides_within(crop, landmarks.image_size_wh))

    def render(self, points: Floats) -> Rendering:
        """The person with landmarks at ``points``, (478, 3) float32 in photo pixels."""
        return self.begin(points)()

    def begin(self, points: Floats) -> Callable[[], Rendering]:
        """What the meshes make of it; the networks' share is left, see :class:`enliven.model.engine.Engine`."""
        labels = self._warp.label(points)
        moved = self._warp.render(points, labels)
        guess = self._reader.read(moved)
        on_crop = self._on_crop(points)
        drawing = self._drawing(on_crop)
        borrowed = self._borrow(on_crop, labels)
        trusted = trust(on_crop, self._crop.size)
        trusted *= paintable(on_crop, self._crop.size, cut_out=moved.backdrop is not None)
        kept = not_final(moved.overlays, self._crop)
        if kept is not None:
            trusted *= kept
        lent = None if borrowed is None else borrowed.moved.guess.person
        if guess.person is not None:
            trusted *= on_person(on_crop, *(each for each in (guess.person, lent) if each is not None))
        return partial(self._finish, moved, guess, drawing, trusted, borrowed)

    def _looks_of(self, lender: Lender) -> Floats:
        """(11,) looks and place; who lends the face alone lays it where the animated photo has its own."""
        return (
            lender.looks
            if lender.lends_around
            else np.concatenate([lender.looks[:_PLACE], self._looks[_PLACE:]])
        )

    def _borrow(self, on_crop: Floats, labels: Labels) -> _Borrowed | None:
        """The lender of a frame with landmarks (478, 3) ``on_crop``, moved there; None when nobody lends.

        ``labels``: the triangles seen in the animated photo.
        """
        if not self._lenders:
            return None
        wanted = looks_and_place(on_crop, self._crop.size)
        if not self._stand_ins:  # faces alone are lent, wherever the head is
            wanted[_PLACE:] = self._looks[_PLACE:]
        lent = self._lending.step(wanted)
        if lent is None:
            return None
        number, share = lent
        lender = self._lenders[number]
        place = self._to_crop @ labels.crop.to_picture
        moved = lender.move(on_crop, replace(labels, crop=FaceCrop(place, labels.crop.size)))
        odds = odds_of(wanted, self._looks, lender.looks, lender.alike)
        around = self._around.step(number, lender.looks, wanted) if lender.lends_around else None
        weights = prior(on_crop[:, :2], self._crop.size, share * lender.shown(moved), odds, around)
        return _Borrowed(number, moved, weights)

    def _finish(
        self, moved: Rendering, guess: Guess, drawing: Floats, trusted: Floats, borrowed: _Borrowed | None
    ) -> Rendering:
        """The mesh's rendering with what the networks say of it."""
        if borrowed is None:
            frame = self._graphs.frame(self._people[0], drawing, [guess])
            lent: tuple[Overlay, ...] = ()
        else:
            guesses = [guess, borrowed.moved.guess]
            frame = self._graphs.frame(self._pair_with(borrowed.number), drawing, guesses, borrowed.prior)
            lent = self._lent(borrowed, frame, guess, moved.backdrop)
        better = corrected(moved, frame.flow[0], guess, self._crop)
        return replace(better, overlays=(*moved.overlays, *lent), retouch=self._retouch(frame, trusted))

    @property
    def lends(self) -> bool:
        """True when the last frame borrowed from a further photo."""
        return self._lending.share > 0.0

    def _on_crop(self, points: Floats) -> Floats:
        """(478, 3) photo pixels to crop pixels, depth along."""
        xy = self._to_crop.apply(points[:, :2])
        return np.column_stack([xy, points[:, 2] * self._to_crop.scale]).astype(np.float32)

    def _drawing(self, on_crop: Floats) -> Floats:
        """(3, S, S) in [-1, 1]"""
        config = self._graphs.config
        return _planes(draw_conditioning(on_crop[:, :2], config.size, original=config.original_drawing))

    def _encoded(self, picture: Picture, points: Floats) -> Person:
        return self._graphs.encode(_planes(picture)[None], self._drawing(points)[None])

    def _pair_with(self, number: int) -> Person:
        """The animated photo and a lender as the frame graph reads them; kept until another one is asked for."""
        if self._pair is None or self._pair[0] != number:
            first, second = self._people[0], self._people[number + 1]
            both = {key: np.concatenate([first[key], second[key]]) for key in first if key != "psi"}
            self._pair = (number, both | {"psi": first["psi"]})
        return self._pair[1]

    def _lent(
        self, borrowed: _Borrowed, frame: NetworkFrame, guess: Guess, behind: Backdrop | None
    ) -> tuple[Overlay, ...]:
        """The lender's own pixels where the networks trust it more.

        ``guess``, ``behind``: of the animated photo. Its background stays wherever neither shows the person.
        """
        lender, moved = self._lenders[borrowed.number], borrowed.moved
        size = self._crop.size
        share = cv2.resize(frame.confidence[1], (size, size), interpolation=cv2.INTER_LINEAR)
        share *= self._lent_within if lender.lends_around else self._fade
        if lender.lends_around and guess.person is not None and moved.guess.person is not None:
            share *= np.maximum(guess.person, moved.guess.person)
        photo_wh = self._warp.landmarks.image_size_wh
        return lender.overlays(moved, frame.flow[1], share, self._crop, photo_wh, behind)

    def _retouch(self, frame: NetworkFrame, share: Floats) -> Retouch:
        """Brings the warped photo to the networks' result, and keeps its finer detail where they trust it.

        ``share``: (S, S) how much of it counts.
        """
        detail = np.clip(frame.mask / _TRUSTED, _LEAST_DETAIL, 1.0)  # (S, S)
        weight = self._fade * share
        grey, lost = weight * np.float32(127.5), (1.0 - detail) * weight
        planes = [1.0 - lost]
        for result, warped in zip(frame.result, frame.warped, strict=True):
            planes.append((result - detail * warped) * grey + lost * np.float32(127.5))
        return Retouch(cv2.merge(planes), self._crop.to_picture)


def _lender(
    photo: FurtherPhoto,
    kin: tuple[WarpEngine, FaceCrop],
    like: tuple[Picture, Floats],
    background: Revealed | None,
    *,
    at_once: bool,
) -> Lender:
    picture, points, size = photo.picture, photo.points, kin[1].size
    if photo.standing is None:
        return FaceLender(picture, points, size, like)
    return StandIn(picture, points, size, photo.standing, background, kin, unhurried=not at_once)


def _planes(picture: Picture) -> Floats:
    """(S, S, 3) uint8 -> (3, S, S) in [-1, 1]"""
    return np.ascontiguousarray((picture.astype(np.float32) / 127.5 - 1.0).transpose(2, 0, 1))
