"""Nothing is fetched: the main job works where every connection fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from enliven.assets import builtin_motion, builtin_photo

UNPLUGGED = """
import socket, sys
def refuse(*words, **named):
    raise SystemExit('the program asked for the network')
socket.socket.connect = socket.socket.connect_ex = socket.create_connection = socket.getaddrinfo = refuse
from enliven.apps.cli.main import main
main()
"""


def test_animating_asks_for_no_network(tmp_path: Path) -> None:
    words = ["animate", builtin_photo(), "-d", builtin_motion(), "-o", tmp_path / "out.mp4", "--end", "0.4"]
    done = subprocess.run(
        [sys.executable, "-c", UNPLUGGED, *map(str, words)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.mp4").exists()
