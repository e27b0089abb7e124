"""Learn how a face goes along when its mouth widens: the table `smile` of face_topology.npz.

    python tools/make_smile.py BANK

BANK as `enliven databank build` makes it. Frames of the train split that look ahead are put upright; how their
points differ from their clip's mean is explained by mouth width and mouth openness (least squares, both at once), and
the share of the width, made symmetric, is what is kept: numbers only, of nobody in particular.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from topology_table import put

from enliven.databank.bank import open_bank
from enliven.measure import head_pose, mouth_openness, mouth_width, rigid_pose
from enliven.topology import in_mirror
from enliven.types import Floats, Landmarks

EVERY, LEAST_FRAMES = 6, 8
MOST_YAW_DEG, MOST_PITCH_DEG = 18.0, 20.0


def main() -> None:
    """Reads the bank, adds the table."""
    causes, changes = [], []
    bank = open_bank(Path(sys.argv[1]))
    for entry in bank.of_split("train"):
        seen = [found for points in entry.points()[::EVERY] if (found := _upright(points, bank.size))]
        if len(seen) < LEAST_FRAMES:
            continue
        shapes, measures = np.stack([s for s, _ in seen]), np.array([m for _, m in seen])
        changes.append((shapes - shapes.mean(axis=0)).reshape(len(seen), -1))
        causes.append(measures - measures.mean(axis=0))
    both, *_ = np.linalg.lstsq(np.concatenate(causes), np.concatenate(changes), rcond=None)
    smile = both[0].reshape(-1, 2)
    smile = (smile + in_mirror(smile)) / 2
    print(f"{sum(map(len, causes))} frames of {len(causes)} clips: {put('smile', smile)}")


def _upright(points: Floats, size: int) -> tuple[Floats, tuple[float, float]] | None:
    """(478, 2) of a face that looks ahead, with its mouth's width and openness; None of others."""
    landmarks = Landmarks(points, (size, size))
    pose = head_pose(landmarks)
    if abs(pose.yaw_deg) > MOST_YAW_DEG or abs(pose.pitch_deg) > MOST_PITCH_DEG:
        return None
    upright = rigid_pose(landmarks).inverse().apply(points)[:, :2]
    return np.asarray(upright, np.float32), (mouth_width(points), mouth_openness(points))


if __name__ == "__main__":
    main()
