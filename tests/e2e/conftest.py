"""Runs the program as a person does: as a process, on the built-in photo and motion."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def config_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("config")


@pytest.fixture(scope="session")
def enliven(config_folder: Path) -> Run:
    """``enliven("animate", photo, ...)`` -> the finished process, terms accepted, its own config folder."""
    environment = os.environ | {
        "ENLIVEN_ACCEPT_TERMS": "1",
        "ENLIVEN_CONFIG_DIR": str(config_folder),
        "COLUMNS": "120",
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
