"""Work on the next items while the last one is being used: decoding and tracking beside rendering."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


class _End:
    """Closes the queue; carries the exception that ended the source, if any."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def prefetch(source: Iterable[Item], depth: int = 4) -> Iterator[Item]:
    """The items of ``source`` in order, drawn by a thread of its own, at most ``depth`` ahead.

    An exception of the source is raised here at its place. Closing this iterator early stops the thread
    before it returns, so that files of the source can be closed safely afterwards.
    """
    ahead: queue.Queue[Item | _End] = queue.Queue(maxsize=depth)
    stopped = threading.Event()
    thread = threading.Thread(target=_fill, args=(source, ahead, stopped), daemon=True, name="prefetch")
    thread.start()
    try:
        while not isinstance(item := ahead.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stopped.set()
        thread.join()


def _fill(source: Iterable[Item], ahead: queue.Queue[Item | _End], stopped: threading.Event) -> None:
    error: BaseException | None = None
    try:
        for item in source:
            if not _put(ahead, item, stopped):
                return
    except BaseException as raised:  # handed to the reader, who raises it in the caller's thread
        error = raised
    _put(ahead, _End(error), stopped)


def _put(ahead: queue.Queue[Item | _End], item: Item | _End, stopped: threading.Event) -> bool:
    """False when the reader has gone."""
    while not stopped.is_set():
        try:
            ahead.put(item, timeout=0.1)
        except queue.Full:
            continue
        return True
    return False
