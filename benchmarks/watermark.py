"""How well is the invisible watermark found, how little does it show, how fast is it?

    python -m benchmarks.watermark CLIPS.csv [--size 256 --size 512] [--frames 50]
    python -m benchmarks.watermark CLIPS.csv --rivals      # blind-watermark and invisible-watermark, if installed
    python -m benchmarks.watermark CLIPS.csv --unmarked     # false alarms, on every clip and on single frames

Marks the frames of the validation clips as an output would be, at each size, and looks for the mark after every
attack of ``benchmarks.watermark_attacks``. One JSON line a row.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from benchmarks.machine import stamp
from benchmarks.watermark_attacks import ATTACKS, Attack
from benchmarks.watermark_rivals import Scheme, rivals
from enliven.media.reader import open_video
from enliven.provenance.watermark import LIKELY_SCORE, Watermark, _residual, read_watermark
from enliven.provenance.watermark_search import find_places
from enliven.types import Picture

PAYLOAD = 0xC0FFEE42
ROUNDS = 100


class Ours:
    """The product's own, through the same door as its rivals."""

    name = "enliven"

    def __init__(self) -> None:
        self._marks: dict[tuple[int, int], Watermark] = {}

    def mark(self, picture: Picture) -> Picture:
        size_wh = picture.shape[1], picture.shape[0]
        if size_wh not in self._marks:
            self._marks[size_wh] = Watermark(PAYLOAD, size_wh)
        return self._marks[size_wh].mark(picture)

    def found(self, pictures: Sequence[Picture], _: tuple[int, int]) -> tuple[bool, bool]:
        reading = read_watermark(pictures)
        return reading.found, reading.payload == PAYLOAD


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("listing", type=Path)
    parser.add_argument("--size", type=int, action="append")
    parser.add_argument("--frames", type=int, default=50)
    parser.add_argument("--clips", type=int, default=1000)
    parser.add_argument("--rivals", action="store_true")
    parser.add_argument("--only", default="", help="one scheme, by name")
    parser.add_argument("--unmarked", action="store_true")
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    if asked.unmarked:
        print(json.dumps({**_false_alarms(asked.listing, asked.frames), **stamp()}))
        return
    schemes: list[Scheme] = [Ours(), *(rivals(PAYLOAD) if asked.rivals else [])]
    schemes = [scheme for scheme in schemes if asked.only in ("", scheme.name)]
    chosen = _clips(asked.listing, "val")[: asked.clips]
    for size, scheme in itertools.product(asked.size or [256, 512], schemes):
        videos = [_frames(clip, asked.frames, size) for clip in chosen]
        marked = [[scheme.mark(picture) for picture in video] for video in videos]
        about = {"scheme": scheme.name, "size": size, "clips": len(videos), "frames": asked.frames}
        levels = [_psnr(*pair) for pair in zip(marked, videos, strict=True)]
        noise = {"psnr_db": round(statistics.median(levels), 2), "psnr_db_lowest": round(min(levels), 2)}
        print(json.dumps({**about, **noise, **_cost(scheme, videos[0][0]), **stamp()}), flush=True)
        for name, attack in ATTACKS.items():
            print(json.dumps({**about, "attack": name, **_rates(scheme, marked, attack)}), flush=True)


def _clips(listing: Path, split: str | None) -> list[Path]:
    with listing.open() as file:
        rows = [row for row in csv.DictReader(file) if split in (None, row["split"])]
    return [listing.parent / row["file"] for row in rows]


def _frames(clip: Path, most: int, size: int) -> list[Picture]:
    """The first frames of a clip, enlarged or not; the kept clips are 256 pixels large."""
    with open_video(clip) as reader:
        pictures = [frame.image for frame in itertools.islice(reader, most)]
    if pictures[0].shape[:2] == (size, size):
        return pictures
    return [
        np.asarray(cv2.resize(p, (size, size), interpolation=cv2.INTER_CUBIC), np.uint8) for p in pictures
    ]


def _psnr(marked: Sequence[Picture], pictures: Sequence[Picture]) -> float:
    errors = [np.mean(np.square(a.astype(np.float32) - b)) for a, b in zip(marked, pictures, strict=True)]
    return float(10 * np.log10(255**2 / np.mean(errors)))


def _cost(scheme: Scheme, picture: Picture) -> dict[str, float]:
    """Milliseconds a frame, and how many times a plain 5 x 5 blur of it that is."""
    mine, blur = _milliseconds(lambda: scheme.mark(picture)), _milliseconds(lambda: cv2.blur(picture, (5, 5)))
    return {"ms": round(mine, 3), "blurs": round(mine / blur, 1)}


def _milliseconds(step: Callable[[], object]) -> float:
    taken, until = [], time.perf_counter() + 5
    while len(taken) < ROUNDS and time.perf_counter() < until:
        start = time.perf_counter()
        step()
        taken.append(1000 * (time.perf_counter() - start))
    return statistics.median(taken)


def _rates(scheme: Scheme, marked: Sequence[Sequence[Picture]], attack: Attack) -> dict[str, float]:
    """Share of videos in which the mark was found, and in which the payload was read."""
    readings, seconds = [], []
    for video in marked:
        attacked = attack(video)
        start = time.perf_counter()
        readings.append(scheme.found(attacked, (video[0].shape[1], video[0].shape[0])))
        seconds.append(time.perf_counter() - start)
    found, read = np.mean(np.array(readings, float), axis=0)
    return {
        "found": round(float(found), 4),
        "payload_read": round(float(read), 4),
        "seconds_to_read": round(statistics.median(seconds), 2),
    }


def _false_alarms(listing: Path, frames: int) -> dict[str, object]:
    """Every clip as a video, then two of its frames by themselves, none of them marked."""
    alarms, looks, scores = 0, 0, []
    for clip in _clips(listing, None):
        pictures = _frames(clip, frames, 256)
        alarms += read_watermark(pictures).found
        singles = [pictures[0], pictures[-1]]
        alarms += sum(read_watermark([picture]).found for picture in singles)
        scores += [find_places(_residual(picture))[0].score for picture in singles]
        looks += 1 + len(singles)
    return {"unmarked": looks, "false_alarms": alarms, **dict(_tail(scores))}


def _tail(scores: Sequence[float]) -> Iterator[tuple[str, float]]:
    """How far the best score of an unmarked frame stays below the score that a payload needs."""
    yield "needed_score", LIKELY_SCORE
    for share in (50, 99, 100):
        yield f"score_p{share}", round(float(np.percentile(scores, share)), 2)


if __name__ == "__main__":
    main()
