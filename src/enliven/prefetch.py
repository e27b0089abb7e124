"""Work on the next items while the last one is being used: decoding and tracking beside rendering."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Generic, TypeVar

Item = TypeVar("Item")


class _End:
    """Closes the queue; carries the exception that ended the source, if any."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class Prefetched(Generic[Item]):
    """The items of ``source`` in order, drawn by a thread of its own from now on, at most ``depth`` ahead.

    An exception of the source is raised here at its place. Closing stops the thread before it returns, and closes a
    generator in the thread that ran it, so that files of the source can be closed safely afterwards.
    """

    def __init__(self, source: Iterable[Item], depth: int = 4) -> None:
        self._ahead: queue.Queue[Item | _End] = queue.Queue(maxsize=depth)
        self._stopped = threading.Event()
        self._ended: _End | None = None
        self._thread = threading.Thread(
            target=_fill, args=(source, self._ahead, self._stopped), daemon=True, name="prefetch"
        )
        self._thread.start()

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        if self._ended is None:
            item = self._ahead.get()
            if not isinstance(item, _End):
                return item
            self._ended = item
            if item.error is not None:
                raise item.error
        raise StopIteration

    def close(self) -> None:
        """No more items are drawn, and whoever waits for one finds the end; may be called twice."""
        self._stopped.set()
        self._thread.join()
        with suppress(queue.Empty):
            while True:
                self._ahead.get_nowait()
        self._ahead.put_nowait(_End(None))

    def __enter__(self) -> Prefetched[Item]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def prefetch(source: Iterable[Item], depth: int = 4) -> Iterator[Item]:
    """Like :class:`Prefetched`, from the first item on that is asked for; closed with the iterator."""
    with Prefetched(source, depth) as ahead:
        yield from ahead


def _fill(source: Iterable[Item], ahead: queue.Queue[Item | _End], stopped: threading.Event) -> None:
    error: BaseException | None = None
    try:
        for item in source:
            if not _put(ahead, item, stopped):
                break
        if isinstance(source, Generator):
            source.close()
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
