"""Episodes of NumPy pictures -> tensors that the networks and losses read."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from enliven.face.matte import PersonMatting
from enliven.model.caution import paintable
from enliven.model.drawing import draw_conditioning
from enliven.model.guess import FLOW_SHRINK, Guess, Guesser
from enliven.model.talking_head import to_tensor
from enliven.topology import LEFT_EYE, OUTER_LIPS, RIGHT_EYE
from enliven.types import Floats, Matte, Picture

_MATTING = threading.Lock()


class EpisodeLike(Protocol):
    """What training reads of :class:`enliven.databank.episodes.Episode`."""

    @property
    def photos(self) -> Picture: ...
    @property
    def photo_points(self) -> Floats: ...
    @property
    def target(self) -> Picture: ...
    @property
    def target_points(self) -> Floats: ...
    @property
    def identity(self) -> npt.NDArray[np.int64]: ...


class EpisodeSource(Protocol):
    """An endless stream of episode batches that knows where it stands."""

    @property
    def identity_count(self) -> int: ...

    def __iter__(self) -> Iterator[EpisodeLike]: ...
    def __next__(self) -> EpisodeLike: ...
    def state(self) -> Any:
        """JSON-able; the position after the last episode given."""


@dataclass(frozen=True, eq=False)
class Batch:
    """B episodes of K photos; pictures in [-1, 1], points in crop pixels."""

    photos: Tensor
    """(B, K, 3, S, S)"""
    photo_drawings: Tensor
    """(B, K, 3, S, S)"""
    target: Tensor
    """(B, 3, S, S)"""
    drawing: Tensor
    """(B, 3, S, S) landmarks of the target."""
    points: Tensor
    """(B, 478, 2) of the target."""
    importance: Tensor
    """(B, 1, S, S) 1, and more near mouth and eyes."""
    identity: Tensor
    """(B,) int64"""
    flow: Tensor
    """(B, K, S/2, S/2, 2) what the mesh guesses for each photo; zero where the networks need no guess."""
    layers: Tensor
    """(B, K, 4, S, S) the guess's layers; all transparent where the networks need no guess."""
    paintable: Tensor
    """(B, 1, S, S) where painting will count: near the face where the person is cut out, else everywhere (1)."""

    def episode(self) -> tuple[Tensor, ...]:
        """What a talker's ``forward`` reads, in its order."""
        return self.photos, self.photo_drawings, self.drawing, self.flow, self.layers, self.paintable

    def to(self, device: torch.device) -> Batch:
        return Batch(**{f.name: getattr(self, f.name).to(device, non_blocking=True) for f in fields(self)})

    def first(self, count: int) -> Batch:
        """The first ``count`` episodes."""
        return Batch(**{f.name: getattr(self, f.name)[:count] for f in fields(self)})

    @property
    def size(self) -> int:
        return int(self.target.shape[-1])

    def mouth_boxes(self) -> Tensor:
        """(B, 3) see :func:`box_around`."""
        return box_around(self.points, OUTER_LIPS, self.size, 1.5)

    def eye_boxes(self) -> tuple[Tensor, Tensor]:
        """(B, 3) of the right and of the left eye."""
        right, left = (box_around(self.points, eye, self.size, 1.7) for eye in (RIGHT_EYE, LEFT_EYE))
        return right, left


def make_batch(episode: EpisodeLike, *, emphasis: float, original_drawing: bool, guess: bool = True) -> Batch:
    """Draws the landmarks, guesses (about 20 ms a photo; preset `paper` does without) and converts."""
    size = episode.target.shape[1]
    shots = np.stack([[_draw(p, size, original_drawing) for p in row] for row in episode.photo_points])
    drawn = np.stack([_draw(p, size, original_drawing) for p in episode.target_points])
    weights = np.stack([importance(p, size, emphasis) for p in episode.target_points])
    flow, layers, within = _guesses(episode) if guess else _no_guesses(*episode.photos.shape[:3])
    return Batch(
        _pictures(episode.photos),
        _pictures(shots),
        _pictures(episode.target),
        _pictures(drawn),
        _points(episode.target_points),
        torch.from_numpy(weights)[:, None],
        torch.from_numpy(np.ascontiguousarray(episode.identity, np.int64)),
        flow,
        layers,
        within,
    )


def _guesses(episode: EpisodeLike) -> tuple[Tensor, Tensor, Tensor]:
    """(B, K, S/2, S/2, 2), (B, K, 4, S, S) and (B, 1, S, S)."""
    made: list[list[Guess]] = [
        [
            Guesser(photo, at, _find_matte(photo, at)).guess(target)
            for photo, at in zip(photos, points, strict=True)
        ]
        for photos, points, target in zip(
            episode.photos, episode.photo_points, episode.target_points, strict=True
        )
    ]
    flow = np.stack([[each.flow for each in row] for row in made])
    layers = np.stack([[each.layers for each in row] for row in made])
    within = np.stack(
        [
            paintable(target, episode.target.shape[1], cut_out=row[0].person is not None)
            for row, target in zip(made, episode.target_points, strict=True)
        ]
    )
    return torch.from_numpy(flow), torch.from_numpy(layers), torch.from_numpy(within)[:, None]


@cache
def _matting() -> PersonMatting:
    """One for all threads, which use it in turn.

    Made where a loader is made and never in its thread: while MediaPipe makes a graph, what others say is held back.
    """
    return PersonMatting()


def _find_matte(photo: Picture, points: Floats) -> Matte | None:
    with _MATTING:
        return _matting().of_crop(photo, points)


def _no_guesses(batch: int, shots: int, size: int) -> tuple[Tensor, Tensor, Tensor]:
    side = size // FLOW_SHRINK
    layers = torch.zeros(batch, shots, 4, 1, 1)
    return torch.zeros(batch, shots, side, side, 2), layers, torch.ones(batch, 1, 1, 1)


def importance(points: Floats, size: int, emphasis: float) -> Floats:
    """(size, size) ``emphasis`` at mouth and eyes, 1 elsewhere, soft between. ``points``: (478, 2 or 3)."""
    mask = np.zeros((size, size), np.float32)
    for part in (OUTER_LIPS, RIGHT_EYE, LEFT_EYE):
        outline = points[list(part), :2]
        grown = (outline - outline.mean(axis=0)) * 1.3 + outline.mean(axis=0)
        clipped = np.clip(grown, -size, 2 * size)
        cv2.fillConvexPoly(mask, cv2.convexHull(np.rint(clipped).astype(np.int32)), 1.0)
    soft: Floats = cv2.blur(mask, (9, 9))
    return 1.0 + np.float32(emphasis - 1.0) * soft


def normalised(points: Tensor, size: int) -> Tensor:
    """(..., 2) crop pixels (centres at whole numbers) to [-1, 1], as `grid_sample` without aligned corners."""
    return (2.0 * points + 1.0) / size - 1.0


def box_around(points: Tensor, part: tuple[int, ...], size: int, margin: float) -> Tensor:
    """(B, 3) a square around some landmarks: centre x, centre y, half side, in [-1, 1] units."""
    places = normalised(points[:, list(part)], size)  # (B, N, 2)
    low, high = places.amin(dim=1), places.amax(dim=1)
    half = (high - low).amax(dim=1, keepdim=True) / 2 * margin
    return torch.cat([(low + high) / 2, half.clamp(min=4.0 / size)], dim=1)


@dataclass(frozen=True, eq=False)
class Loaded:
    """A batch, and the data position after it, to be stored with the step that used it."""

    batch: Batch
    position: Any


class BatchLoader:
    """Prepares the next batches in a thread while the networks compute; counts the seconds waited.

    ``options``: those of :func:`make_batch`.
    """

    def __init__(self, source: EpisodeSource, *, ahead: int = 2, **options: Any) -> None:
        self.waited_seconds = 0.0
        if options.get("guess", True):
            _matting()
        self._source = source
        self._options = options
        self._queue: queue.Queue[Loaded | BaseException] = queue.Queue(maxsize=ahead)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._fill, name="batches", daemon=True)
        self._thread.start()

    def next(self) -> Loaded:
        """The next batch; errors of the databank come out here."""
        start = time.perf_counter()
        item = self._queue.get()
        self.waited_seconds += time.perf_counter() - start
        if isinstance(item, BaseException):
            raise item
        return item

    def close(self) -> None:
        """Ends the thread."""
        self._stopping.set()
        while not self._queue.empty():
            self._queue.get_nowait()
        self._thread.join(timeout=10)

    def _fill(self) -> None:
        try:
            while not self._stopping.is_set():
                episode = next(self._source)
                batch = make_batch(episode, **self._options)
                self._put(Loaded(batch, self._source.state()))
        except BaseException as error:
            self._put(error)

    def _put(self, item: Loaded | BaseException) -> None:
        while not self._stopping.is_set():
            try:
                self._queue.put(item, timeout=0.2)
                return
            except queue.Full:
                continue


def _draw(points: Floats, size: int, original: bool) -> Picture:
    return draw_conditioning(points, size, original=original)


def _pictures(pictures: Picture) -> Tensor:
    return to_tensor(torch.from_numpy(np.ascontiguousarray(pictures)))


def _points(points: Floats) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(points[..., :2], np.float32))
