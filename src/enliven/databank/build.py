"""Raw videos to a databank. Stop it and run it again: what is done stays done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from enliven.databank.bank import create_bank
from enliven.databank.build_settings import BuildSettings, keep_settings
from enliven.databank.crew import Crew, OwnProcess, RayCrew
from enliven.databank.pack import groups, tidy
from enliven.databank.process import marker_of
from enliven.databank.report import BuildReport, write_report
from enliven.databank.sources import IdentityTable, SourceVideo, find_videos
from enliven.errors import DatabankError


@dataclass(frozen=True)
class Labour:
    """Where the work is done."""

    workers: int | None = None
    """Local processes; None is one per core, 0 and 1 stay in this process."""
    ray_address: str | None = None
    """Of a Ray cluster, which then does the work."""

    def crew(self, settings: BuildSettings, bank: Path) -> OwnProcess | RayCrew:
        """To be used in a ``with``."""
        if self.ray_address is None and self.workers in {0, 1}:
            return OwnProcess(settings, bank)
        return RayCrew(settings, bank, self.workers, self.ray_address)


Progress = Callable[[int, int, int], None]
"""Called with videos done, videos in all, shots kept in this run."""


def build_bank(
    inputs: Sequence[Path],
    bank: Path,
    settings: BuildSettings,
    labour: Labour,
    *,
    identities: Path | None = None,
    progress: Progress | None = None,
) -> BuildReport:
    """Cut all videos into shots and write ``bank``; resumes where it was stopped.

    ``identities``: a csv, see :class:`IdentityTable`. Raises DatabankError for inputs that are not there, no
    video at all, settings unlike those of the time before, and a full disk.
    """
    total = sum(1 for _ in find_videos(inputs))
    if total == 0:
        raise DatabankError(
            f"There is no video and no folder of frames in {', '.join(map(str, inputs))}. Name videos or folders."
        )
    shards = create_bank(bank, settings.size)
    keep_settings(bank, settings)
    for folder in ("parts", "videos"):
        (bank / folder).mkdir(exist_ok=True)
    tidy(bank / "parts", shards)
    table = IdentityTable(identities, bank / ".identities.sqlite") if identities else None
    work: AbstractContextManager[object] = table or nullcontext()
    with work, labour.crew(settings, bank) as crew:
        named = (table.name(video) if table else video for video in find_videos(inputs))
        crashed = _work_through(named, total, bank, crew, progress)
        crew.pack(list(groups(bank / "parts", full_only=False)), shards)
    return write_report(bank, crashed)


def _work_through(
    videos: Iterable[SourceVideo], total: int, bank: Path, crew: Crew, progress: Progress | None
) -> list[str]:
    """Everything that is not done yet; the names of the videos whose workers died."""
    count = _Count(total, progress)
    crashed: list[str] = []
    for window in _windows(_undone(videos, bank, count), crew.window):
        waiting = {video.digest: video.name for video in window}
        for outcome in crew.process(window):
            if outcome.fatal:
                raise DatabankError(outcome.fatal)
            waiting.pop(outcome.digest, None)
            count.add(outcome.shots)
        crashed += waiting.values()
        crew.pack(list(groups(bank / "parts", full_only=True)), bank / "shards")
    return crashed


class _Count:
    """Tells the progress bar."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._total, self._progress = total, progress
        self._done = self._shots = 0

    def add(self, shots: int) -> None:
        self._done += 1
        self._shots += shots
        if self._progress:
            self._progress(self._done, self._total, self._shots)


def _undone(videos: Iterable[SourceVideo], bank: Path, count: _Count) -> Iterator[SourceVideo]:
    for video in videos:
        if marker_of(bank, video.digest).exists():
            count.add(0)
        else:
            yield video


def _windows(videos: Iterator[SourceVideo], size: int) -> Iterator[list[SourceVideo]]:
    while window := list(islice(videos, size)):
        yield window
