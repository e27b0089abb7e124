"""Learn how the shape measured of a face depends on the view: the table `views` of face_topology.npz.

    python tools/make_views.py BANK

BANK as `enliven databank build` makes it. Frames of one clip of the train split with about the same mouth and another
turn of the head are put upright in pairs; how one's points differ from the other's is explained by the difference
of their views (least squares, everybody and everybody's mirror image counting alike). What is kept are numbers of
nobody in particular.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import numpy as np
from topology_table import put

from enliven.databank.bank import open_bank
from enliven.databank.shot import MOUTH, YAW
from enliven.measure import rigid_pose
from enliven.motion.view_shape import causes, viewed_from
from enliven.topology import in_mirror
from enliven.types import Floats, Landmarks

LEAST_RANGE_DEG, LEAST_TURN_DEG, MOST_MOUTH = 8.0, 6.0, 0.06
MOST_FRAMES, MOST_PAIRS = 24, 16
RIDGE = 10.0


def main() -> None:
    """Reads the bank, adds the table."""
    random = np.random.default_rng(0)
    bank = open_bank(Path(sys.argv[1]))
    people, differences, changes = [], [], []
    for entry in bank.of_split("train"):
        points, measures = entry.points(), entry.measures()
        if np.ptp(measures[:, YAW]) < LEAST_RANGE_DEG:
            continue
        for one, other in _pairs(measures, random):
            (a, from_a), (b, from_b) = (_upright(points[i], bank.size) for i in (one, other))
            people.append(entry.facts.identity)
            differences.append((from_a, from_b))
            changes.append(b - a)
    views = _explained(people, np.array(differences), np.array(changes))
    print(f"{len(people)} pairs of {len(set(people))} people: {put('views', views)}")


def _pairs(measures: Floats, random: np.random.Generator) -> list[tuple[int, int]]:
    frames = random.permutation(len(measures))[:MOST_FRAMES]
    pairs = [
        (int(i), int(j))
        for i in frames
        for j in frames
        if abs(measures[i, YAW] - measures[j, YAW]) > LEAST_TURN_DEG
        and abs(measures[i, MOUTH] - measures[j, MOUTH]) < MOST_MOUTH
    ]
    random.shuffle(pairs)
    return pairs[:MOST_PAIRS]


def _upright(points: Floats, size: int) -> tuple[Floats, tuple[float, float]]:
    """(478, 3) in units of the mean face, and where it is seen from."""
    pose = rigid_pose(Landmarks(points, (size, size)))
    return np.asarray(pose.inverse().apply(points), np.float32), viewed_from(pose.rotation)


def _explained(people: list[str], seen_from: Floats, changes: Floats) -> Floats:
    """(5, 478, 3) by ridge regression; ``seen_from``: (N, 2, 2) degrees, ``changes``: (N, 478, 3)."""
    both = np.concatenate([seen_from, seen_from * [-1.0, 1.0]])
    targets = np.concatenate([changes, in_mirror(changes)]).reshape(len(both), -1)
    rows = np.array([causes(*b) - causes(*a) for a, b in both])
    count = Counter(people)
    weight = np.array([1 / np.sqrt(count[name]) for name in people] * 2)[:, None]
    rows, targets = rows * weight, targets * weight
    solved = np.linalg.solve(rows.T @ rows + RIDGE * np.eye(rows.shape[1]), rows.T @ targets)
    return np.asarray(solved.reshape(-1, *changes.shape[1:]), np.float32)


if __name__ == "__main__":
    main()
