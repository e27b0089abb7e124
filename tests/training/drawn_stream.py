"""Episodes of drawn faces in memory: what the databank's stream gives, without a databank."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from tests.synthetic_face import ANNA, BEN, draw_face

from enliven.errors import DatabankError
from enliven.types import Floats, Picture

SIZE = 64


@dataclass(frozen=True, eq=False)
class DrawnEpisode:
    photos: Picture
    photo_points: Floats
    target: Picture
    target_points: Floats
    identity: npt.NDArray[np.int64]


@cache
def _drawn() -> list[list[tuple[Picture, Floats]]]:
    turns = np.linspace(-20, 20, 6)
    return [
        [
            draw_face(SIZE, yaw_deg=float(yaw), mouth_open=0.15 * (n % 4), person=person)
            for n, yaw in enumerate(turns)
        ]
        for person in (ANNA, BEN)
    ]


class DrawnStream:
    """Episode n is a function of (seed, n), shared out over ranks as the databank does."""

    identity_count = 2

    def __init__(
        self, *, batch: int = 2, shots: int = 1, position: int = 0, rank: int = 0, world_size: int = 1
    ):
        self._faces = _drawn()
        self._batch, self._shots, self.position = batch // world_size, shots, position
        self._rank, self._world = rank, world_size

    def __iter__(self) -> DrawnStream:
        return self

    def __next__(self) -> DrawnEpisode:
        first = (self.position * self._world + self._rank) * self._batch
        episodes = [self._episode(n) for n in range(first, first + self._batch)]
        self.position += 1
        pictures, points, identities = (np.stack(x) for x in zip(*episodes, strict=True))
        return DrawnEpisode(pictures[:, 1:], points[:, 1:], pictures[:, 0], points[:, 0], identities)

    def state(self) -> dict[str, Any]:
        return {"position": self.position, "bank": "drawn"}

    def _episode(self, number: int) -> tuple[Picture, Floats, np.int64]:
        draw = np.random.default_rng([3, number])
        person = int(draw.integers(2))
        chosen = draw.permutation(6)[: self._shots + 1]
        pictures, points = zip(*(self._faces[person][n] for n in chosen), strict=True)
        return np.stack(pictures), np.stack(points), np.int64(person)


def open_drawn(split: str, *, position: int, rank: int, world_size: int) -> DrawnStream:
    """As :class:`enliven.training.session.OpenStream`; there is no val split."""
    if split != "train":
        raise DatabankError("no val split")
    return DrawnStream(position=position, rank=rank, world_size=world_size)
