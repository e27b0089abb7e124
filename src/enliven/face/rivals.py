"""The other faces in the shot: known, so that none of them is taken for the one that is followed."""

from __future__ import annotations

from enliven.face import views
from enliven.face.appearance import Appearance, Memory, look
from enliven.face.landmarker import MediaPipeLandmarker
from enliven.face.mesh import Measured
from enliven.geometry import Box
from enliven.types import Picture

_EVERY_FRAMES = 10
"""One look around costs a detector run, about 1.5 ms, and 3 ms more for every other face."""
_MOST = 4
_SAME = 0.14
"""Difference of looks under which two faces are one person."""


class Rivals:
    """Looks around every few frames and remembers who else is there."""

    def __init__(self, landmarker: MediaPipeLandmarker) -> None:
        self._landmarker = landmarker
        self._memories: list[Memory] = []
        self._until_next = 0

    @property
    def none_known(self) -> bool:
        return not self._memories

    def forget(self) -> None:
        """After a cut."""
        self._memories.clear()
        self._until_next = 0

    def nearest(self, seen: Appearance) -> float:
        """Difference to the most similar rival; infinite without rivals."""
        return min((memory.distance(seen) for memory in self._memories), default=float("inf"))

    def update(self, image: Picture, followed: Measured) -> None:
        """Look around when it is time again."""
        self._until_next -= 1
        if self._until_next > 0:
            return
        self._until_next = _EVERY_FRAMES
        size_wh = (image.shape[1], image.shape[0])
        own = Box.around(followed.landmarks.xy)
        self.remember(self._landmarker.others(image, views.whole(size_wh), own))

    def remember(self, others: list[Measured]) -> None:
        """Add these faces, each to the person it resembles most."""
        for other in others:
            seen = look(other)
            known = min(self._memories, key=lambda memory: memory.distance(seen), default=None)
            if known is not None and known.distance(seen) < _SAME:
                known.learn(seen)
            elif len(self._memories) < _MOST:
                self._memories.append(Memory(seen))
