"""The one way out: every result leaves through here, so that marking cannot be forgotten.

Today a result carries a plain statement in its metadata that it was made; signed credentials and the
invisible watermark will be added at this door and nowhere else.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType

from enliven.media.audio import Sound
from enliven.media.writer import check_output, open_writer
from enliven.types import Frame

__all__ = ["Outlet", "Provenance", "check_output", "open_output"]


@dataclass(frozen=True)
class Provenance:
    """What a result says about how it was made."""

    engine: str = ""
    consent: str = ""
    """Who agreed and how, in the user's words."""
    subject: str = ""
    """Whom the photo shows, in the user's words."""

    def statement(self) -> str:
        """One sentence for the file's metadata."""
        parts = [f"Made with enliven (engine {self.engine}): a photo moved by another face's landmarks."]
        if self.subject:
            parts.append(f"Subject: {self.subject}.")
        if self.consent:
            parts.append(f"Consent: {self.consent}.")
        return " ".join(parts)


class Outlet(AbstractContextManager["Outlet"]):
    """Takes frames; the file appears complete when the block ends, or not at all."""

    def __init__(
        self,
        path: Path,
        *,
        size_wh: tuple[int, int],
        rate: Fraction | None,
        time_base: Fraction | None,
        sound: Sound | None,
        overwrite: bool,
        provenance: Provenance,
        threads: int,
    ) -> None:
        self._writer = open_writer(
            path,
            size_wh=size_wh,
            rate=rate,
            time_base=time_base,
            sound=sound,
            overwrite=overwrite,
            threads=threads,
            statement=provenance.statement(),
        )

    @property
    def size_wh(self) -> tuple[int, int]:
        """Of what is written."""
        return self._writer.size_wh

    @property
    def notes(self) -> list[str]:
        """What the user should know about how it was written."""
        return self._writer.notes

    def write(self, frame: Frame) -> None:
        """Append one frame. Raises OutputError when it cannot be written."""
        self._writer.write(frame)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.__exit__(kind, error, trace)


def open_output(
    path: Path,
    *,
    size_wh: tuple[int, int],
    rate: Fraction | None,
    time_base: Fraction | None = None,
    sound: Sound | None = None,
    overwrite: bool = False,
    provenance: Provenance | None = None,
    threads: int = 0,
) -> Outlet:
    """A place for results: .mp4, .webm, .gif, or a folder of PNG frames.

    ``rate``: average frames a second; ``time_base``: frame times are whole multiples of it. Raises
    OutputError when ``path`` exists, its folder is missing or not writable, or its suffix is unknown.
    """
    return Outlet(
        path,
        size_wh=size_wh,
        rate=rate,
        time_base=time_base,
        sound=sound,
        overwrite=overwrite,
        provenance=provenance or Provenance(),
        threads=threads,
    )
