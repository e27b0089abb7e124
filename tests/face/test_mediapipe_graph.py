"""What making MediaPipe's graphs leaves behind in the process."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

from enliven.face.mediapipe_graph import _quiet


def test_graphs_made_in_several_threads_leave_stderr_where_it_was() -> None:
    """A driver is followed while the photo is read; once both were silenced, errors had no words any more."""
    before = os.fstat(2)
    all_here = threading.Barrier(4)

    def silenced(wait: float) -> None:
        all_here.wait(10)
        with _quiet():
            threading.Event().wait(wait)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(silenced, (0.05, 0.02, 0.04, 0.01)))
    after = os.fstat(2)
    assert (after.st_dev, after.st_ino) == (before.st_dev, before.st_ino)
