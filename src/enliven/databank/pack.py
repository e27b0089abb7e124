"""The parts of single videos become shards of a size that file systems and networks like."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from enliven.databank.shards import ShardWriter, index_of, read_index

SHARD_BYTES = 256_000_000
"""A part that fills a shard up to here closes it."""


def groups(parts: Path, *, full_only: bool) -> Iterator[list[Path]]:
    """Which parts go together; the last group is left for later when ``full_only``."""
    group, size = [], 0
    for part in sorted(parts.glob("*.tar")):
        group.append(part)
        size += part.stat().st_size
        if size >= SHARD_BYTES:
            yield group
            group, size = [], 0
    if group and not full_only:
        yield group


def pack(parts: list[Path], shards: Path) -> Path:
    """One shard of these parts, byte for byte; then the parts disappear."""
    name = hashlib.sha256(" ".join(part.stem for part in parts).encode()).hexdigest()[:12]
    shard = shards / f"shard-{name}.tar"
    with ShardWriter(shard) as writer:
        for part in parts:
            for entry in read_index(part):
                writer.copy(entry)
    for part in parts:
        _remove(part)
    return shard


def tidy(parts: Path, shards: Path) -> None:
    """After a stop at a bad moment: half-written files go, and parts that already lie in a shard."""
    for folder in (parts, shards):
        for unfinished in folder.glob(".*.part"):
            unfinished.unlink()
    left = {part.stem: part for part in parts.glob("*.tar")}
    if not left:
        return
    for shard in shards.glob("*.tar"):
        for entry in read_index(shard):
            part = left.pop(entry.facts.key.rsplit("-", 1)[0], None)
            if part is not None:
                _remove(part)


def _remove(part: Path) -> None:
    part.unlink(missing_ok=True)
    index_of(part).unlink(missing_ok=True)
