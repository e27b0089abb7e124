"""A judgement to look at: the heat map over the face, and the curve over time."""

from __future__ import annotations

import csv
import io
import uuid
from pathlib import Path

import cv2
import numpy as np

from enliven.errors import OutputError, UsageError
from enliven.media.image import write_picture
from enliven.provenance.detect import Detection, FaceJudgement
from enliven.types import Floats, Picture

_SIDE = 384
"""Of each of the two pictures of a face."""
_LEGEND = 44
_MOST_FACES = 6
_CURVE_WH = (960, 320)
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 18, 20, 40
_PALETTE = ((31, 119, 180), (214, 90, 30), (44, 140, 60), (140, 86, 150), (120, 90, 70), (70, 70, 70))
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_INK = (60, 60, 60)


def write_heat_map(path: Path, detection: Detection, *, overwrite: bool = False) -> None:
    """A PNG or JPEG: a row for each of at most six faces, as it is and with its map over it."""
    check_result_path(path, (".png", ".jpg", ".jpeg"), "heat map", overwrite)
    faces = sorted(detection.faces, key=lambda face: -face.logit)[:_MOST_FACES]
    write_picture(path, np.vstack([heat_map(face) for face in faces] + [_legend()]))


def heat_map(face: FaceJudgement) -> Picture:
    """(384, 768, 3): the most suspect look, and the probability of each of its places over it."""
    plain = cv2.resize(face.crop, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC)
    chance = 1.0 / (1.0 + np.exp(-np.clip(face.evidence, -30, 30)))
    smooth = cv2.resize(chance.astype(np.float32), (_SIDE, _SIDE), interpolation=cv2.INTER_LINEAR)
    grey = np.repeat(plain.mean(axis=2, keepdims=True), 3, axis=2)
    mixed = np.clip(np.round(0.55 * grey + 0.45 * _colours(smooth)), 0, 255).astype(np.uint8)
    picture = np.hstack([plain, mixed])
    label = f"face {face.number}: {face.probability:.0%}"
    cv2.putText(picture, label, (10, _SIDE - 12), _FONT, 0.6, (0, 0, 0), 3, cv2.LINE_AA)
    cv2.putText(picture, label, (10, _SIDE - 12), _FONT, 0.6, (255, 255, 255), 1, cv2.LINE_AA)
    return np.asarray(picture, np.uint8)


def write_curve(path: Path, detection: Detection, *, overwrite: bool = False) -> None:
    """The probability second by second, as a .csv table or a .png picture. Raises UsageError for a photo."""
    check_result_path(path, (".csv", ".png"), "curve", overwrite)
    if detection.photo:
        raise UsageError(f"{detection.file} is a photo; a curve over time needs a video.")
    if path.suffix.lower() == ".csv":
        _write_text(path, _table(detection))
    else:
        write_picture(path, curve(detection))


def curve(detection: Detection) -> Picture:
    """(320, 960, 3): time to the right, probability upwards, a colour for each of at most six faces."""
    width, height = _CURVE_WH
    picture = np.full((height, width, 3), 255, np.uint8)
    last = max(second.second for face in detection.faces for second in face.seconds()) + 1
    _axes(picture, last)
    for colour, face in zip(_PALETTE, detection.faces, strict=False):
        points = [_place(s.second + 0.5, s.probability, last) for s in face.seconds()]
        cv2.polylines(picture, [np.array(points, np.int32)], False, colour, 2, cv2.LINE_AA)
        for point in points if len(points) <= 120 else ():
            cv2.circle(picture, point, 3, colour, -1, cv2.LINE_AA)
    return picture


def check_result_path(path: Path, suffixes: tuple[str, ...], what: str, overwrite: bool) -> None:
    """Raises UsageError for another suffix, OutputError when the file exists or its folder does not."""
    if path.suffix.lower() not in suffixes:
        raise UsageError(
            f"The {what} cannot be written as '{path.name}'; end its name with {' or '.join(suffixes)}."
        )
    if not path.parent.is_dir():
        raise OutputError(f"The folder {path.parent} for the {what} does not exist; make it first.")
    if path.exists() and not overwrite:
        raise OutputError(f"{path} exists already. Choose another name or give --overwrite.")


def _colours(chance: Floats) -> Floats:
    """0..1 to blue, white and red, (h, w, 3): white is undecided."""
    stops = np.array([[30, 80, 220], [245, 245, 245], [220, 30, 30]], np.float32)
    channels = [np.interp(chance, [0.0, 0.5, 1.0], stops[:, channel]) for channel in range(3)]
    return np.stack(channels, axis=-1).astype(np.float32)


def _legend() -> Picture:
    picture = np.full((_LEGEND, 2 * _SIDE, 3), 255, np.uint8)
    bar = _colours(np.linspace(0, 1, _SIDE - 40, dtype=np.float32)[None].repeat(12, axis=0))
    picture[6:18, _SIDE + 20 : 2 * _SIDE - 20] = np.round(bar).astype(np.uint8)
    text = "estimated probability of being made, place by place"
    cv2.putText(picture, text, (10, 18), _FONT, 0.42, _INK, 1, cv2.LINE_AA)
    for share, label in ((0.0, "0 %"), (0.5, "50 %"), (1.0, "100 %")):
        x = _SIDE + 20 + round(share * (_SIDE - 40)) - 14
        cv2.putText(picture, label, (min(x, 2 * _SIDE - 44), 36), _FONT, 0.4, _INK, 1, cv2.LINE_AA)
    return picture


def _place(second: float, probability: float, last: int) -> tuple[int, int]:
    width, height = _CURVE_WH
    x = _LEFT + second / last * (width - _LEFT - _RIGHT)
    y = height - _BOTTOM - probability * (height - _TOP - _BOTTOM)
    return round(x), round(y)


def _axes(picture: Picture, last: int) -> None:
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        left, right = _place(0, share, last), _place(last, share, last)
        cv2.line(picture, left, right, (120, 120, 120) if share == 0.5 else (225, 225, 225), 1)
        cv2.putText(picture, f"{share:.0%}", (8, left[1] + 5), _FONT, 0.45, _INK, 1, cv2.LINE_AA)
    step = max(1, round(last / 10))
    for second in range(0, last + 1, step):
        x, y = _place(second, 0.0, last)
        cv2.putText(picture, f"{second} s", (x - 8, y + 20), _FONT, 0.45, _INK, 1, cv2.LINE_AA)


def _table(detection: Detection) -> str:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["face", "second", "probability", "looks"])
    for face in detection.faces:
        rows.writerows((face.number, s.second, f"{s.probability:.4f}", s.looks) for s in face.seconds())
    return text.getvalue()


def _write_text(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        temporary.write_text(text)
        temporary.replace(path)
    except OSError as error:
        raise OutputError(f"{path} could not be written: {error.strerror or error}.") from None
    finally:
        temporary.unlink(missing_ok=True)
