"""Thread pools of libraries that spin while they wait, kept from taking the cores of those that work.

The rooms of the main job have threads of their own, one a stage. Beside them the pools of BLAS and OpenCV bring
nothing on few cores, and their idle threads ask the system for a turn over and over: a third of all processor time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
from threadpoolctl import threadpool_limits

STAGES = 4
"""Threads that are busy at once while a video is made: tracking, mesh, networks, picture."""


@contextmanager
def quiet_pools() -> Iterator[None]:
    """One thread for BLAS, for OpenCV the cores that the stages leave over (at least one), in the whole process.

    What was set before is set again at the end.
    """
    before = cv2.getNumThreads()
    with threadpool_limits(limits=1, user_api="blas"):
        cv2.setNumThreads(max(1, min(before, (os.cpu_count() or 1) - STAGES)))
        try:
            yield
        finally:
            cv2.setNumThreads(before)
