"""The folder of a report: whole or not there."""

from __future__ import annotations

import shutil
import uuid
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType

from enliven.errors import OutputError

JSON_NAME, TEXT_NAME, SHEETS = "report.json", "report.md", "sheets"


class ReportFolder(AbstractContextManager["ReportFolder"]):
    """Fills a folder under a temporary name; it gets its own when nothing failed, or disappears."""

    def __init__(self, path: Path, *, overwrite: bool) -> None:
        """Raises OutputError when ``path`` is taken, or cannot be made."""
        _check(path, overwrite)
        self.path = path.absolute()
        self.part = self.path.with_name(f".{self.path.name}.{uuid.uuid4().hex[:8]}.part")
        try:
            (self.part / SHEETS).mkdir(parents=True)
        except OSError as error:
            raise _unwritable(path, error) from None

    def write(self, name: str, text: str) -> None:
        try:
            (self.part / name).write_text(text)
        except OSError as error:
            raise _unwritable(self.path, error) from None

    def sheet(self, key: str) -> Path:
        """Where the contact sheet of a clip or pair goes."""
        return self.part / SHEETS / f"{key}.png"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._settle()
        except OSError as failure:
            raise _unwritable(self.path, failure) from None
        finally:
            shutil.rmtree(self.part, ignore_errors=True)

    def _settle(self) -> None:
        if not any((self.part / SHEETS).iterdir()):
            (self.part / SHEETS).rmdir()
        if not self.path.exists():
            self.part.replace(self.path)
            return
        old = self.part.with_suffix(".old")
        self.path.replace(old)  # a folder cannot replace a full one
        self.part.replace(self.path)
        shutil.rmtree(old, ignore_errors=True)


def _check(path: Path, overwrite: bool) -> None:
    if not path.exists():
        return
    if not path.is_dir():
        raise OutputError(f"{path} is a file, but a report is a folder. Choose another name.")
    if not any(path.iterdir()):
        return
    if not (path / JSON_NAME).is_file():
        raise OutputError(
            f"{path} holds other things than a report; it is never replaced. Choose another folder."
        )
    if not overwrite:
        raise OutputError(f"There already is a report in {path}. Choose another folder, or give --overwrite.")


def _unwritable(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"The report {path} cannot be written: {error.strerror or error}. Free some space or choose another folder."
    )
