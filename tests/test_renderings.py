"""Frames under way in two threads: none is lost, swapped or dependent on which thread is quicker."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from enliven.compositing.paste import Paster
from enliven.geometry import Similarity
from enliven.portrait import Portrait
from enliven.renderings import Renderings
from enliven.settings import AnimateSettings
from enliven.stopwatch import Stopwatch
from enliven.types import FaceCrop, Floats, Landmarks, Motion, Rendering

COUNT = 12


class Engine:
    """Its rendering says which frame it is of; either half may dawdle."""

    name = "stub"

    def __init__(self, mesh_s: float = 0.0, networks_s: float = 0.0) -> None:
        self.mesh_s, self.networks_s = mesh_s, networks_s
        self.sent: list[Floats] = []

    def begin(self, points: Floats) -> Callable[[], Rendering]:
        time.sleep(self.mesh_s)
        self.sent.append(points)
        return lambda: self._finish(points)

    def render(self, points: Floats) -> Rendering:
        return self.begin(points)()

    def _finish(self, points: Floats) -> Rendering:
        time.sleep(self.networks_s)
        if points[0, 0] < 0:
            raise ValueError("no such place")
        return Rendering(np.full((2, 2, 2), points[0, 0], np.float32), FaceCrop(Similarity(), 2))


class Aim:
    """Adds one to the first coordinate for every result that it was shown."""

    def __init__(self, *_: object, **__: object) -> None:
        self.shown = 0

    def __enter__(self) -> Aim:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def aimed(self, points: Floats) -> Floats:
        return points + np.float32(1000 * self.shown)

    def is_new(self, points: Floats) -> bool:
        return True

    def learn(self, points: Floats, sent: Floats, result: object) -> None:
        assert (sent - points)[0, 0] % 1000 == 0
        self.shown += 1


def motions(count: int = COUNT) -> Iterator[Motion]:
    for n in range(count):
        yield cast(Motion, SimpleNamespace(points=np.full((478, 3), n, np.float32), time=Fraction(n, 25)))


def renderings(engine: Engine, **settings: Any) -> Renderings:
    portrait = SimpleNamespace(
        landmarks=Landmarks(np.zeros((478, 3), np.float32), (8, 8)), from_photo=lambda points: points
    )
    paster = Paster(np.zeros((8, 8, 3), np.uint8))
    return Renderings(engine, cast(Portrait, portrait), paster, AnimateSettings(**settings), Stopwatch())


@pytest.mark.parametrize(("mesh_s", "networks_s"), [(0.004, 0.0), (0.0, 0.004)])
def test_every_frame_comes_once_and_in_order(mesh_s: float, networks_s: float) -> None:
    made = list(renderings(Engine(mesh_s, networks_s), aim=False).of(motions()))
    assert [float(each.rendering.flow[0, 0, 0]) for each in made] == list(range(COUNT))
    assert [each.time for each in made] == [Fraction(n, 25) for n in range(COUNT)]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_short_motions_end(count: int) -> None:
    assert len(list(renderings(Engine(), aim=False).of(motions(count)))) == count


def test_what_is_learned_counts_from_the_next_but_one_frame_on_however_quick_each_half_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("enliven.renderings.Aim", Aim)
    for engine in (Engine(0.004, 0.0), Engine(0.0, 0.004)):
        made = list(renderings(engine).of(motions()))
        assert all(
            each.picture is not None for each in made
        )  # what the aim looked at is not pasted once more
        learned = [int(points[0, 0]) // 1000 for points in engine.sent]
        assert learned == [0, 0, *range(1, COUNT - 1)]


def test_the_halves_overlap() -> None:
    engine = Engine(0.02, 0.02)
    began = time.perf_counter()
    list(renderings(engine, aim=False).of(motions()))
    side_by_side = time.perf_counter() - began
    began = time.perf_counter()
    for motion in motions():
        engine.render(motion.points)
    assert side_by_side < 0.8 * (time.perf_counter() - began)


def test_an_error_of_the_networks_arrives_at_its_place() -> None:
    def going_wrong() -> Iterator[Motion]:
        yield from motions(3)
        yield cast(Motion, SimpleNamespace(points=np.full((478, 3), -1, np.float32), time=Fraction(1)))
        yield from motions(3)

    going = renderings(Engine(), aim=False).of(going_wrong())
    assert len([next(going) for _ in range(3)]) == 3
    with pytest.raises(ValueError, match="no such place"):
        next(going)


def test_closing_early_leaves_no_thread_at_work() -> None:
    engine = Engine(0.0, 0.01)
    going = renderings(engine, aim=False).of(motions())
    next(going)
    going.close()
    begun = len(engine.sent)
    time.sleep(0.05)
    assert len(engine.sent) == begun <= 3
