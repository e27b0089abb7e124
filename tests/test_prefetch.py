"""Items drawn ahead by a thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from enliven.prefetch import prefetch


def test_items_come_in_order_and_all_of_them() -> None:
    assert list(prefetch(iter(range(100)), depth=3)) == list(range(100))


def test_an_error_of_the_source_is_raised_at_its_place() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

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
