"""What a result says about how it was made, as a C2PA manifest and as the hash that the watermark carries.

The hash must be known before the first picture is marked, and the manifest is finished only with the file. So
the manifest holds a record, the assertion ``org.enliven.making``, that is complete from the beginning and
unique to the result; the watermark carries the beginning of its SHA-256.
"""

from __future__ import annotations

import base64
import hashlib
import json
import mimetypes
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from enliven import __version__
from enliven.media.folder import IMAGE_SUFFIXES
from enliven.types import JsonObject

RECORD_LABEL = "org.enliven.making"
WATERMARK_NAME = "org.enliven.watermark.1"
SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
SOURCE_TYPE = SOURCE_TYPES + "compositeWithTrainedAlgorithmicMedia"
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Provenance:
    """What is said about how a result is made, who signs it, and whether the mark is also shown."""

    engine: str = ""
    model_sha256: str = ""
    """Of the learned weights; empty for an engine without any."""
    consent: str = ""
    """Who agreed and how, in the user's words."""
    subject: str = ""
    """Whom the photo shows, in the user's words."""
    inputs: tuple[tuple[str, Path], ...] = ()
    """(role, file or folder) of what the result is made from; roles: photo, photo 2, ..., head, driving."""
    cert: Path | None = None
    """PEM certificates that sign; None: ENLIVEN_CERT, else the local ones, made on first use."""
    key: Path | None = None
    """PEM key that belongs to ``cert``."""
    label: bool = False
    """Show a small "AI" in a corner of every picture."""

    def statement(self) -> str:
        """One sentence for the file's metadata."""
        parts = [f"Made with enliven (engine {self.engine}): a photo moved by another face's landmarks."]
        if self.subject:
            parts.append(f"Subject: {self.subject}.")
        if self.consent:
            parts.append(f"Consent: {self.consent}.")
        return " ".join(parts)


@dataclass(frozen=True)
class Ingredient:
    """Something that a result was made from."""

    role: str
    path: Path
    sha256: str

    @property
    def format(self) -> str:
        """Media type by the name."""
        return mimetypes.guess_type(self.path.name)[0] or "application/octet-stream"

    def definition(self) -> JsonObject:
        """As C2PA's JSON; the hash also as a name by RFC 6920."""
        digest = base64.urlsafe_b64encode(bytes.fromhex(self.sha256)).rstrip(b"=").decode()
        return {
            "title": self.path.name,
            "format": self.format,
            "relationship": "inputTo",
            "label": self.role,
            "description": f"{self.role}, SHA-256 {self.sha256}",
            "informational_URI": f"ni:///sha-256;{digest}",
        }


@dataclass(frozen=True)
class Making:
    """One result's making; two results never have the same ``record``."""

    provenance: Provenance
    ingredients: tuple[Ingredient, ...]
    key_id: int
    identity: str
    """Drawn at random."""

    @property
    def payload(self) -> int:
        """The watermark's 32 bits: key id, then the beginning of the record's hash."""
        return self.key_id << 16 | record_hash(self.record())

    def record(self) -> JsonObject:
        """Text only, so that it comes back from a manifest as it went in."""
        return {
            "id": self.identity,
            "made_with": f"enliven {__version__}",
            "engine": self.provenance.engine,
            "model_sha256": self.provenance.model_sha256,
            "consent": self.provenance.consent,
            "subject": self.provenance.subject,
            "ingredients": [
                {"role": i.role, "title": i.path.name, "sha256": i.sha256} for i in self.ingredients
            ],
            "key_id": f"{self.key_id:04x}",
        }

    def definition(self, title: str, *, leave_out: tuple[Ingredient, ...] = ()) -> JsonObject:
        """The manifest as C2PA's JSON; ``leave_out``: ingredients that are added with their own manifests."""
        software = {"name": "enliven", "version": __version__}
        created = {
            "action": "c2pa.created",
            "digitalSourceType": SOURCE_TYPE,
            "when": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "softwareAgent": software,
            "description": self.provenance.statement(),
            "parameters": {"ingredientIds": [i.role for i in self.ingredients]},
        }
        binding = {
            "alg": WATERMARK_NAME,
            "blocks": [{"scope": {}, "value": f"{self.payload:08x}"}],
        }
        actions = {"actions": [created, {"action": "c2pa.watermarked.bound", "softwareAgent": software}]}
        return {
            "title": title,
            "claim_generator_info": [software],
            "ingredients": [i.definition() for i in self.ingredients if i not in leave_out],
            "assertions": [
                {"label": "c2pa.actions.v2", "data": actions},
                {"label": "c2pa.soft-binding", "data": binding},
                {"label": RECORD_LABEL, "data": self.record(), "kind": "Json"},
            ],
        }


def making_of(provenance: Provenance, key_id: int) -> Making:
    """A new making; reads the inputs once for their hashes."""
    ingredients = tuple(Ingredient(role, path, sha256_of(path)) for role, path in provenance.inputs)
    return Making(provenance, ingredients, key_id, uuid.uuid4().hex)


def record_hash(record: JsonObject) -> int:
    """The first 16 bits of the SHA-256 of a record in one fixed spelling."""
    spelled = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return int.from_bytes(hashlib.sha256(spelled.encode()).digest()[:2], "big")


def sha256_of(path: Path) -> str:
    """In hexadecimal digits, of a file, or of a list of the names and hashes of a folder's pictures."""
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file())
        listed = "".join(f"{file.name} {sha256_of(file)}\n" for file in files)
        return hashlib.sha256(listed.encode()).hexdigest()
    digest = hashlib.sha256()
    for block in _blocks(path):
        digest.update(block)
    return digest.hexdigest()


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            yield block
