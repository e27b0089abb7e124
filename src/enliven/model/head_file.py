"""`.head`: one person, learned. One safetensors file with photos, fitted parameters and their record; no code.

It holds pictures of the person: whoever has the file has those, and can animate them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from enliven.errors import ModelError
from enliven.geometry import Similarity
from enliven.model.revealed import Revealed
from enliven.model.sway import CELLS, MOVES, Sway
from enliven.model.tensor_file import Arrays, read_arrays, write_arrays
from enliven.types import LANDMARK_COUNT, FaceCrop, Floats, JsonObject, Picture

SUFFIX = ".head"
FORMAT, VERSION, KEY = "enliven-head", 1, "enliven"
_JPEG_QUALITY = 95
_SWAY = ("table", "least", "most")
_BEHIND = ("jpeg", "known", "square")


@dataclass(frozen=True, eq=False)
class HeadPhoto:
    """A picture in a head and where its landmarks lie."""

    name: str
    picture: Picture
    """RGB (H, W, 3)."""
    points: Floats
    """(478, 3) in its pixels."""
    place: Similarity | None = None
    """From its pixels to those of the picture that is animated, when both show one scene."""


@dataclass(frozen=True, eq=False)
class Head:
    """All that animating a learned person needs beside the base model."""

    photo: HeadPhoto
    """The picture that is animated, whole."""
    shots: tuple[HeadPhoto, ...]
    """Squares around the face of all photos, the animated one's first."""
    psi: Floats | None
    """(P,) fitted AdaIN parameters; None when the unfitted base was the most real."""
    weights: Mapping[str, Floats] = field(default_factory=dict)
    """Fitted weights by their names in the base model's weights file; empty for the unfitted base."""
    row: Floats | None = None
    """(E,) what was fitted of w' = w0 + e, for learning on."""
    sway: Sway | None = None
    """How their hair and shoulders go with the head, where pictures of one scene showed it."""
    behind: Revealed | None = None
    """The background behind them in the animated picture, where pictures of its scene showed it."""
    about: JsonObject = field(default_factory=dict)
    """model_sha256, sources (name and sha256 each), consent, subject, candidates, chosen."""


def write_head(path: Path, head: Head) -> None:
    """Writes the file whole or not at all; ModelError when that fails."""
    arrays: Arrays = {"photo/jpeg": _packed(head.photo.picture), "photo/points": head.photo.points}
    for number, shot in enumerate(head.shots):
        arrays[f"shots/{number:02d}/jpeg"] = _packed(shot.picture)
        arrays[f"shots/{number:02d}/points"] = shot.points
        if shot.place is not None:
            arrays[f"shots/{number:02d}/place"] = _numbers(shot.place)
    if head.psi is not None:
        arrays["psi"] = head.psi
    if head.row is not None:
        arrays["row"] = head.row
    if head.sway is not None:
        arrays |= {f"sway/{name}": getattr(head.sway, name).astype(np.float16) for name in _SWAY}
    if head.behind is not None:
        arrays |= _behind_arrays(head.behind)
    arrays |= {f"decoder/{name}": value.astype(np.float16) for name, value in head.weights.items()}
    about = {"format": FORMAT, "version": VERSION, "photo": head.photo.name}
    about["shots"] = [shot.name for shot in head.shots]
    write_arrays(path, arrays, {KEY: json.dumps(about | dict(head.about))})


def read_head(path: Path) -> Head:
    """Raises ModelError for a file that is missing, truncated, no head, or of another version."""
    arrays, metadata = read_arrays(path)
    about = _about(path, metadata)
    try:
        shots = [_photo(path, arrays, f"shots/{n:02d}", name) for n, name in enumerate(about["shots"])]
        photo = _photo(path, arrays, "photo", about["photo"])
    except KeyError as error:
        raise ModelError(f"{path} lacks {error}; it is damaged. Learn the person again.") from None
    weights = {
        name.removeprefix("decoder/"): value.astype(np.float32)
        for name, value in arrays.items()
        if name.startswith("decoder/")
    }
    more = _sway(path, arrays), _behind(path, arrays)
    return Head(photo, tuple(shots), arrays.get("psi"), weights, arrays.get("row"), *more, about)


def _about(path: Path, metadata: Mapping[str, str]) -> JsonObject:
    try:
        about: JsonObject = json.loads(metadata.get(KEY, "{}"))
    except json.JSONDecodeError:
        raise ModelError(f"The description inside {path} is not JSON; the file is damaged.") from None
    if about.get("format") != FORMAT:
        raise ModelError(
            f"{path} is no head ({about.get('format', 'of unknown origin')}); give a file that `enliven learn` wrote."
        )
    if about.get("version") != VERSION:
        raise ModelError(
            f"{path} is a head of version {about.get('version')}; this program reads version {VERSION}. "
            "Update enliven, or learn the person again."
        )
    return about


def _photo(path: Path, arrays: Arrays, key: str, name: str) -> HeadPhoto:
    picture = cv2.imdecode(arrays[f"{key}/jpeg"], cv2.IMREAD_COLOR)
    points, placed = arrays[f"{key}/points"], arrays.get(f"{key}/place")
    if (
        picture is None
        or points.shape != (LANDMARK_COUNT, 3)
        or (placed is not None and placed.shape != (4,))
    ):
        raise ModelError(f"The picture '{name}' in {path} is damaged; learn the person again.")
    place = None if placed is None else _similarity(placed)
    return HeadPhoto(name, np.ascontiguousarray(picture[..., ::-1]), points, place)


def _sway(path: Path, arrays: Arrays) -> Sway | None:
    found = [arrays[f"sway/{name}"].astype(np.float32) for name in _SWAY if f"sway/{name}" in arrays]
    if not found:
        return None
    if len(found) < len(_SWAY) or found[0].shape != (MOVES, CELLS, CELLS, 2) or found[1].shape != (MOVES,):
        raise ModelError(f"What {path} says of hair and shoulders is damaged; learn the person again.")
    table, least, most = found
    return Sway(table, least, most)


def _behind_arrays(behind: Revealed) -> Arrays:
    known = np.packbits(behind.known > 0.5)
    return {
        "behind/jpeg": _packed(behind.picture),
        "behind/known": known,
        "behind/square": _numbers(behind.crop.to_picture),
    }


def _behind(path: Path, arrays: Arrays) -> Revealed | None:
    found = [arrays[f"behind/{name}"] for name in _BEHIND if f"behind/{name}" in arrays]
    if not found:
        return None
    picture = cv2.imdecode(arrays["behind/jpeg"], cv2.IMREAD_COLOR) if len(found) == len(_BEHIND) else None
    size = 0 if picture is None else picture.shape[0]
    if (
        picture is None
        or picture.shape[1] != size
        or found[1].size * 8 < size * size
        or found[2].shape != (4,)
    ):
        raise ModelError(f"The background in {path} is damaged; learn the person again.")
    known = np.unpackbits(found[1], count=size * size).reshape(size, size).astype(np.float32)
    return Revealed(np.ascontiguousarray(picture[..., ::-1]), known, FaceCrop(_similarity(found[2]), size))


def _numbers(place: Similarity) -> Floats:
    """(4,) scale, angle and shift."""
    return np.array([place.scale, place.angle_deg, *place.shift_px], np.float32)


def _similarity(numbers: Floats) -> Similarity:
    scale, angle_deg, x, y = (float(value) for value in numbers)
    return Similarity(scale, angle_deg, (x, y))


def _packed(picture: Picture) -> Picture:
    """(N,) uint8: as JPEG with full colour resolution; no EXIF, so no place or time of taking comes along."""
    options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, 0x111111]
    done, data = cv2.imencode(".jpg", picture[..., ::-1], options)
    assert done
    return np.asarray(data, np.uint8).reshape(-1)
