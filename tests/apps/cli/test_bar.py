"""Ctrl-C while something is shown to move."""

from __future__ import annotations

import subprocess
import sys

SWALLOWED = """
import contextlib, signal
from enliven.apps.cli.progress import FrameProgress
# Where tests run in the background of a shell, it is ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
with FrameProgress("animating", quiet=True) as progress:
    progress.update(1, 10)
    with contextlib.suppress(KeyboardInterrupt):  # as a callback from C does
        signal.raise_signal(signal.SIGINT)
    try:
        progress.update(2, 10)
    except KeyboardInterrupt:
        print("heard")
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
"""


def test_an_interrupt_that_was_swallowed_is_heard_at_the_next_frame() -> None:
    # In a process of its own: test runners have plans for SIGINT too.
    done = subprocess.run([sys.executable, "-c", SWALLOWED], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "heard\n"), done.stderr
