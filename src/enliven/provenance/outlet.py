"""The one way out: every picture is marked and every file signed here, so that neither can be forgotten.

Each frame gets the invisible watermark (and the visible label if asked for); the finished temporary file is
signed before it gets its name, so that a result is complete and signed, or absent.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from fractions import Fraction
from pathlib import Path
from types import TracebackType

from enliven.errors import OutputError
from enliven.media.audio import Sound
from enliven.media.writer import check_output as check_written
from enliven.media.writer import open_writer
from enliven.provenance.credentials import find_credentials
from enliven.provenance.label import Label
from enliven.provenance.manifest import Making, Provenance, making_of
from enliven.provenance.signing import BESIDE, Signatory
from enliven.provenance.watermark import Watermark
from enliven.types import Frame, Picture

__all__ = ["Marker", "Outlet", "Provenance", "check_output", "open_marker", "open_output"]

SIDECAR = ".c2pa"


class Marker:
    """Marks pictures of one size: the label where it is wanted, then the watermark."""

    def __init__(self, making: Making, size_wh: tuple[int, int]) -> None:
        self._label = Label(size_wh) if making.provenance.label else None
        self._watermark = Watermark(making.payload, size_wh)

    def mark(self, picture: Picture) -> Picture:
        """A marked copy of an RGB uint8 picture (H, W, 3)."""
        shown = self._label.show(picture) if self._label else picture
        return self._watermark.mark(shown)


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
        check_output(path, overwrite=overwrite)
        credentials = find_credentials(provenance.cert, provenance.key)
        making = making_of(provenance, credentials.key_id)
        self._signatory = Signatory(credentials, making)
        self._marker = Marker(making, size_wh)
        self._path = path
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
        self._writer.seal = self._sign
        self._writer.notes.extend(credentials.warnings)

    @property
    def size_wh(self) -> tuple[int, int]:
        """Of what is written."""
        return self._writer.size_wh

    @property
    def notes(self) -> list[str]:
        """What the user should know about how it was written."""
        return self._writer.notes

    def write(self, frame: Frame) -> None:
        """Append one frame, marked. Raises OutputError when it cannot be written."""
        self._writer.write(frame.with_image(self._marker.mark(frame.image)))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.__exit__(kind, error, trace)

    def _sign(self, temporary: Path) -> None:
        """Sign what is complete but has not its name yet."""
        kind = self._path.suffix.lower()
        if temporary.is_dir():
            for frame in sorted(temporary.glob("*.png")):
                title = f"{self._path.name}/{frame.name}"
                frame.write_bytes(self._signatory.signed(frame.read_bytes(), frame.suffix, title=title))
        elif kind in BESIDE:
            manifest = self._signatory.manifest_beside(temporary, kind=kind, title=self._path.name)
            self._writer.keep_beside(sidecar_of(self._path), manifest)
        else:
            self._signatory.sign(temporary, title=self._path.name)


def sidecar_of(path: Path) -> Path:
    """Where the manifest of a file lies that cannot hold it, by C2PA's custom."""
    return path.with_suffix(SIDECAR)


def check_output(path: Path, *, overwrite: bool) -> None:
    """Raises OutputError early for what could never be written."""
    check_written(path, overwrite=overwrite)
    if path.suffix.lower() in BESIDE and sidecar_of(path).exists() and not overwrite:
        raise OutputError(
            f"{sidecar_of(path)} exists, where the credentials of {path.name} would lie. Choose another name, "
            "or pass --overwrite to replace it."
        )


def open_marker(size_wh: tuple[int, int], provenance: Provenance) -> Marker:
    """A marker for pictures that go to no file. Raises ProvenanceError without usable credentials."""
    credentials = find_credentials(provenance.cert, provenance.key)
    return Marker(making_of(provenance, credentials.key_id), size_wh)


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
    OutputError when ``path`` exists, its folder is missing or not writable, or its suffix is unknown, and
    ProvenanceError when the credentials cannot sign.
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
