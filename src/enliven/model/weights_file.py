"""The description inside a weights file, read without torch: safetensors with JSON in its header."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path

from enliven.errors import ModelError
from enliven.types import JsonObject

FORMAT = "enliven-checkpoint"
VERSION = 1
KEY = "enliven"
"""Under which the description stands in the header."""
CHECKSUM = "tensors_sha256"
"""Key of the description that holds the checksum of all that follows the header."""


def read_about(weights: Path) -> JsonObject:
    """The description in the header of a weights file; ModelError when there is none or it is not ours."""
    try:
        with weights.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > weights.stat().st_size:
                raise ValueError("the header is longer than the file")
            header = json.loads(file.read(length))
        about: JsonObject = json.loads(header.get("__metadata__", {}).get(KEY, "{}"))
        needed = max(
            (entry["data_offsets"][1] for name, entry in header.items() if name[0] != "_"), default=0
        )
        if weights.stat().st_size < 8 + length + needed:
            raise ValueError("the file is shorter than its header says")
    except OSError as error:
        raise ModelError(
            f"There are no weights at {weights} ({error.strerror}); give a folder that `enliven export` wrote."
        ) from None
    except (ValueError, struct.error, AttributeError) as error:
        raise ModelError(
            f"{weights} is not a complete safetensors file ({error}); fetch or export it again."
        ) from None
    if about.get("format") != FORMAT or about.get("version") != VERSION:
        raise ModelError(
            f"{weights} is of format {about.get('format')} {about.get('version')}; "
            f"this program reads {FORMAT} {VERSION}."
        )
    return about


def check_tensors(weights: Path, about: JsonObject) -> None:
    """Raises ModelError when the tensors are not those that the description was written for."""
    if CHECKSUM in about and tensors_sha256(weights.read_bytes()) != about[CHECKSUM]:
        raise ModelError(
            f"{weights} was changed after it was written: its tensors do not match its checksum. "
            "Fetch or export it again."
        )


def tensors_sha256(serialised: bytes) -> str:
    """Of everything behind the header of a safetensors file."""
    (length,) = struct.unpack("<Q", serialised[:8])
    return hashlib.sha256(memoryview(serialised)[8 + length :]).hexdigest()


def sha256_of(weights: Path) -> str:
    """Of the weights file, as hexadecimal text: what manifests name the model by."""
    return hashlib.sha256(weights.read_bytes()).hexdigest()
