"""A clip as the measuring sees it: some true frames, and what detectors say of them, asked once."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from enliven.databank.clip import to_rgb
from enliven.databank.shards import ShotEntry
from enliven.evaluation.observer import Observer, Sight
from enliven.face.sharpness import sharpness
from enliven.gallery.choose import most_fitting
from enliven.types import Floats, Landmarks, Picture


class TrueClip:
    """Frames of one clip, decoded once and looked at once, however many contenders are measured on it."""

    def __init__(self, entry: ShotEntry, frames: Iterable[int], observer: Observer) -> None:
        """``frames``: numbers of those that will be asked for; raises DatabankError for a broken shard."""
        wanted = sorted(set(frames))
        planes = dict(zip(wanted, entry.planes(wanted), strict=True))
        self.entry = entry
        self.images: dict[int, Picture] = {number: to_rgb(planes[number]) for number in wanted}
        self.points: Floats = entry.points()
        """(N, 478, 3) of every frame of the clip, as the databank has them; they drive."""
        self._observer = observer
        self._sights: dict[int, Sight] = {}

    @property
    def side(self) -> int:
        return self.entry.facts.size

    def sight(self, frame: int) -> Sight:
        """What the detectors see in a true frame."""
        if frame not in self._sights:
            self._sights[frame] = self._observer.look(self.images[frame], self.points[frame])
        return self._sights[frame]

    def descriptors(self, frames: Iterable[int]) -> Floats:
        """(F, 128) of these true frames."""
        return np.stack([self.sight(frame).descriptor for frame in frames])

    def photos(self, frames: Iterable[int]) -> tuple[list[Picture], list[Floats]]:
        """Pictures and landmarks, as a contender prepares from them."""
        chosen = list(frames)
        return [self.images[frame] for frame in chosen], [self.points[frame] for frame in chosen]

    def photos_of_a_video(self, frames: Iterable[int]) -> tuple[list[Picture], list[Floats]]:
        """The same as `enliven animate` has them of a video: the one that it would animate comes first."""
        chosen = list(frames)
        faces = [Landmarks(self.points[frame], (self.side, self.side)) for frame in chosen]
        sharp = [sharpness(self.images[frame], face) for frame, face in zip(chosen, faces, strict=True)]
        first = most_fitting(faces, sharp)
        return self.photos([chosen[first], *chosen[:first], *chosen[first + 1 :]])
