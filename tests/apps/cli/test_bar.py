"""Ctrl-C while something is shown to move."""

from __future__ import annotations

import contextlib
import signal

import pytest

from enliven.apps.cli.progress import FrameProgress


def test_an_interrupt_that_was_swallowed_is_heard_at_the_next_frame() -> None:
    # Where tests run in the background of a shell, it is ignored.
    found = signal.signal(signal.SIGINT, signal.default_int_handler)
    with FrameProgress("animating", quiet=True) as progress:
        progress.update(1, 10)
        with contextlib.suppress(KeyboardInterrupt):  # as a callback from C does
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            progress.update(2, 10)
    assert signal.signal(signal.SIGINT, found) is signal.default_int_handler
