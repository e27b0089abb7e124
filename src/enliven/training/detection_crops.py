"""Stored crops of true and made faces, read back from the parts that `prepare` wrote."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from enliven.errors import TrainingError
from enliven.training.detection_chain import Planes, Shares
from enliven.training.detection_fakes import TRUE


@dataclass(frozen=True, eq=False)
class Crops:
    """Stored crops in memory; N of them."""

    planes: Planes
    """(N, 312, 208) I420."""
    changed: Shares
    """(N, 52, 52) uint8: share of the pixels beneath that were changed, 0 to 255; 0 in true ones."""
    engine: npt.NDArray[np.str_]
    identity: npt.NDArray[np.str_]
    way: npt.NDArray[np.str_]
    clip: npt.NDArray[np.int64]
    """Crops of one clip, of one way and one engine, have the same number."""
    draw: npt.NDArray[np.int64]
    """True and made crops of the same people, on the same way, have the same number."""

    @property
    def made(self) -> npt.NDArray[np.bool_]:
        """(N,) False for true ones."""
        return np.asarray(self.engine != TRUE)

    def where(self, wanted: npt.NDArray[np.bool_]) -> Crops:
        """Those that are wanted, (N,) booleans."""
        return Crops(
            self.planes[wanted],
            self.changed[wanted],
            self.engine[wanted],
            self.identity[wanted],
            self.way[wanted],
            self.clip[wanted],
            self.draw[wanted],
        )


def load_crops(folders: Sequence[Path]) -> Crops:
    """All parts of the folders. Raises TrainingError when there is none or one is damaged."""
    files = [file for folder in folders for file in sorted(folder.glob("part-*.npz"))]
    if not files:
        raise TrainingError(
            f"No prepared pictures lie in {', '.join(map(str, folders))}; run `prepare` first."
        )
    columns: dict[str, list[npt.NDArray[Any]]] = {}
    for number, file in enumerate(files):
        try:
            with np.load(file, allow_pickle=False) as part:
                for name in ("planes", "changed", "engine", "identity", "way"):
                    columns.setdefault(name, []).append(part[name])
                columns.setdefault("draw", []).append(part["draw"] + 1_000_000 * number)
        except (OSError, ValueError, KeyError, zlib.error) as error:
            raise TrainingError(f"{file} is damaged ({error}); remove it and prepare again.") from None
    joined = {name: np.concatenate(arrays) for name, arrays in columns.items()}
    draws = joined["draw"].astype(str)
    clip = _numbered(draws, joined["engine"], joined["way"])
    return Crops(
        joined["planes"],
        joined["changed"],
        joined["engine"],
        joined["identity"],
        joined["way"],
        clip,
        _numbered(draws, joined["way"]),
    )


def _numbered(*texts: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """(N,) the number of each row's combination of texts, alike for alike rows."""
    keys = [" ".join(row) for row in zip(*(column.tolist() for column in texts), strict=True)]
    numbers = {key: number for number, key in enumerate(sorted(set(keys)))}
    return np.array([numbers[key] for key in keys], np.int64)
