"""What happens to a marked video before somebody asks where it comes from."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from enliven.media.reader import open_video
from enliven.media.writer import open_writer
from enliven.training.detection_chain import recoded
from enliven.types import Frame, Picture

Pictures = list[Picture]
Attack = Callable[[Sequence[Picture]], Pictures]
_USUAL_CRF = 23
"""After scaling, cutting and toning a video is encoded again; this is x264's own choice."""
_RATE = Fraction(25)


def _scaled(pictures: Sequence[Picture], factor: float, kind: int) -> Pictures:
    size_wh = tuple(2 * round(n * factor / 2) for n in pictures[0].shape[1::-1])
    return [np.asarray(cv2.resize(p, size_wh, interpolation=kind), np.uint8) for p in pictures]


def _half(pictures: Sequence[Picture]) -> Pictures:
    return recoded(_scaled(pictures, 0.5, cv2.INTER_AREA), _USUAL_CRF)


def _double(pictures: Sequence[Picture]) -> Pictures:
    return recoded(_scaled(pictures, 2.0, cv2.INTER_CUBIC), _USUAL_CRF)


def _cut(pictures: Sequence[Picture]) -> Pictures:
    height, width = (round(n * 0.2) // 2 * 2 for n in pictures[0].shape[:2])
    return recoded([p[height:-height, width:-width] for p in pictures], _USUAL_CRF)


def _toned(gain: float, shift: float) -> Attack:
    def attack(pictures: Sequence[Picture]) -> Pictures:
        changed = [np.asarray(cv2.convertScaleAbs(p, alpha=gain, beta=shift), np.uint8) for p in pictures]
        return recoded(changed, _USUAL_CRF)

    return attack


def _screen(pictures: Sequence[Picture]) -> Pictures:
    """Encoded, shown a quarter larger, recorded at 30 a second (every fifth frame twice), encoded at crf 28."""
    shown = _scaled(recoded(pictures, _USUAL_CRF), 1.25, cv2.INTER_LINEAR)
    return recoded([p for n, p in enumerate(shown) for p in [p] * (1 + (n % 5 == 4))], 28)


def _slow_screen(pictures: Sequence[Picture]) -> Pictures:
    """Recorded at 20 a second, four fifths as large: neighbours run into each other."""
    shown = _scaled(recoded(pictures, _USUAL_CRF), 0.8, cv2.INTER_LINEAR)
    times = np.arange(0, len(shown) - 1, 1.25)
    mixed = [
        cv2.addWeighted(shown[int(t)], 1 - t % 1, shown[int(t) + 1], t % 1, 0).astype(np.uint8) for t in times
    ]
    return recoded(mixed, 28)


def _gif(pictures: Sequence[Picture]) -> Pictures:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.gif"
        height, width = pictures[0].shape[:2]
        with open_writer(path, size_wh=(width, height), rate=_RATE) as writer:
            for number, picture in enumerate(pictures):
                writer.write(Frame(picture, number / _RATE))
        with open_video(path) as reader:
            return [frame.image for frame in reader]


def _jpeg(pictures: Sequence[Picture]) -> Pictures:
    """One frame, kept as a JPEG of quality 75."""
    _, data = cv2.imencode(".jpg", pictures[0], [cv2.IMWRITE_JPEG_QUALITY, 75])
    return [np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)]


ATTACKS: dict[str, Attack] = {
    "nothing": list,
    "H.264 crf 28": lambda pictures: recoded(pictures, 28),
    "50 %, then crf 23": _half,
    "200 %, then crf 23": _double,
    "20 % cut from each side, then crf 23": _cut,
    "brightness + 20 %, then crf 23": _toned(1.0, 51.0),
    "brightness - 20 %, then crf 23": _toned(1.0, -51.0),
    "contrast + 20 %, then crf 23": _toned(1.2, -25.6),
    "contrast - 20 %, then crf 23": _toned(0.8, 25.6),
    "screen recording 125 %, 30 a second, crf 28": _screen,
    "screen recording 80 %, 20 a second, crf 28": _slow_screen,
    "GIF": _gif,
    "mirrored, then crf 23": lambda pictures: recoded([p[:, ::-1] for p in pictures], _USUAL_CRF),
    "one frame as JPEG 75": _jpeg,
}
