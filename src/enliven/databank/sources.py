"""Which videos there are and who is in them, as a stream: no list of all names is ever held."""

from __future__ import annotations

import csv
import hashlib
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

from enliven.errors import DatabankError

VIDEO_SUFFIXES = {".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".mpeg", ".ts", ".flv", ".wmv"}
IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"}
LIST_SUFFIXES = {".txt", ".lst", ".list"}
_VOXCELEB_IDENTITY = re.compile(r"^id\d{5,}$")


@dataclass(frozen=True)
class SourceVideo:
    """A video file, or a folder with its frames."""

    path: str
    """Absolute."""
    name: str
    """Path below the folder that was named, with that folder's name; for people and for the facts."""
    identity: str
    split: str
    listed: bool = True
    """False when a csv of identities was given that does not name this video."""

    @property
    def digest(self) -> str:
        """Names everything that is kept about the video."""
        return hashlib.sha256(self.path.encode()).hexdigest()[:16]


def find_videos(inputs: Sequence[Path]) -> Iterator[SourceVideo]:
    """Files, frame folders, list files and whole trees, in a fixed order; identity from the folders.

    The identity is the VoxCeleb id among the folders, else the first folder below the one that was named,
    else the video itself. Raises DatabankError for an input that is not there.
    """
    for given in inputs:
        if not given.exists():
            raise DatabankError(
                f"There is no such file or folder: {given}. Name videos, folders or lists of them."
            )
        if given.is_dir():
            yield from _tree(given.resolve(), given.resolve())
        elif given.suffix.lower() in LIST_SUFFIXES:
            yield from _listed(given)
        else:
            yield _video(given.resolve(), given.resolve().parent)


def _listed(file: Path) -> Iterator[SourceVideo]:
    """One path a line, relative to the list; empty lines and # are skipped."""
    with file.open() as lines:
        for line in lines:
            text = line.strip()
            if text and not text.startswith("#"):
                # A path that is gone is a broken video like any other: listed in the report, not fatal.
                # Links are followed, as the csv of identities follows them.
                yield _video(Path(file.resolve().parent, text).resolve(), file.resolve().parent)


def _tree(folder: Path, root: Path) -> Iterator[SourceVideo]:
    entries = sorted(p for p in folder.iterdir() if not p.name.startswith("."))
    videos = [p for p in entries if p.suffix.lower() in VIDEO_SUFFIXES and p.is_file()]
    if not videos and any(p.suffix.lower() in IMAGE_SUFFIXES for p in entries):
        yield _video(folder, root)
        return
    for entry in entries:
        if entry.is_dir():
            yield from _tree(entry, root)
        elif entry in videos:
            yield _video(entry, root)


def _video(path: Path, root: Path) -> SourceVideo:
    try:
        parts = path.relative_to(root).parts
    except ValueError:
        parts = path.parts[-3:]
    folders = parts[:-1]
    known = [part for part in folders if _VOXCELEB_IDENTITY.match(part)]
    identity = known[0] if known else folders[0] if folders and folders[0] != "/" else path.stem
    name = "/".join((root.name, *parts)) if parts else root.name
    return SourceVideo(str(path), name, identity, "")


class IdentityTable(AbstractContextManager["IdentityTable"]):
    """A csv with the columns ``file`` (or ``folder``), ``identity`` and ``split``, looked up on disk."""

    def __init__(self, csv_file: Path, database: Path) -> None:
        """Raises DatabankError naming the column that is missing."""
        self._folder = csv_file.resolve().parent
        self._database = database
        database.unlink(missing_ok=True)
        self._connection = sqlite3.connect(database)
        self._connection.execute("CREATE TABLE people (path TEXT PRIMARY KEY, identity TEXT, split TEXT)")
        self._connection.executemany("INSERT OR REPLACE INTO people VALUES (?, ?, ?)", self._rows(csv_file))
        self._connection.commit()

    def name(self, video: SourceVideo) -> SourceVideo:
        """The video with the identity and split of the csv."""
        query = "SELECT identity, split FROM people WHERE path = ?"
        row = self._connection.execute(query, (video.path,)).fetchone()
        return replace(video, identity=row[0], split=row[1]) if row else replace(video, listed=False)

    def _rows(self, csv_file: Path) -> Iterator[tuple[str, str, str]]:
        try:
            with csv_file.open(newline="") as file:
                reader = csv.DictReader(file)
                columns = reader.fieldnames or []
                place = next((c for c in ("file", "folder") if c in columns), None)
                if place is None or "identity" not in columns:
                    raise DatabankError(
                        f"{csv_file} has the columns {', '.join(columns) or '(none)'}. "
                        "'identity' and 'file' (or 'folder') are needed; 'split' may be there too."
                    )
                for row in reader:
                    yield str(self._folder / row[place]), row["identity"], _split(row.get("split"), csv_file)
        except (OSError, UnicodeDecodeError) as error:
            raise DatabankError(f"{csv_file} cannot be read: {error}.") from None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()
        self._database.unlink(missing_ok=True)


def _split(text: str | None, csv_file: Path) -> str:
    split = (text or "").strip()
    if split not in {"", "train", "val"}:
        raise DatabankError(f"{csv_file} names the split '{split}'. Only 'train', 'val' or nothing is known.")
    return split
