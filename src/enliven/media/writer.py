"""Frames and sound to a file: finished or absent, never half."""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from abc import abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from fractions import Fraction
from pathlib import Path
from types import TracebackType

from enliven.errors import OutputError
from enliven.media.audio import Sound
from enliven.types import Frame

VIDEO_SUFFIXES = (".mp4", ".webm", ".gif")


class Writer(AbstractContextManager["Writer"]):
    """Takes frames; :meth:`finish` makes the file appear, :meth:`abort` leaves nothing behind.

    As a context manager it does the one or the other, by whether an exception passes.
    """

    size_wh: tuple[int, int]
    """Of what is written: even where the codec wants it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        part = f".{path.stem}.{uuid.uuid4().hex[:8]}.part{path.suffix}"
        self.temporary = path.with_name(part)
        self.notes: list[str] = []
        """What the user should know about how it was written."""
        self.seal: Callable[[Path], None] | None = None
        """Called with the complete file before it gets its name; may change it, or raise to refuse it."""
        self._done = False
        self._beside: dict[Path, Path] = {}  # final name -> temporary file

    @abstractmethod
    def write(self, frame: Frame) -> None:
        """Append one frame; its time must lie after the last one's. Raises OutputError when it cannot."""

    @abstractmethod
    def close(self) -> None:
        """Complete the temporary file; it is not renamed yet."""

    @abstractmethod
    def discard(self) -> None:
        """Release what is open without completing it."""

    def keep_beside(self, path: Path, content: bytes) -> None:
        """A small file that appears together with this one. Raises OSError."""
        self._beside[path] = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
        self._beside[path].write_bytes(content)

    def finish(self) -> None:
        """Complete the file, let ``seal`` work on it, and give it its name."""
        try:
            self.close()
            if self.seal is not None:
                self.seal(self.temporary)
            if self.path.is_dir() and self.temporary.is_dir():
                shutil.rmtree(self.path)
            for path, temporary in self._beside.items():
                temporary.replace(path)
            self.temporary.replace(self.path)
        except OSError as error:
            self.abort()
            raise not_written(self.path, error) from None
        except BaseException:
            self.abort()
            raise
        self._done = True

    def abort(self) -> None:
        """Remove every trace."""
        self._done = True
        self.discard()
        for beside in self._beside.values():
            beside.unlink(missing_ok=True)
        if self.temporary.is_dir():
            shutil.rmtree(self.temporary, ignore_errors=True)
        else:
            self.temporary.unlink(missing_ok=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._done:
            return
        if error is None:
            self.finish()
        else:
            self.abort()


def open_writer(
    path: Path,
    *,
    size_wh: tuple[int, int],
    rate: Fraction | None,
    time_base: Fraction | None = None,
    sound: Sound | None = None,
    overwrite: bool = False,
    threads: int = 0,
    statement: str = "",
) -> Writer:
    """A writer for .mp4, .webm, .gif, or a folder of PNG frames (a path without a suffix).

    ``rate``: average frames a second, for the last frame's length; ``time_base``: frame times are whole
    multiples of it; ``statement``: kept in the file's metadata. Raises OutputError when ``path`` exists,
    cannot be written or has an unknown suffix.
    """
    check_output(path, overwrite=overwrite)
    suffix = path.suffix.lower()
    if suffix == ".gif":
        from enliven.media.gif_writer import GifWriter

        return GifWriter(path, size_wh, rate, sound, statement)
    if suffix in VIDEO_SUFFIXES:
        from enliven.media.video_writer import VideoFileWriter

        return VideoFileWriter(path, size_wh, rate, time_base, sound, threads, statement)
    from enliven.media.folder_writer import FolderWriter

    return FolderWriter(path, size_wh, sound, statement)


def check_output(path: Path, *, overwrite: bool) -> None:
    """Raises OutputError early for what could never be written."""
    suffix = path.suffix.lower()
    if suffix and suffix not in VIDEO_SUFFIXES:
        raise OutputError(
            f"'{suffix}' is not a kind of output that is known. Use {', '.join(VIDEO_SUFFIXES)}, "
            "or a name without a suffix for a folder of PNG frames."
        )
    if path.exists():
        if not overwrite:
            raise OutputError(f"{path} exists. Choose another name, or pass --overwrite to replace it.")
        if path.is_dir() != (suffix == ""):
            raise OutputError(f"{path} is {'a folder' if path.is_dir() else 'a file'}; it is not replaced.")
        if path.is_dir() and not _is_frame_folder(path):
            raise OutputError(
                f"{path} holds other things than frames; it is not replaced. Name a new folder."
            )
    folder = path.parent
    if not folder.is_dir():
        raise OutputError(f"The folder {folder} does not exist. Make it first, or choose another place.")
    if not os.access(folder, os.W_OK):
        raise OutputError(f"The folder {folder} may not be written to by this user. Choose another place.")


def _is_frame_folder(path: Path) -> bool:
    return all(p.suffix in {".png", ".json", ".c2pa"} for p in path.iterdir())


def not_written(path: Path, error: OSError) -> OutputError:
    """What to tell when the system refuses."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return OutputError(
            f"{path} could not be written: the disk is full or a size limit was met. "
            "Nothing was left behind; make room and try again."
        )
    return OutputError(f"{path} could not be written: {error.strerror or error}. Nothing was left behind.")
