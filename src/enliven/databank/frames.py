"""The frames of a databank at hand: decoded once into a memory-mapped cache, or decoded at need."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.lib.format import open_memmap

from enliven.databank.bank import Bank
from enliven.databank.clip import Planes, to_rgb
from enliven.databank.shards import ShotEntry
from enliven.databank.shot import MEASURES
from enliven.errors import DatabankError
from enliven.types import LANDMARK_COUNT, Floats, Picture

Progress = Callable[[int, int], None]
"""Called with frames done and frames in all."""


class FrameStore(Protocol):
    """Frames of the used shots, by the shot's number."""

    def measures(self, shot: int) -> Floats:
        """(N, 5) for the kept frames, see ``shot.MEASURES``."""

    def take(self, shot: int, frames: Sequence[int]) -> tuple[list[Picture], Floats]:
        """The frames as RGB, and their landmarks (n, 478, 3), in the order asked for."""


def kept_frames(count: int, most: int) -> list[int]:
    """At most ``most`` of ``count`` frames, evenly spread."""
    spread = np.linspace(0, count - 1, min(count, most)).round()
    return [int(frame) for frame in np.unique(spread)]


def cache_bytes(entries: list[ShotEntry], most: int, size: int) -> int:
    """What a cache of these shots takes on disk: a byte and a half per pixel, and the landmarks."""
    frames = sum(min(entry.facts.frames, most) for entry in entries)
    return frames * (size * size * 3 // 2 + 4 * (3 * LANDMARK_COUNT + len(MEASURES)))


def open_frames(
    bank: Bank,
    entries: list[ShotEntry],
    split: str,
    most: int,
    cache_gb: float,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> FrameStore:
    """The cache, built when it is not there yet, or a decoder when it would grow beyond ``cache_gb``."""
    if cache_bytes(entries, most, bank.size) > cache_gb * 1e9:
        return DecodedFrames(entries, most)
    folder = (cache or bank.path / "cache") / f"{bank.fingerprint}-{split}-{most}"
    if not folder.exists():
        build_cache(folder, entries, most, bank.size, progress)
    return CachedFrames(folder, bank.size)


class DecodedFrames:
    """Decodes at need: 1 to 3 ms a picture, for databanks larger than a disk."""

    def __init__(self, entries: list[ShotEntry], most: int) -> None:
        self._entries, self._most = entries, most

    def measures(self, shot: int) -> Floats:
        kept = kept_frames(self._entries[shot].facts.frames, self._most)
        return self._entries[shot].measures()[kept]

    def take(self, shot: int, frames: Sequence[int]) -> tuple[list[Picture], Floats]:
        entry = self._entries[shot]
        kept = kept_frames(entry.facts.frames, self._most)
        wanted = [kept[frame] for frame in frames]
        planes = dict(zip(sorted(wanted), entry.planes(wanted), strict=True))
        return [to_rgb(planes[number]) for number in wanted], entry.points()[wanted]


class CachedFrames:
    """Reads a cache folder; the pages stay with the operating system, shared by all processes."""

    def __init__(self, folder: Path, size: int) -> None:
        try:
            self._starts: list[int] = json.loads((folder / "starts.json").read_text())
            count = self._starts[-1]
            shape = (count, size * 3 // 2, size)
            self._planes: Planes = np.memmap(folder / "frames.u8", np.uint8, "r", shape=shape)
            self._points: Floats = np.load(folder / "points.npy", mmap_mode="r", allow_pickle=False)
            self._measures: Floats = np.load(folder / "measures.npy", allow_pickle=False)
        except (OSError, ValueError, IndexError) as error:
            raise DatabankError(
                f"The frame cache {folder} is damaged ({error}). Remove this folder; it is built again."
            ) from None

    def measures(self, shot: int) -> Floats:
        return self._measures[self._starts[shot] : self._starts[shot + 1]]

    def take(self, shot: int, frames: Sequence[int]) -> tuple[list[Picture], Floats]:
        rows = self._starts[shot] + np.asarray(frames, np.int64)
        return [to_rgb(np.ascontiguousarray(self._planes[row])) for row in rows], np.array(self._points[rows])


def build_cache(
    folder: Path, entries: list[ShotEntry], most: int, size: int, progress: Progress | None = None
) -> None:
    """Decode every kept frame into ``folder``; complete or not at all, also when several processes build it."""
    needed = cache_bytes(entries, most, size)
    part = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        part.mkdir(parents=True)
        free = shutil.disk_usage(part).free
        if free < needed:
            raise DatabankError(
                f"The frame cache needs {needed / 1e9:.1f} GB, but {folder.parent} has {free / 1e9:.1f} GB free. "
                "Name another cache folder, or a smaller frames_per_shot or cache_gb."
            )
        _fill(part, entries, most, progress)
        _settle(part, folder)
    except OSError as error:
        raise DatabankError(
            f"The frame cache {folder} could not be written: {error.strerror or error}."
        ) from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _settle(part: Path, folder: Path) -> None:
    try:
        part.replace(folder)
    except OSError:
        if not folder.exists():  # else another process was faster, with the same bytes
            raise


def _fill(part: Path, entries: list[ShotEntry], most: int, progress: Progress | None) -> None:
    starts = [0]
    total = sum(min(entry.facts.frames, most) for entry in entries)
    points = _new_array(part / "points.npy", (total, LANDMARK_COUNT, 3))
    measures = _new_array(part / "measures.npy", (total, len(MEASURES)))
    with (part / "frames.u8").open("wb") as file:
        for entry in entries:
            kept = kept_frames(entry.facts.frames, most)
            for planes in entry.planes(kept):
                file.write(np.ascontiguousarray(planes).tobytes())
            rows = slice(starts[-1], starts[-1] + len(kept))
            points[rows], measures[rows] = entry.points()[kept], entry.measures()[kept]
            starts.append(rows.stop)
            if progress:
                progress(rows.stop, total)
    del points, measures
    (part / "starts.json").write_text(json.dumps(starts))


def _new_array(file: Path, shape: tuple[int, ...]) -> Floats:
    """A .npy on disk, filled row by row, so that memory does not hold it."""
    array: Floats = open_memmap(file, "w+", np.float32, shape)  # type: ignore[no-untyped-call]
    return array
