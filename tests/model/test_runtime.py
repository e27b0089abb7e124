"""What the graphs leave behind in the process that runs them."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # where it was ignored, that is inherited
from enliven.assets import builtin_weights
from enliven.model.runtime import Graphs
first, second = (Graphs(builtin_weights(), threads=1) for _ in range(2))
del first
del second
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print("heard")
"""


def test_ctrl_c_is_heard_after_graphs_are_gone_in_the_order_they_came() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT], check=False, capture_output=True, text=True, timeout=120
    )
    assert (ended.returncode, ended.stdout) == (0, "heard\n"), ended.stderr
