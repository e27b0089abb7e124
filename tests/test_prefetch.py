"""Items drawn ahead by a thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from enliven.prefetch import Prefetched, prefetch


def test_items_come_in_order_and_all_of_them() -> None:
    assert list(prefetch(iter(range(100)), depth=3)) == list(range(100))


def broken() -> Iterator[int]:
    yield 1
    raise ValueError("broken")


def test_an_error_of_the_source_is_raised_at_its_place() -> None:
    items = prefetch(broken())
    assert next(items) == 1
    with pytest.raises(ValueError, match="broken"):
        next(items)


def test_closing_early_stops_the_thread() -> None:
    before = threading.active_count()
    items = prefetch(iter(range(10_000)), depth=2)
    next(items)
    items.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before


def test_never_more_than_depth_items_wait() -> None:
    drawn = []

    def source() -> Iterator[int]:
        for i in range(50):
            drawn.append(i)
            yield i

    for used, _ in enumerate(prefetch(source(), depth=4), start=1):
        assert len(drawn) <= used + 4 + 2


def test_drawing_begins_before_anybody_asks() -> None:
    drawn = threading.Event()

    def source() -> Iterator[int]:
        drawn.set()
        yield 1

    with Prefetched(source()) as items:
        assert drawn.wait(5.0)
        assert list(items) == [1]


def test_closing_before_the_first_item_stops_the_thread_and_closes_the_source_in_it() -> None:
    before, closed_in = threading.active_count(), []

    def source() -> Iterator[int]:
        try:
            yield from range(10_000)
        finally:
            closed_in.append(threading.current_thread().name)

    items = Prefetched(source(), depth=2)
    items.close()
    assert threading.active_count() == before
    assert closed_in == ["prefetch"]
    assert list(items) == []


def test_an_error_is_raised_once_and_then_there_is_nothing_more() -> None:
    items = Prefetched(broken())
    assert next(items) == 1
    with pytest.raises(ValueError, match="broken"):
        next(items)
    assert list(items) == []


def test_closing_wakes_who_is_waiting_for_an_item() -> None:
    """Another thread that asked for an item which never came once waited for ever, and with it who waited for that."""
    goes_on = threading.Event()

    def source() -> Iterator[int]:
        yield 1
        goes_on.wait(10)
        yield 2

    items, found = Prefetched(source()), []
    waiting = threading.Thread(target=lambda: found.extend(items), daemon=True)
    waiting.start()
    closing = threading.Thread(target=items.close)
    closing.start()
    assert items._stopped.wait(5)
    goes_on.set()
    for thread in (closing, waiting):
        thread.join(5)
        assert not thread.is_alive()
    assert found in ([], [1])
