"""Learn the basis of `.motion` files: the directions in which faces' landmarks change.

    python tools/make_motion_basis.py LANDMARKS.npz

LANDMARKS.npz holds one array (N, 478, 3) of smoothed landmarks for each clip, of people who speak. The result,
src/enliven/assets/motion_basis.npz, holds numbers only: principal directions of the change against each
clip's middle frame, in 8 bits. Files written with another basis cannot be read, so a new basis needs a new
format version (enliven.motion.codec).
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from enliven.motion.codec import DEPTH_WEIGHT, canonical

COMPONENTS = 220
TARGET = Path(__file__).parents[1] / "src/enliven/assets/motion_basis.npz"


def main() -> None:
    """Reads the clips, writes the basis."""
    changes = []
    with np.load(sys.argv[1]) as clips:
        for name in clips.files:
            shapes = np.stack([canonical(points)[1] for points in clips[name][::2]])
            middle = shapes[len(shapes) // 2]
            changes.append(((shapes - middle) * [1, 1, DEPTH_WEIGHT]).reshape(len(shapes), -1))
    table = np.concatenate(changes)
    _, vectors = np.linalg.eigh(table.T @ table)
    basis = vectors[:, ::-1][:, :COMPONENTS].T
    scale = np.abs(basis).max(axis=1, keepdims=True) / 127.0
    np.savez_compressed(TARGET, basis=np.round(basis / scale).astype(np.int8), scale=scale.astype(np.float32))
    print(f"{TARGET}: {COMPONENTS} directions from {len(table)} frames, {TARGET.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
