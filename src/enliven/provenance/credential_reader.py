"""What the content credentials of a file say, of ours or of anybody's, and whether they can be relied on."""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from enliven.errors import ProvenanceError
from enliven.provenance.credentials import trusted_roots
from enliven.provenance.manifest import RECORD_LABEL, SOURCE_TYPES, record_hash
from enliven.provenance.signing import BESIDE
from enliven.types import JsonObject

VALID, UNTRUSTED, EXPIRED, TAMPERED, UNREADABLE, ABSENT = STATES = (
    "valid",
    "untrusted",
    "expired",
    "tampered",
    "unreadable",
    "absent",
)
"""From the best to the worst, then nothing at all."""
SYNTHETIC = frozenset(
    SOURCE_TYPES + kind
    for kind in (
        "trainedAlgorithmicMedia",
        "compositeWithTrainedAlgorithmicMedia",
        "compositeSynthetic",
        "algorithmicMedia",
        "virtualRecording",
    )
)
"""What C2PA calls the sources of pictures that no camera saw as they are."""
_EXPIRY = {"signingCredential.expired", "claimSignature.outsideValidity"}
_TRUST = "signingCredential.untrusted"
_LONGEST_CHAIN = 64
"""Editing steps that are followed back."""


@dataclass(frozen=True)
class CredentialReading:
    """One file's credentials.

    ``state``: valid (unchanged, signer trusted here), untrusted (unchanged, signer not known here), expired (the
    signer's certificate ran out), tampered (changed after it was signed), unreadable, or absent.
    """

    state: str
    says_made: bool = False
    """True when the manifest, or one that it was edited from, states a synthetic source."""
    signer: str = ""
    generator: str = ""
    """What made the file, by its own words."""
    record: JsonObject | None = None
    """What enliven recorded about the making."""
    problems: tuple[str, ...] = ()
    """C2PA's codes for what does not hold."""
    sidecar: Path | None = None
    """Where the manifest lay when not in the file itself."""

    @property
    def key_id(self) -> int | None:
        """16 bits of the key's hash, by the record."""
        try:
            return int(self.record["key_id"], 16) if self.record else None
        except (KeyError, TypeError, ValueError):
            return None

    @property
    def payload(self) -> int | None:
        """The watermark that belongs to these credentials; None when they are not ours."""
        if self.record is None or self.key_id is None:
            return None
        return self.key_id << 16 | record_hash(self.record)


class CredentialReader:
    """Reads files with one user's list of trusted roots; fetches nothing."""

    def __init__(self) -> None:
        """Raises ProvenanceError when the file named in ENLIVEN_TRUST cannot be used."""
        import c2pa

        self._c2pa = c2pa
        settings: JsonObject = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}
        roots = trusted_roots()
        if roots:
            settings["trust"] = {"user_anchors": roots.decode("ascii", "replace")}
        try:
            self._context = c2pa.Context.from_dict(settings)
        except c2pa.C2paError as error:
            raise ProvenanceError(
                f"The trusted roots cannot be used ({error}). PEM certificates are needed in ENLIVEN_TRUST and in "
                "the folder 'known' beside your credentials."
            ) from None

    def read(self, path: Path) -> CredentialReading:
        """The credentials in a file, or in the .c2pa file beside it. Reads the whole file only if it has any."""
        embedded = self._read(path, None)
        sidecar = path.with_suffix(".c2pa")
        if embedded.state != ABSENT or not sidecar.is_file():
            return embedded
        beside = self._read(path, sidecar)
        if beside.state == TAMPERED and path.suffix.lower() not in BESIDE:
            return embedded  # it belongs to another file of the same name, such as a .webm
        return beside

    def _read(self, path: Path, sidecar: Path | None) -> CredentialReading:
        media_type = mimetypes.guess_type(path.name)[0] or ""
        try:
            with path.open("rb") as file:
                manifest = sidecar.read_bytes() if sidecar else None
                reader = self._c2pa.Reader(media_type, file, manifest, self._context)
                store = json.loads(reader.json())
        except (self._c2pa.C2paError.ManifestNotFound, self._c2pa.C2paError.NotSupported):
            return CredentialReading(ABSENT)
        except self._c2pa.C2paError as error:
            return CredentialReading(UNREADABLE, problems=(str(error),), sidecar=sidecar)
        return _reading(store, sidecar)


def _reading(store: JsonObject, sidecar: Path | None) -> CredentialReading:
    manifests: JsonObject = store.get("manifests", {})
    active = manifests.get(store.get("active_manifest", ""), {})
    failures = store.get("validation_results", {}).get("activeManifest", {}).get("failure", [])
    problems = tuple(sorted({str(failure.get("code", "unknown")) for failure in failures}))
    signature = active.get("signature_info", {})
    chain = list(_history(store.get("active_manifest", ""), manifests))
    return CredentialReading(
        state=_state(problems),
        says_made=any(_states_synthetic(manifest) for manifest in chain),
        signer=signature.get("common_name") or signature.get("issuer", ""),
        generator=_generator(active),
        record=next((record for m in chain if (record := _record(m)) is not None), None),
        problems=problems,
        sidecar=sidecar,
    )


def _state(problems: tuple[str, ...]) -> str:
    others = set(problems) - {_TRUST}
    if not others:
        return UNTRUSTED if problems else VALID
    return EXPIRED if others <= _EXPIRY else TAMPERED


def _history(label: str, manifests: JsonObject) -> Iterator[JsonObject]:
    """The manifest and those of the files that it was edited or put together from."""
    waiting, seen = [label], set[str]()
    while waiting and len(seen) < _LONGEST_CHAIN:
        label = waiting.pop(0)
        if label in seen or label not in manifests:
            continue
        seen.add(label)
        yield manifests[label]
        waiting += [
            ingredient["active_manifest"]
            for ingredient in manifests[label].get("ingredients", [])
            if ingredient.get("relationship") in {"parentOf", "componentOf"}
            and "active_manifest" in ingredient
        ]


def _assertions(manifest: JsonObject, label: str) -> Iterator[Any]:
    for assertion in manifest.get("assertions", []):
        if str(assertion.get("label", "")).startswith(label):
            yield assertion.get("data", {})


def _states_synthetic(manifest: JsonObject) -> bool:
    return any(
        action.get("digitalSourceType") in SYNTHETIC
        for data in _assertions(manifest, "c2pa.actions")
        for action in data.get("actions", [])
    )


def _record(manifest: JsonObject) -> JsonObject | None:
    record = next(_assertions(manifest, RECORD_LABEL), None)
    return record if isinstance(record, dict) else None


def _generator(manifest: JsonObject) -> str:
    named = manifest.get("claim_generator_info") or [{}]
    words = [str(named[0].get("name", "")), str(named[0].get("version", ""))]
    return " ".join(word for word in words if word) or str(manifest.get("claim_generator", ""))
