"""How far do the landmarks of the result lie from those of the true frame?

    python -m benchmarks.self_driven CLIPS.csv [--every N]

Each validation clip drives its own first frame (``--motion absolute --output crop``), so that output frame i
lies on driving frame i. Prints one JSON line a clip and one for the mean: AKD, the mean distance between the
landmarks detected on both, in pixels at 256; a frame on which no face is found counts as 20.
"""

from __future__ import annotations

import csv
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.machine import stamp
from enliven import AnimateSettings, Animator
from enliven.face.landmarker import open_landmarker
from enliven.media.image import write_picture
from enliven.media.reader import open_video
from enliven.topology import CONTOURS, INNER_LIPS, LEFT_EYE, OUTER_LIPS, RIGHT_EYE
from enliven.types import Picture

NOT_FOUND_PX = 20.0
MOUTH, EYES = list(INNER_LIPS + OUTER_LIPS), list(RIGHT_EYE + LEFT_EYE)


def self_driven(clip: Path, every: int) -> Iterator[tuple[Picture, Picture]]:
    """(made, true) pictures of every ``every``-th frame after the first."""
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder) / "first.png"
        with open_video(clip) as reader:
            write_picture(photo, next(iter(reader)).image)
        animator = Animator(photo, AnimateSettings(motion="absolute", output="crop"))
        with open_video(clip) as reader:
            pairs = zip(
                animator.frames(clip, unmarked_because="compared pixel by pixel"), reader, strict=True
            )
            for number, (made, true) in enumerate(pairs):
                assert made.time == true.time
                if number % every == 0 and number:
                    yield made.image, true.image


def landmark_errors(clip: Path, every: int) -> np.ndarray:
    """(N, 3) AKD of all contours, mouth and eyes for each looked-at frame, pixels at 256."""
    rows = []
    with open_landmarker() as landmarker:
        for made, true in self_driven(clip, every):
            wanted = landmarker.detect(true)
            if not wanted:
                continue
            found = landmarker.detect(made)
            if not found:
                rows.append([NOT_FOUND_PX] * 3)
                continue
            distance = np.linalg.norm(found[0].xy - wanted[0].xy, axis=1) * 256 / true.shape[0]
            rows.append([distance[list(CONTOURS)].mean(), distance[MOUTH].mean(), distance[EYES].mean()])
    return np.array(rows)


def main() -> None:
    listing = Path(sys.argv[1])
    every = int(sys.argv[sys.argv.index("--every") + 1]) if "--every" in sys.argv else 5
    with listing.open() as file:
        clips = [listing.parent / row["file"] for row in csv.DictReader(file) if row["split"] == "val"]
    means = []
    for clip in clips:
        errors = landmark_errors(clip, every)
        means.append(errors.mean(axis=0))
        print(json.dumps({"clip": clip.name, **_named(means[-1])}), flush=True)
    print(json.dumps({"mean of clips": len(clips), **_named(np.mean(means, axis=0)), **stamp()}))


def _named(errors: np.ndarray) -> dict[str, float]:
    return {
        name: round(float(value), 3) for name, value in zip(("akd", "mouth", "eyes"), errors, strict=True)
    }


if __name__ == "__main__":
    main()
