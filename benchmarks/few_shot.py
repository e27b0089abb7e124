"""What do further photos cost per frame?

    python -m benchmarks.few_shot [WEIGHTS_FOLDER]

The photos are frames that engine warp makes of the built-in photo. Times are of the processor, one thread: what runs
beside does not count. Only frames are counted in which a photo lends, and with one photo all.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from fractions import Fraction
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from benchmarks.machine import stamp
from enliven import AnimateSettings, Animator
from enliven.assets import builtin_motion, builtin_photo, builtin_weights
from enliven.compositing.paste import Paster
from enliven.driving import Driving, DrivingSettings
from enliven.media.image import write_picture
from enliven.motion.regions import TransferSettings
from enliven.motion.stream import transfer_stream
from enliven.motion.transfer import MotionTransfer
from enliven.portrait import read_portrait
from enliven.types import Floats

_FRAMES = 50
_LIVELY = AnimateSettings(strength=1.8)


def main() -> None:
    weights = Path(sys.argv[1]) if len(sys.argv) > 1 else builtin_weights()
    cv2.setNumThreads(1)
    settings = AnimateSettings(engine="hybrid", weights=weights, threads=1)
    with tempfile.TemporaryDirectory() as name:
        photos = _photos(Path(name), 31)
        targets, alone = _targets(), 0.0
        for count in (1, 8, 32):
            animator = Animator([builtin_photo(), *photos[: count - 1]], settings)
            ms, lent = _measure(animator, targets)
            alone = alone or ms
            facts = {"photos": count, "cpu_ms": round(ms, 1), "times_one": round(ms / alone, 2), "lent": lent}
            print(json.dumps(facts | stamp()), flush=True)


def _photos(folder: Path, count: int) -> list[Path]:
    frames = [frame.image for frame in Animator(builtin_photo(), _LIVELY).frames(builtin_motion())]
    places = np.linspace(0, len(frames) - 1, count).round().astype(int)
    files = [folder / f"{number}.png" for number in range(count)]
    for file, place in zip(files, places, strict=True):
        write_picture(file, frames[place])
    return files


def _targets() -> list[Floats]:
    """(478, 3) each, in pixels of the photo: the motion, exaggerated."""
    portrait = read_portrait(builtin_photo(), _LIVELY)
    transfer = MotionTransfer(portrait.photo_landmarks, TransferSettings(strength=_LIVELY.strengths()))
    with Driving(builtin_motion(), DrivingSettings()) as driver:
        motions = transfer_stream(iter(driver), transfer, Fraction(10))
        return [motion.points for motion in islice(motions, _FRAMES)]


def _measure(animator: Animator, targets: list[Floats]) -> tuple[float, int]:
    """Median processor milliseconds of rendering and pasting, and the number of frames that borrowed."""
    paster, times, lent = Paster(animator.portrait.picture), [], []
    for points in targets:
        began = time.process_time()
        paster.paste(animator.engine.render(points))
        times.append((time.process_time() - began) * 1e3)
        lent.append(animator.engine.lends)  # type: ignore[attr-defined]
    counted = [ms for ms, lends in zip(times, lent, strict=True) if lends or not any(lent)]
    return float(np.median(counted)), sum(lent)


if __name__ == "__main__":
    main()
