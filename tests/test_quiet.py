"""Pools of threads that others own, while the stages of the main job need the cores."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from threadpoolctl import threadpool_info

from enliven import quiet
from enliven.quiet import quiet_pools


def blas_threads() -> list[int]:
    np.linalg.norm(np.ones((3, 3)))
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_inside_there_is_one_thread_for_matrices_and_afterwards_what_was_before() -> None:
    before = blas_threads()
    assert before, "numpy's BLAS is seen at all"
    with quiet_pools():
        assert set(blas_threads()) == {1}
    assert blas_threads() == before


@pytest.mark.parametrize(("cores", "allowed", "left"), [(2, 2, 1), (4, 4, 1), (16, 16, 12), (16, 3, 3)])
def test_opencv_gets_the_cores_that_the_stages_leave(
    monkeypatch: pytest.MonkeyPatch, cores: int, allowed: int, left: int
) -> None:
    before = cv2.getNumThreads()
    monkeypatch.setattr(quiet.os, "cpu_count", lambda: cores)
    cv2.setNumThreads(allowed)
    try:
        with quiet_pools():
            assert cv2.getNumThreads() == left
        assert cv2.getNumThreads() == allowed
    finally:
        cv2.setNumThreads(before)


def test_an_error_inside_leaves_nothing_changed() -> None:
    before = cv2.getNumThreads(), blas_threads()
    with pytest.raises(KeyError), quiet_pools():
        raise KeyError
    assert (cv2.getNumThreads(), blas_threads()) == before


def test_two_that_overlap_leave_what_was_before_the_first() -> None:
    before = cv2.getNumThreads(), blas_threads()
    first, second = quiet_pools(), quiet_pools()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert set(blas_threads()) == {1}
    second.__exit__(None, None, None)
    assert (cv2.getNumThreads(), blas_threads()) == before
