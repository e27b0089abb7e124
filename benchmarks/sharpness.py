"""Does a large photo stay as sharp as it is, where its face moves little?

    python -m benchmarks.sharpness PHOTO DRIVING [--engine hybrid|warp] [--frames N]

Prints one JSON line: Laplacian energy of the face in the result over that of the same pixels in the photo, the
median over frames, counted inside the face's outline where its pixels move by at most MOVED_SHARE of its height.
"""

from __future__ import annotations

import argparse
import json
from collections import deque
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from benchmarks.machine import stamp
from enliven.animator import Animator
from enliven.model.engine import Engine
from enliven.settings import AnimateSettings
from enliven.types import Floats, Picture, Rendering

MOVED_SHARE = 0.01


class Watched:
    """An engine that remembers what it said, since it works ahead of the frames."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self.name = engine, engine.name
        self._said: deque[Rendering] = deque()

    def render(self, points: Floats) -> Rendering:
        return self.begin(points)()

    def begin(self, points: Floats) -> Callable[[], Rendering]:
        rest = self._engine.begin(points)

        def finish() -> Rendering:
            rendering = rest()
            self._said.append(rendering)
            return rendering

        return finish

    def moved_px(self, size_wh: tuple[int, int]) -> Floats:
        """(H, W) how far each pixel of the next frame came."""
        rendering = self._said.popleft()
        length = np.linalg.norm(rendering.flow, axis=2).astype(np.float32)
        return np.asarray(cv2.warpAffine(length, rendering.crop.to_picture.matrix, size_wh), np.float32)


def laplacian(picture: Picture) -> Floats:
    """(H, W) squared response on the luma."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return np.square(cv2.Laplacian(grey, cv2.CV_32F))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("photo", type=Path)
    parser.add_argument("driving", type=Path)
    parser.add_argument("--engine", default="hybrid")
    parser.add_argument("--frames", type=int, default=60)
    options = parser.parse_args()
    animator = Animator(options.photo, AnimateSettings(engine=options.engine))
    animator.engine = watched = Watched(animator.engine)
    photo, points = animator.portrait.picture, animator.portrait.landmarks.xy
    face = np.zeros(photo.shape[:2], np.uint8)
    cv2.fillConvexPoly(face, cv2.convexHull(np.rint(points).astype(np.int32)), 1)
    most_px = MOVED_SHARE * float(np.ptp(points[:, 1]))
    before, ratios = laplacian(photo), []
    for frame in islice(
        animator.frames(options.driving, unmarked_because="sharpness is measured"), options.frames
    ):
        still = (watched.moved_px(frame.size_wh) <= most_px) & (face > 0)
        if still.sum() > 0.1 * face.sum():
            ratios.append(float(laplacian(frame.image)[still].sum() / before[still].sum()))
    line = {
        "bench": "sharpness",
        "photo": options.photo.name,
        "size_wh": [photo.shape[1], photo.shape[0]],
        "engine": options.engine,
        "frames": len(ratios),
        "ratio": round(float(np.median(ratios)), 3) if ratios else None,
    }
    print(json.dumps({**line, **stamp()}))


if __name__ == "__main__":
    main()
