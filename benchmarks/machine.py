"""What a figure needs beside it: the commit and the machine it was measured on."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path


def stamp() -> dict[str, object]:
    """Commit, processor, cores."""
    return {"commit": _commit(), "cpu": _processor(), "cores": os.cpu_count()}


def _commit() -> str:
    root = Path(__file__).parents[1]
    run = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=root, capture_output=True, text=True, check=False
    )
    return run.stdout.strip() or "unknown"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
