"""Motions in, renderings out: while the networks see one frame, the mesh moves the next.

Both halves cost much of a frame's time, so each has a thread. What a result teaches the aim therefore counts from
the next but one frame on, whatever is quick or slow: the same inputs give the same video.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from fractions import Fraction

from enliven.aim import Aim
from enliven.compositing.paste import Paster
from enliven.model.engine import Engine
from enliven.portrait import Portrait
from enliven.settings import AnimateSettings
from enliven.stopwatch import Stopwatch
from enliven.types import Floats, Motion, Picture, Rendering

_UNDER_WAY = 1
"""Frames that the networks see while the mesh moves the next."""


@dataclass(frozen=True, eq=False)
class _Begun:
    """A frame under way."""

    wanted: Floats
    """(478, 3) where the face shall be seen; portrait pixels."""
    sent: Floats
    """(478, 3) where it is moved to for that."""
    time: Fraction
    rendering: Future[Rendering]


@dataclass(frozen=True, eq=False)
class Rendered:
    """A frame that only has to be pasted."""

    rendering: Rendering
    time: Fraction
    picture: Picture | None
    """The rendering in the photo, where the aim has looked at it; else None."""


class Renderings:
    """What an engine makes of motions, aimed on wish."""

    def __init__(
        self, engine: Engine, portrait: Portrait, paster: Paster, settings: AnimateSettings, watch: Stopwatch
    ) -> None:
        """``paster``: shows the aim what a result looks like; ``watch``: counts rooms "mesh", "networks" and "aim"."""
        self._engine, self._portrait, self._paster = engine, portrait, paster
        self._settings, self._watch = settings, watch

    def of(self, motions: Iterable[Motion]) -> Iterator[Rendered]:
        """What comes of each motion, in order."""
        whole = self._settings.motion == "absolute"
        aiming = Aim(self._portrait.landmarks, whole=whole) if self._settings.aim else nullcontext()
        begun: deque[_Begun] = deque()
        with aiming as aim, ThreadPoolExecutor(1, "networks") as networks:
            for motion in motions:
                begun.append(self._begin(motion, aim, networks))
                if len(begun) > _UNDER_WAY:
                    yield self._finish(begun.popleft(), aim)
            while begun:
                yield self._finish(begun.popleft(), aim)

    def _begin(self, motion: Motion, aim: Aim | None, networks: ThreadPoolExecutor) -> _Begun:
        with self._watch.room("mesh"):
            wanted = self._portrait.from_photo(motion.points)
            sent = aim.aimed(wanted) if aim else wanted
            rest = self._engine.begin(sent)
        return _Begun(wanted, sent, motion.time, networks.submit(self._timed, rest))

    def _timed(self, rest: Callable[[], Rendering]) -> Rendering:
        with self._watch.room("networks"):
            return rest()

    def _finish(self, frame: _Begun, aim: Aim | None) -> Rendered:
        rendering, picture = frame.rendering.result(), None
        if aim and aim.is_new(frame.wanted):
            with self._watch.room("aim"):
                picture = self._paster.paste(rendering)
                aim.learn(frame.wanted, frame.sent, picture)
        return Rendered(rendering, frame.time, picture)
