"""Thread pools of libraries that spin while they wait, kept from taking the cores of those that work.

The rooms of the main job have threads of their own, one a stage. Beside them the pools of BLAS and OpenCV bring
nothing on few cores, and their idle threads ask the system for a turn over and over: a third of all processor time.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import cv2
from threadpoolctl import threadpool_limits

_STAGES = 4
"""Threads that are busy at once while a video is made: tracking, mesh, networks, picture."""


class _Pools:
    """The pools of this process, held back while anybody wants it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._undo = ExitStack()
        self._inside = 0

    def enter(self) -> None:
        with self._lock:
            if not self._inside:
                self._hold_back()
            self._inside += 1

    def leave(self) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._undo.close()

    def _hold_back(self) -> None:
        before = cv2.getNumThreads()
        self._undo.callback(cv2.setNumThreads, before)
        self._undo.enter_context(threadpool_limits(limits=1, user_api="blas"))
        cv2.setNumThreads(max(1, min(before, (os.cpu_count() or 1) - _STAGES)))


_POOLS = _Pools()


@contextmanager
def quiet_pools() -> Iterator[None]:
    """One thread for BLAS, for OpenCV the cores that the stages leave over (at least one), in the whole process.

    What was set before the first one came is set again when the last one goes, in whatever order they do.
    """
    _POOLS.enter()
    try:
        yield
    finally:
        _POOLS.leave()
