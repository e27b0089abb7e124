"""One face through a video: followed, lost, held, found again, and never swapped for a neighbour."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType

import numpy as np

from enliven.errors import FaceError
from enliven.face import views
from enliven.face.appearance import Appearance, Memory, difference, look
from enliven.face.choose import check_choice, choose_face
from enliven.face.landmarker import MediaPipeLandmarker, open_landmarker
from enliven.face.mesh import Measured
from enliven.face.plausible import FOLLOWED, is_lit, is_plausible
from enliven.face.rivals import Rivals
from enliven.face.scene import Change, SceneWatch
from enliven.geometry import Box
from enliven.types import FaceCrop, Frame, Landmarks, Picture, TrackedFace

_SETTLE_STEPS = 2
_RECENTRE = 0.08
"""A face that moved by this share of its size is measured once more, in a square that fits it."""
_MOST_JUMP = 0.6
"""Largest believable motion of the face's middle from frame to frame, over its size."""
_MOST_GROWTH = 1.4
_STEADY_LOOK = 0.12
"""Change of look from frame to frame that a single person stays under (99th percentile 0.10)."""
_SAME_LOOK = 0.2
"""Difference to the remembered looks that the same person stays under (95 % of finds)."""
_NEARBY_LOOK = 0.25
"""The same at the place where the face was lost, when nobody else was ever seen."""
_ANYBODY_LOOK = 0.35
"""The same for a face that was hardly known yet or long away, when nobody else was ever seen."""
_ACQUAINTED = 10
"""Frames after which a face is known: the first ones may show it behind a hand or in a fade."""
_PATIENCE = 25
"""Frames without the face after which a changed look is believed."""
_CHECK_EVERY = 12
_CHECK_SOON = 3
_SURE = 0.99
"""Presence above which the mesh model is trusted for longer."""


@dataclass(frozen=True, eq=False)
class _Sighting:
    """The face in one frame."""

    measured: Measured
    seen: Appearance


@dataclass
class _Followed:
    """Who is followed, and the last sighting."""

    last: _Sighting
    memory: Memory
    frames_to_check: int = _CHECK_EVERY
    failed_checks: int = 0
    frames_seen: int = 0


class FaceTracker(AbstractContextManager["FaceTracker"]):
    """Feed it the frames of one video in order; it answers with one face, unsmoothed."""

    def __init__(self, which: str = "largest", landmarker: MediaPipeLandmarker | None = None) -> None:
        """``which``: see :func:`enliven.face.choose.choose_face`; applied anew after every scene cut.

        A landmarker that is handed in stays open. Raises UsageError when ``which`` makes no sense.
        """
        check_choice(which)
        self._which = which
        self._owned = landmarker is None
        self._landmarker = landmarker or open_landmarker()
        self._scene = SceneWatch()
        self._rivals = Rivals(self._landmarker)
        self._face: _Followed | None = None
        self._held: Landmarks | None = None
        self._lost_for = 0
        self._fresh_scene = True
        self.frames = 0
        """Seen so far."""
        self.frames_lost = 0
        """Of them without the face."""
        self.cuts = 0
        """Scene cuts noticed."""

    def update(self, frame: Frame) -> TrackedFace:
        """Where the face is in the next frame; while it is lost, its last place (None before the first)."""
        image, change = frame.image, self._scene.update(frame.image)
        self.frames += 1
        found = None if change.blank else self._follow(image, change)
        cut = found is None and self._is_cut(change)
        if cut:
            self._start_over()
        if found is None and not change.blank:
            found = self._find(image)
            # The whole picture stayed similar, yet the face is elsewhere: a cut within one room.
            if found and not cut and change.is_large and self._jumped(found):
                cut = True
        self._note(image, found, cut)
        return TrackedFace(frame.time, self._held, found is not None, cut)

    def _note(self, image: Picture, found: _Sighting | None, cut: bool) -> None:
        """Count, and remember what was found."""
        self.cuts += cut
        self._lost_for = 0 if found else self._lost_for + 1
        self.frames_lost += found is None
        if found is None:
            return
        if self._face is None:
            self._face = _Followed(found, Memory(found.seen))
        self._face.memory.learn(found.seen)
        self._face.last = found
        self._face.frames_seen += 1
        self._held = found.measured.landmarks
        self._rivals.update(image, found.measured)

    def _start_over(self) -> None:
        self._face = None
        self._fresh_scene = True
        self._rivals.forget()

    # Following

    def _follow(self, image: Picture, change: Change) -> _Sighting | None:
        """The face next to where it was, or None when it is not certainly still there."""
        face = self._face
        if face is None or self._lost_for:
            return None
        before = face.last.measured
        measured = self._landmarker.follow(image, before.landmarks)
        if _motion(before, measured) > _RECENTRE:
            measured = self._landmarker.follow(image, measured.landmarks)
        if not is_plausible(measured, FOLLOWED) or not is_lit(measured) or not _is_near(before, measured):
            return None
        seen = look(measured)
        same = self._is_same_person(face, seen, change) and self._stands_check(image, face, measured)
        return _Sighting(measured, seen) if same else None

    def _is_same_person(self, face: _Followed, seen: Appearance, change: Change) -> bool:
        distance = face.memory.distance(seen)
        if self._rivals.nearest(seen) < min(distance, _SAME_LOOK):
            return False
        if change.is_large:
            return distance < (_STEADY_LOOK if change.is_total else _SAME_LOOK)
        return difference(face.last.seen, seen) < _STEADY_LOOK or distance < _SAME_LOOK

    def _stands_check(self, image: Picture, face: _Followed, measured: Measured) -> bool:
        """Now and then a detector must agree that this is a face, since the mesh follows walls happily."""
        soon = measured.presence < _SURE
        face.frames_to_check = min(face.frames_to_check - 1, _CHECK_SOON if soon else _CHECK_EVERY)
        if face.frames_to_check > 0:
            return True
        face.frames_to_check = _CHECK_EVERY
        if self._landmarker.sees_face(image, measured.landmarks):
            face.failed_checks = 0
            return True
        face.frames_to_check = _CHECK_SOON
        face.failed_checks += 1
        return face.failed_checks < (2 if soon else 5)

    # Finding

    def _find(self, image: Picture) -> _Sighting | None:
        """The face anywhere in the picture; a full search in a new scene, two views a frame after that."""
        size_wh = (image.shape[1], image.shape[0])
        found = self._landmarker.search(image, self._places(size_wh), _SETTLE_STEPS)
        found = [measured for measured in found if is_lit(measured)]
        if not found:
            return None
        if self._face is not None:
            return self._recognised(found, self._face)
        chosen = self._chosen(found, size_wh)
        return _Sighting(chosen, look(chosen)) if chosen else None

    def _places(self, size_wh: tuple[int, int]) -> list[FaceCrop]:
        if self._fresh_scene:
            self._fresh_scene = False
            return views.quick_views(size_wh)
        others = views.quick_views(size_wh)[::-1]
        places = [views.whole(size_wh), others[self._lost_for % len(others)]]
        if self._held is not None and self._face is not None:
            box = Box.around(self._held.xy)
            places[self._lost_for % 2] = views.around(box.center, 3 * max(box.width, box.height))
        return places

    def _chosen(self, found: list[Measured], size_wh: tuple[int, int]) -> Measured | None:
        try:
            chosen = choose_face([m.landmarks for m in found], self._which, size_wh)
        except FaceError:  # the face that was asked for may still come into the picture
            return None
        self._rivals.remember([m for m in found if m.landmarks is not chosen])
        return next(m for m in found if m.landmarks is chosen)

    def _recognised(self, found: list[Measured], face: _Followed) -> _Sighting | None:
        """The find that looks like the lost face and like nobody else."""
        best, least = None, float("inf")
        for measured in found:
            seen = look(measured)
            distance = face.memory.distance(seen)
            most = min(least, self._most_change(measured, face), self._rivals.nearest(seen))
            if distance < most:
                best, least = _Sighting(measured, seen), distance
        return best

    def _most_change(self, measured: Measured, face: _Followed) -> float:
        """How different a find may look and still be the lost face."""
        if not self._rivals.none_known:
            return _SAME_LOOK
        if face.frames_seen < _ACQUAINTED or self._lost_for > _PATIENCE:
            return _ANYBODY_LOOK
        return _NEARBY_LOOK if _is_near(face.last.measured, measured) else _SAME_LOOK

    # Cuts

    def _is_cut(self, change: Change) -> bool:
        return change.is_total and self.frames > 1

    def _jumped(self, found: _Sighting) -> bool:
        return self._face is not None and not _is_near(self._face.last.measured, found.measured)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._owned:
            self._landmarker.close()


def _motion(before: Measured, now: Measured) -> float:
    """How far the middle went, over the face's size."""
    was, is_ = Box.around(before.landmarks.xy), Box.around(now.landmarks.xy)
    return float(np.hypot(*np.subtract(is_.center, was.center))) / max(was.width, was.height, 1.0)


def _is_near(before: Measured, now: Measured) -> bool:
    """True when the face can have moved and grown like this within a frame."""
    was, is_ = Box.around(before.landmarks.xy), Box.around(now.landmarks.xy)
    growth = max(is_.width, is_.height) / max(was.width, was.height, 1.0)
    return _motion(before, now) < _MOST_JUMP and 1 / _MOST_GROWTH < growth < _MOST_GROWTH
