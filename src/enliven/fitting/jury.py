"""Measures a candidate on the held-back photos."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import AbstractContextManager
from types import TracebackType

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from enliven.errors import MissingExtraError
from enliven.face.identity import FaceDescriptor, distance
from enliven.face.landmarker import open_landmarker
from enliven.fitting.album import Album
from enliven.fitting.candidates import Candidate, Marks
from enliven.fitting.game import FitGame
from enliven.fitting.pictures import Crop, Split
from enliven.model.strokes import outlined
from enliven.model.talking_head import to_uint8
from enliven.topology import FACE_OVAL
from enliven.training.batches import Batch
from enliven.training.losses import edges, weighed_l1
from enliven.types import Floats, Picture

_NO_FACE_PX = 20.0
"""Counted where no face is found in a result, at 256 pixels."""


class Jury(AbstractContextManager["Jury"]):
    """Renders held-back photos from those that are learned from; always the same ones for every candidate."""

    def __init__(self, split: Split, album: Album, judge: nn.Module | None, row: Tensor) -> None:
        """``album``: the photos that are learned from, then those held back.

        ``judge``: the base's discriminator, which never learns of the person; ``row``: e (E,).
        """
        self._held, self._judge, self._row = split.held_back, judge, row
        self._landmarker = open_landmarker()
        self.notes: list[str] = []
        try:
            self._descriptor: FaceDescriptor | None = FaceDescriptor()
        except MissingExtraError:
            self._descriptor = None
            self.notes.append("Identity was not compared: that needs the extra 'evaluation'.")
        learned = range(len(split.learned))
        self._lessons = [album.lesson([learned], [len(learned) + n]) for n in range(len(self._held))]
        after = len(learned) + len(self._held)
        self._strange = [album.lesson([learned], [after + n]) for n in range(len(split.strange))]
        self._around = [_around(crop) for crop in split.strange]
        self._as_base: list[Floats] = []
        self._truth = [self._seen(crop.picture, crop.points) for crop in self._held]
        self._who = [self._described(crop.picture, crop.points) for crop in self._held]

    def hear(self, name: str, game: FitGame, fitted: Mapping[str, Tensor]) -> Candidate:
        """A candidate with its marks; the game keeps what it had. ``fitted``: empty for the untouched base."""
        kept = {key: value.detach().clone() for key, value in game.fitted().items()}
        game.take(fitted or kept)
        with torch.no_grad():
            found = [self._marks(index, game) for index in range(len(self._held))]
            drift = self._drift(game)
        game.take(kept)
        columns = zip(*(marks for marks, _ in found), strict=True)
        realism, identity, landmarks_px, error = (float(np.mean(column)) for column in columns)
        marks = Marks(realism, identity, landmarks_px, error, drift)
        return Candidate(
            name, {k: v.detach().clone() for k, v in fitted.items()}, marks, tuple(p for _, p in found)
        )

    def _marks(self, index: int, game: FitGame) -> tuple[tuple[float, float, float, float], Picture]:
        lesson, crop = self._lessons[index].to(game.device), self._held[index]
        batch, result = lesson.batch, game.render(lesson, game.psi).result
        picture = np.ascontiguousarray(to_uint8(result[0]).cpu().numpy())
        shown = result.clamp(-1, 1)
        error = float(weighed_l1(shown, batch.target, batch.importance) + edges(shown, batch.target)) / 2
        who = self._described(picture, crop.points)
        known = self._who[index]
        identity = math.nan if who is None or known is None else distance(who, known)
        return (self._realism(result, batch), identity, self._landmarks_px(index, picture), error), picture

    def _drift(self, game: FitGame) -> float:
        """What the first one heard, the base, makes of strange poses is what the others are compared with."""
        if not self._strange:
            return math.nan
        lessons = [lesson.to(game.device) for lesson in self._strange]
        made = [game.render(lesson, game.psi).result[0].clamp(-1, 1).cpu().numpy() for lesson in lessons]
        self._as_base = self._as_base or made
        apart = [np.abs(one - base).mean(axis=0) / 2 for one, base in zip(made, self._as_base, strict=True)]
        return float(np.mean([a[around].mean() for a, around in zip(apart, self._around, strict=True)]))

    def _realism(self, result: Tensor, batch: Batch) -> float:
        if self._judge is None:
            return math.nan
        score, _ = self._judge(result, batch.drawing, self._row[None].to(result.device))
        return float(score)

    def _landmarks_px(self, index: int, picture: Picture) -> float:
        truth = self._truth[index]
        if truth is None:
            return math.nan
        seen = self._seen(picture, self._held[index].points)
        if seen is None:
            return _NO_FACE_PX
        apart = float(np.linalg.norm(seen[:, :2] - truth[:, :2], axis=1).mean())
        return min(apart * 256 / picture.shape[0], _NO_FACE_PX)

    def _seen(self, picture: Picture, expected: Floats) -> Floats | None:
        faces = [face.points for face in self._landmarker.detect(picture)]
        return min(faces, key=lambda face: float(np.abs(face - expected).mean()), default=None)

    def _described(self, picture: Picture, points: Floats) -> Floats | None:
        return self._descriptor.describe(picture, points) if self._descriptor else None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._landmarker.close()


def _around(crop: Crop) -> npt.NDArray[np.bool_]:
    """(S, S) everything that is not face."""
    return outlined(crop.points[:, :2], FACE_OVAL, crop.picture.shape[0]) < 0.5
