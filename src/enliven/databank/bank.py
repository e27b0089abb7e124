"""A databank on disk: a folder with ``bank.json`` and ``shards/``."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from enliven.databank.shards import ShotEntry, read_index, write_text
from enliven.errors import DatabankError

_DESCRIPTION = "bank.json"
_FORMAT = "enliven databank"
_VERSION = 1


@dataclass(frozen=True, eq=False)
class Bank:
    """All shots of a databank; their pixels stay on disk."""

    path: Path
    size: int
    """Side of the frames in pixels."""
    shots: tuple[ShotEntry, ...]
    """Sorted by key."""
    identities: tuple[str, ...]
    """Sorted names; an identity's number is its place here, over all splits."""

    @property
    def identity_count(self) -> int:
        return len(self.identities)

    def of_split(self, split: str) -> list[ShotEntry]:
        """The shots of ``train`` or ``val``; shots of no named split belong to ``train``."""
        return [entry for entry in self.shots if (entry.facts.split or "train") == split]

    @property
    def fingerprint(self) -> str:
        """Changes when a shot is added, removed or rebuilt."""
        digest = hashlib.sha256()
        for entry in self.shots:
            digest.update(f"{entry.facts.key} {entry.facts.frames} {entry.members}\n".encode())
        return digest.hexdigest()[:16]


def create_bank(path: Path, size: int) -> Path:
    """Make the folder, or find it already made with this size; returns the folder of the shards."""
    try:
        (path / "shards").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabankError(f"The databank {path} cannot be made: {error.strerror}.") from None
    if (path / _DESCRIPTION).exists():
        found = _size_of(path)
        if found != size:
            raise DatabankError(
                f"The databank {path} holds frames of {found} pixels, but {size} were asked for. "
                f"Choose --size {found} or another folder."
            )
    else:
        description = {"format": _FORMAT, "version": _VERSION, "size": size}
        write_text(path / _DESCRIPTION, json.dumps(description, indent=1) + "\n")
    return path / "shards"


def open_bank(path: Path) -> Bank:
    """Raises DatabankError when there is no databank, nothing in it, or a shard is cut off."""
    size = _size_of(path)
    entries = [entry for shard in sorted((path / "shards").glob("*.tar")) for entry in read_index(shard)]
    if not entries:
        raise DatabankError(
            f"The databank {path} is empty: it holds no shot. Look into its report.json why videos were dropped."
        )
    entries.sort(key=lambda entry: entry.facts.key)
    identities = sorted({entry.facts.identity for entry in entries})
    return Bank(path, size, tuple(entries), tuple(identities))


def _size_of(path: Path) -> int:
    try:
        stored = json.loads((path / _DESCRIPTION).read_text())
        known = stored["format"] == _FORMAT
        version, size = int(stored["version"]), int(stored["size"])
    except (OSError, ValueError, KeyError, TypeError):
        known, version, size = False, 0, 0
    if not known:
        raise DatabankError(
            f"{path} is no databank: it has no readable {_DESCRIPTION}. "
            "Make one with `enliven databank build` or `enliven databank synth`."
        )
    if version > _VERSION:
        raise DatabankError(
            f"The databank {path} was made by a newer enliven (format {version}). Update enliven."
        )
    return size
