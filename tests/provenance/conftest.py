"""Every test signs as a new user."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The config folder of somebody who never used the program; it does not exist yet."""
    folder = tmp_path / "user"
    monkeypatch.setenv("ENLIVEN_CONFIG", str(folder))
    monkeypatch.delenv("ENLIVEN_ACCEPT_TERMS", raising=False)
    return folder
