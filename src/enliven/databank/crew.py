"""Who does the work: this process, the cores of this machine, or a cluster; always by the same function."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from enliven.databank.build_settings import BuildSettings
from enliven.databank.pack import pack
from enliven.databank.process import Outcome, process_video
from enliven.databank.sources import SourceVideo
from enliven.errors import DatabankError, MissingExtraError

_WINDOW_PER_CORE = 64
_LEAST_WINDOW = 1024
_OBJECT_STORE_BYTES = 200_000_000
"""Only names and counts travel; pixels go from the worker to the disk."""


class Crew(Protocol):
    """Does videos and packs parts; anything it cannot finish simply does not come back."""

    window: int
    """So many videos are handed over at a time."""

    def process(self, videos: list[SourceVideo]) -> Iterator[Outcome]:
        """Outcomes in the order in which they are ready."""

    def pack(self, groups: list[list[Path]], shards: Path) -> None:
        """One shard per group."""


class OwnProcess(AbstractContextManager["OwnProcess"]):
    """One video after the other, here; for debugging and small banks."""

    window = 16

    def __init__(self, settings: BuildSettings, bank: Path) -> None:
        self._settings, self._bank = settings, bank

    def process(self, videos: list[SourceVideo]) -> Iterator[Outcome]:
        """In the order given."""
        for video in videos:
            yield process_video(video, self._settings, self._bank)

    def pack(self, groups: list[list[Path]], shards: Path) -> None:
        """One shard per group."""
        for group in groups:
            pack(group, shards)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class RayCrew(AbstractContextManager["RayCrew"]):
    """Ray Data: one task per video, so that a worker that dies takes one video with it."""

    def __init__(self, settings: BuildSettings, bank: Path, workers: int | None, address: str | None) -> None:
        """``workers``: local cores, None for all; with ``address`` the cluster's own.

        Raises MissingExtraError without Ray, DatabankError when the cluster does not answer.
        """
        self._settings, self._bank = settings, bank
        try:
            import ray
            import ray.data
        except ModuleNotFoundError:
            raise MissingExtraError("Building a databank with several workers", "databank") from None
        except ImportError as error:
            raise DatabankError(
                f"Ray Data is installed, but does not load ({error}). "
                "Install the versions in constraints.txt, or work in one process with --workers 1."
            ) from None
        self._ray = ray
        self._start(workers, address)
        ray.data.DataContext.get_current().enable_progress_bars = False
        ray.data.DataContext.get_current().max_errored_blocks = -1
        logging.getLogger("ray.data").setLevel(logging.CRITICAL)
        cores = int(ray.cluster_resources().get("CPU", 1))
        self.window = max(_LEAST_WINDOW, _WINDOW_PER_CORE * cores)

    def _start(self, workers: int | None, address: str | None) -> None:
        quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # silences a warning about GPUs
        if address is None:
            cores = workers or os.cpu_count()
            self._ray.init(
                num_cpus=cores, include_dashboard=False, object_store_memory=_OBJECT_STORE_BYTES, **quiet
            )
            return
        try:
            self._ray.init(address=address, **quiet)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise DatabankError(
                f"No Ray cluster answers at {address} ({str(error).splitlines()[0]}). "
                "Start one with `ray start --head`, or leave --ray-address out."
            ) from None

    def process(self, videos: list[SourceVideo]) -> Iterator[Outcome]:
        """A video that kills its workers is given up by :func:`process_video` itself."""
        settings, bank = self._settings, self._bank

        def work(row: dict[str, Any]) -> dict[str, Any]:
            outcome = process_video(SourceVideo(**json.loads(row["work"])), settings, bank)
            return {"done": json.dumps(outcome.to_json())}

        for row in self._each([json.dumps(asdict(video)) for video in videos], work):
            yield Outcome(**json.loads(row["done"]))

    def pack(self, groups: list[list[Path]], shards: Path) -> None:
        """One task per shard. Raises DatabankError when one was not written."""

        def work(row: dict[str, Any]) -> dict[str, Any]:
            return {"done": str(pack([Path(part) for part in json.loads(row["work"])], shards))}

        done = list(self._each([json.dumps([str(part) for part in group]) for group in groups], work))
        if len(done) != len(groups):
            raise DatabankError(
                f"{len(groups) - len(done)} of {len(groups)} shards in {shards} could not be written. "
                "Look for free space there and run the same command again; finished videos are kept."
            )

    def _each(self, items: list[str], work: Any) -> Iterator[dict[str, Any]]:
        """``work`` on every item in a task of its own, which Ray starts again when its worker dies."""
        if not items:
            return
        rows = self._ray.data.from_items([{"work": item} for item in items], override_num_blocks=len(items))
        yield from rows.map(work, num_cpus=1).iter_rows()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ray.shutdown()
