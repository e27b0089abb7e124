"""safetensors files in NumPy alone: what animating reads and writes needs neither torch nor another package.

The format: eight bytes of header length, a JSON header with dtype, shape and place of every tensor, the bytes.
"""

from __future__ import annotations

import json
import os
import struct
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from enliven.errors import ModelError

Arrays = dict[str, npt.NDArray[Any]]

_DTYPES = {"F32": np.float32, "F16": np.float16, "U8": np.uint8, "I64": np.int64}
_NAMES = {np.dtype(kind): name for name, kind in _DTYPES.items()}
_LONGEST_HEADER = 16 * 1024 * 1024


def write_arrays(path: Path, arrays: Mapping[str, npt.NDArray[Any]], metadata: Mapping[str, str]) -> None:
    """Writes the file whole or not at all; ModelError when that fails."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    place = 0
    for name, array in arrays.items():
        header[name] = {
            "dtype": _NAMES[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [place, place + array.nbytes],
        }
        place += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        with temporary.open("wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            for array in arrays.values():
                file.write(np.ascontiguousarray(array).tobytes())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise ModelError(
            f"{path} cannot be written ({error.strerror or error}); make room or choose another folder."
        ) from None
    finally:
        temporary.unlink(missing_ok=True)


def read_arrays(path: Path) -> tuple[Arrays, dict[str, str]]:
    """The arrays and the metadata of a file; ModelError when it is missing, truncated or no such file."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror or error}); check the path.") from None
    try:
        (length,) = struct.unpack_from("<Q", data)
        if length > min(_LONGEST_HEADER, len(data) - 8):
            raise ValueError("its header is longer than the file")
        header = json.loads(data[8 : 8 + length])
        metadata = {str(key): str(value) for key, value in header.pop("__metadata__", {}).items()}
        return {name: _array(data, 8 + length, entry) for name, entry in header.items()}, metadata
    except (ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise ModelError(
            f"{path} is truncated or no safetensors file ({error}); copy it or make it again."
        ) from None


def places_in(path: Path) -> dict[str, tuple[int, int]]:
    """Name -> (offset, length) in bytes of every tensor in a safetensors file that is known to be whole."""
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header: dict[str, Any] = json.loads(file.read(length))
    ranges = {name: entry["data_offsets"] for name, entry in header.items() if name != "__metadata__"}
    return {name: (8 + length + first, last - first) for name, (first, last) in ranges.items()}


def _array(data: bytes, begin: int, entry: Mapping[str, Any]) -> npt.NDArray[Any]:
    first, last = entry["data_offsets"]
    if begin + last > len(data):
        raise ValueError("it is shorter than its header says")
    kind = np.dtype(_DTYPES[entry["dtype"]])
    count = (last - first) // kind.itemsize
    return np.frombuffer(data, kind, count, begin + first).reshape(entry["shape"]).copy()
