"""Every photo led by every driver: does each stay that person, do mouths and eyes close with the driver's?

    python -m benchmarks.cross_person PHOTOS DRIVING -o FOLDER [--engine hybrid|warp] [--weights DIR] [--every N]

PHOTOS and DRIVING are folders. Prints one JSON line a pair, then one for all: the mean identity distance between
the result and the photo (dlib's descriptor, same person below 0.6), and of the frames in which the driver's
mouth or eyes are shut, the share in which the result's are. FOLDER gets a contact sheet a pair: frames, then
mouth and eyes three times as large.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product
from pathlib import Path
from statistics import fmean

import cv2
import numpy as np

from benchmarks.machine import stamp
from enliven.animator import Animator
from enliven.errors import EnlivenError
from enliven.evaluation.observer import Observer
from enliven.face.identity import distance
from enliven.measure import eye_openness, mouth_openness
from enliven.media.image import write_picture
from enliven.media.reader import open_video
from enliven.settings import AnimateSettings
from enliven.topology import INNER_LIPS, LEFT_EYE, RIGHT_EYE
from enliven.types import Floats, Picture

SHUT_MOUTH, SHUT_EYES = 0.025, 0.1
"""Openness (see `enliven.measure`) up to which a mouth or an eye counts as shut in the driver."""
SHUT_RESULT = 1.6
"""The result's may be wider by this factor: detectors read closed lids and lips with some spread."""
COLUMNS = 6
TILE = 300


@dataclass
class Watched:
    """What was seen over one pair."""

    distances: list[float] = field(default_factory=list)
    mouths: list[bool] = field(default_factory=list)
    eyes: list[bool] = field(default_factory=list)
    unseen: int = 0

    def line(self) -> dict[str, float | int | None]:
        return {
            "frames": len(self.distances) + self.unseen,
            "identity_distance": round(fmean(self.distances), 3) if self.distances else None,
            "mouths_shut": round(fmean(self.mouths), 3) if self.mouths else None,
            "eyes_shut": round(fmean(self.eyes), 3) if self.eyes else None,
            "faces_unseen": self.unseen,
        }


def main() -> None:
    options = _options()
    options.out.mkdir(parents=True, exist_ok=True)
    settings = AnimateSettings(engine=options.engine, weights=options.weights, threads=options.threads)
    together = Watched()
    with Observer() as observer:
        for photo, driving in product(sorted(options.photos.iterdir()), sorted(options.driving.iterdir())):
            name = f"{photo.stem}__{driving.stem}"
            try:
                watched = watch(photo, driving, settings, options, observer, options.out / f"{name}.jpg")
            except EnlivenError as error:
                print(json.dumps({"pair": name, "refused": str(error)}), flush=True)
                continue
            for each in ("distances", "mouths", "eyes"):
                getattr(together, each).extend(getattr(watched, each))
            together.unseen += watched.unseen
            print(json.dumps({"pair": name, **watched.line()}), flush=True)
    print(json.dumps({"pair": "all", "engine": options.engine, **together.line(), **stamp()}))


def watch(
    photo: Path,
    driving: Path,
    settings: AnimateSettings,
    options: argparse.Namespace,
    observer: Observer,
    sheet: Path,
) -> Watched:
    """Renders one pair, looks at every Nth frame and writes the contact sheet."""
    animator = Animator(photo, settings)
    landmarks = animator.portrait.landmarks
    source = observer.look(animator.portrait.picture, landmarks.points).descriptor
    watched, shown = Watched(), []
    drivers = _driver_openness(driving, observer, options)
    frames = animator.frames(driving, end=Fraction(options.seconds), unmarked_because="it is measured here")
    for number, frame in enumerate(frames):
        if number % options.every:
            continue
        seen = observer.look(frame.image, landmarks.points)
        shown.append((frame.image, seen.points))
        if seen.points is None:
            watched.unseen += 1
            continue
        watched.distances.append(distance(source, seen.descriptor))
        mouth, eyes = drivers.get(number, (1.0, 1.0))
        if mouth < SHUT_MOUTH:
            watched.mouths.append(mouth_openness(seen.points) < SHUT_MOUTH * SHUT_RESULT)
        if eyes < SHUT_EYES:
            watched.eyes.append(max(eye_openness(seen.points)) < SHUT_EYES * SHUT_RESULT)
    _write_sheet(sheet, shown, landmarks.points)
    return watched


def _driver_openness(
    driving: Path, observer: Observer, options: argparse.Namespace
) -> dict[int, tuple[float, float]]:
    """Frame number -> openness of the largest face's mouth and of its wider eye."""
    found = {}
    with open_video(driving) as reader:
        for number, frame in enumerate(reader):
            if frame.time >= options.seconds:
                break
            if number % options.every == 0:
                middle = np.array([frame.size_wh[0] / 2, frame.size_wh[1] / 2, 0.0], np.float32)
                points = observer.look(frame.image, np.tile(middle, (478, 1))).points
                if points is not None:
                    found[number] = mouth_openness(points), max(eye_openness(points))
    return found


def _write_sheet(path: Path, shown: list[tuple[Picture, Floats | None]], where: Floats) -> None:
    chosen = [shown[i] for i in np.unique(np.linspace(0, len(shown) - 1, COLUMNS).round().astype(int))]
    columns = [
        np.vstack(list(_tiles(image, where if points is None else points))) for image, points in chosen
    ]
    write_picture(path, np.hstack(columns))


def _tiles(image: Picture, points: Floats) -> Iterator[Picture]:
    """The head; the mouth and the eyes closer."""
    height = float(np.ptp(points[:, 1]))
    yield _square(image, points[:, :2].mean(axis=0), 1.9 * height)
    yield _square(image, points[list(INNER_LIPS), :2].mean(axis=0), 0.6 * height)
    yield _square(image, points[[*LEFT_EYE, *RIGHT_EYE], :2].mean(axis=0), 0.95 * height)


def _square(image: Picture, middle: Floats, side: float) -> Picture:
    scale = TILE / side
    matrix = np.array([[scale, 0, TILE / 2 - scale * middle[0]], [0, scale, TILE / 2 - scale * middle[1]]])
    tile = cv2.warpAffine(image, matrix, (TILE, TILE), flags=cv2.INTER_CUBIC)
    return np.asarray(tile, np.uint8)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("photos", type=Path)
    parser.add_argument("driving", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--engine", default="hybrid")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--every", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--threads", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
