"""Tables of face_topology.npz that tools learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from enliven.types import Floats

TARGET = Path(__file__).parents[1] / "src/enliven/assets/face_topology.npz"


def put(name: str, values: Floats) -> str:
    """Adds or replaces one table, in half precision; says what the file is now."""
    with np.load(TARGET) as tables:
        kept = {each: tables[each] for each in tables.files if each != name}
    np.savez_compressed(TARGET, **kept, **{name: values.astype(np.float16)})
    return f"{TARGET}, {TARGET.stat().st_size} bytes"
