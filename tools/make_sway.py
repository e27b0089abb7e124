"""Learn how hair, neck and shoulders of people go with their heads: the package's sway.npz.

    python tools/make_sway.py BANK

BANK as `enliven databank build` makes it; the train split is read. Of each clip a few frames are the photo in turn, the
others show what really happened (`model/sway_learner`). All evidence is summed, left and right alike, and solved
once: numbers only, of nobody in particular.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from enliven.databank.bank import open_bank
from enliven.databank.clip import to_rgb
from enliven.databank.shards import ShotEntry
from enliven.face.matte import matte_of
from enliven.geometry import Similarity
from enliven.model.sway import CAUSES, CELLS
from enliven.model.sway_learner import Evidence, EvidenceReader, Sums, pooled, solved, summed
from enliven.model.warp_engine import WarpEngine
from enliven.types import FaceCrop, Landmarks, SceneView

TARGET = Path(__file__).parents[1] / "src/enliven/assets/sway.npz"
FRAMES, PHOTOS = 6, 3
"""Of a clip: looked at, and of these the photo in turn."""
MIRROR = np.array([-1, 1, -1, -1, 1, 1, 1, 1, 1, 1, 1, 1], np.float64)
"""What becomes of the causes when a picture is mirrored."""
RIDGE, SIGMA = 10.0, 2.0
FAR_SIGMA, FAR = 6.0, 0.02
"""Beyond the databank's squares, which show little below the shoulders, evidence from farther away counts a little."""
RANGE = (1.0, 99.0)
"""Percentiles of the causes between which they count."""


def main() -> None:
    """Reads the bank, writes the table."""
    bank = open_bank(Path(sys.argv[1]))
    left, right = np.zeros((CELLS, CELLS, CAUSES, CAUSES)), np.zeros((CELLS, CELLS, CAUSES, 2))
    causes: list[np.ndarray] = []
    entries = bank.of_split("train")
    for number, entry in enumerate(entries):
        seen = _evidence(entry, bank.size)
        more = summed(seen, CAUSES)
        left, right = left + more[0], right + more[1]
        causes += [each.causes for each in seen]
        print(f"\r{number + 1} of {len(entries)} clips", end="", file=sys.stderr)
    left, right = _both_sides(left, right)
    near = [each + FAR * pooled(each, FAR_SIGMA) for each in (left, right)]
    table = solved(near[0], near[1], RIDGE, SIGMA)
    both = np.concatenate([np.stack(causes), np.stack(causes) * MIRROR])
    least, most = np.percentile(both, RANGE, axis=0)
    np.savez_compressed(
        TARGET, table=table.astype(np.float16), least=least.astype(np.float32), most=most.astype(np.float32)
    )
    print(f"\n{TARGET}: {len(causes)} pairs of {len(entries)} clips, {TARGET.stat().st_size} bytes")


def _evidence(entry: ShotEntry, size: int) -> list[Evidence]:
    count = entry.facts.frames
    frames = sorted({int(frame) for frame in np.linspace(0, count - 1, FRAMES).round()})
    pictures = [to_rgb(planes) for planes in entry.planes(frames)]
    points = [entry.points()[frame] for frame in frames]
    crop, known = FaceCrop(Similarity(), size), np.ones((size, size), np.float32)
    found = []
    for own in range(0, len(frames), -(-len(frames) // PHOTOS)):
        landmarks = Landmarks(np.asarray(points[own], np.float32), (size, size))
        engine = WarpEngine(pictures[own], landmarks, matte=matte_of(pictures[own], landmarks), sway=())
        reader = EvidenceReader(engine, pictures[own], crop)
        for other in range(len(frames)):
            if other != own:
                found.append(
                    reader.look(SceneView(pictures[other], known, np.asarray(points[other], np.float32)))
                )
    return found


def _both_sides(left: Sums, right: Sums) -> tuple[Sums, Sums]:
    """With the evidence of all pictures mirrored."""
    return (
        left + left[:, ::-1] * np.outer(MIRROR, MIRROR),
        right + right[:, ::-1] * MIRROR[:, None] * np.array([-1.0, 1.0]),
    )


if __name__ == "__main__":
    main()
