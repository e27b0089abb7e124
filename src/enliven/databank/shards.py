"""WebDataset shards: a tar of samples, and beside it an index, so that any sample is one seek away.

A sample is ``K.mp4`` (crops), ``K.landmarks.npy`` (N, 478, 3) float32, ``K.measures.npy`` (N, 5) float32 and
``K.json`` (facts and exact times). The index, one JSON line per sample, repeats the facts without the times.
"""

from __future__ import annotations

import io
import json
import tarfile
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import numpy as np

from enliven.databank.clip import Planes, decode_planes, encode_clip, to_rgb
from enliven.databank.shot import Shot, ShotFacts
from enliven.errors import DatabankError
from enliven.types import Floats, JsonObject

CLIP, POINTS, MEASURED, FACTS = "mp4", "landmarks.npy", "measures.npy", "json"
_BLOCK = 512
"""A tar header; the data follow it."""


@dataclass(frozen=True)
class ShotEntry:
    """A shot that lies in a shard; nothing of it is read but the facts."""

    facts: ShotFacts
    shard: Path
    members: dict[str, tuple[int, int]]
    """Extension to (first byte, bytes) in the shard."""

    def read(self, member: str) -> bytes:
        """Raises DatabankError when the shard is gone or shorter than its index says."""
        start, size = self.members[member]
        try:
            with self.shard.open("rb") as file:
                file.seek(start)
                data = file.read(size)
        except OSError as error:
            raise DatabankError(f"The shard {self.shard} cannot be read: {error.strerror}.") from None
        if len(data) != size:
            raise truncated(self.shard)
        return data

    def points(self) -> Floats:
        """(N, 478, 3)"""
        return self._array(POINTS)

    def measures(self) -> Floats:
        """(N, 5), see ``shot.MEASURES``."""
        return self._array(MEASURED)

    def times(self) -> tuple[Fraction, ...]:
        """Seconds in the source video."""
        return tuple(Fraction(text) for text in json.loads(self.read(FACTS))["times"])

    def planes(self, wanted: list[int]) -> list[Planes]:
        """These frames as I420, ascending."""
        return decode_planes(self.read(CLIP), wanted, f"{self.facts.key}.mp4 in {self.shard}")

    def shot(self) -> Shot:
        """All of it."""
        images = np.stack([to_rgb(planes) for planes in self.planes(list(range(self.facts.frames)))])
        return Shot(self.facts, images, self.points(), self.measures(), self.times())

    def _array(self, member: str) -> Floats:
        try:
            array: Floats = np.load(io.BytesIO(self.read(member)), allow_pickle=False)
        except ValueError:
            raise DatabankError(
                f"{self.facts.key}.{member} in the shard {self.shard} is damaged. Remove the shard and build again."
            ) from None
        return array


def truncated(shard: Path) -> DatabankError:
    """What to raise for a shard that ends too early."""
    return DatabankError(
        f"The shard {shard} is cut off: it ends before its last sample. Copy it again, or remove it and build again."
    )


class ShardWriter(AbstractContextManager["ShardWriter"]):
    """A shard under a temporary name; it gets its own when it is whole, or disappears."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
        self._lines: list[str] = []
        try:
            self._tar = tarfile.open(self._part, "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115
        except OSError as error:
            raise _unwritable(path, error) from None

    def add(self, shot: Shot) -> None:
        facts = {**shot.facts.to_json(), "times": [str(time) for time in shot.times]}
        members = {
            CLIP: encode_clip(shot.images, shot.times),
            POINTS: _npy(shot.points),
            MEASURED: _npy(shot.measures),
            FACTS: json.dumps(facts).encode(),
        }
        self._add(shot.facts, members)

    def copy(self, entry: ShotEntry) -> None:
        """A sample of another shard, byte for byte."""
        self._add(entry.facts, {member: entry.read(member) for member in entry.members})

    def _add(self, facts: ShotFacts, members: dict[str, bytes]) -> None:
        places = {}
        for member, data in members.items():
            info = tarfile.TarInfo(f"{facts.key}.{member}")
            info.size = len(data)
            places[member] = (self._tar.offset + _BLOCK, len(data))
            try:
                self._tar.addfile(info, io.BytesIO(data))
            except OSError as error:
                raise _unwritable(self.path, error) from None
        self._lines.append(json.dumps({"facts": facts.to_json(), "members": places}))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._tar.close()
            if kind is None and self._lines:
                write_text(index_of(self.path), "\n".join(self._lines) + "\n")
                self._part.replace(self.path)
        except OSError as failure:
            raise _unwritable(self.path, failure) from None
        finally:
            self._part.unlink(missing_ok=True)


def read_index(shard: Path) -> Iterator[ShotEntry]:
    """What lies in a shard. Raises DatabankError when the index is gone or the shard shorter than it says."""
    index = index_of(shard)
    try:
        lines = index.read_text().splitlines()
        size = shard.stat().st_size
    except OSError as error:
        raise DatabankError(
            f"{error.filename} cannot be read ({error.strerror}). A shard and its index belong together; "
            "copy both, or remove both and build again."
        ) from None
    for line in lines:
        entry = _entry(shard, line)
        if any(start + length > size for start, length in entry.members.values()):
            raise truncated(shard)
        yield entry


def index_of(shard: Path) -> Path:
    """The index beside a shard."""
    return shard.with_suffix(".jsonl")


def write_text(path: Path, text: str) -> None:
    """Complete or not at all."""
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        part.write_text(text)
        part.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from None
    finally:
        part.unlink(missing_ok=True)


def _entry(shard: Path, line: str) -> ShotEntry:
    try:
        stored: JsonObject = json.loads(line)
        members = {name: (int(start), int(size)) for name, (start, size) in stored["members"].items()}
        return ShotEntry(ShotFacts.from_json(stored["facts"]), shard, members)
    except (ValueError, KeyError, TypeError):
        raise DatabankError(
            f"The index {index_of(shard)} is damaged. Copy it again, or remove it with its shard and build again."
        ) from None


def _npy(array: Floats) -> bytes:
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(array, np.float32), allow_pickle=False)
    return file.getvalue()


def _unwritable(path: Path, error: OSError) -> DatabankError:
    return DatabankError(
        f"{path} could not be written: {error.strerror or error}. Free some space or choose another folder."
    )
