"""Runs the program as a person does: as a process, on the built-in photo and motion."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def enliven() -> Run:
    """``enliven("animate", photo, ...)`` -> the finished process."""
    environment = os.environ | {
        "COLUMNS": "120",
        "ENLIVEN_ACCEPT_TERMS": "1",
    }

    def run(*words: object, timeout: float = 120.0, **extra: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "enliven", *map(str, words)],
            capture_output=True,
            text=True,
            timeout=timeout,
            env=environment | extra,
            check=False,
        )

    return run
