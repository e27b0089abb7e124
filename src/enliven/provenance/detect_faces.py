"""The faces of a photo or video, sampled and cropped for the detector; a video streams through."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from enliven.face.crop import crop_for, take
from enliven.face.landmarker import open_landmarker
from enliven.face.scene import SceneWatch
from enliven.face.tracker import FaceTracker
from enliven.geometry import Box
from enliven.media.image import check_readable, read_photo
from enliven.media.reader import VideoReader, open_video
from enliven.provenance.detect_model import CROP_FACTOR, CROP_SIZE
from enliven.types import Frame, Landmarks, Picture

DENSEST = Fraction(1, 5)
"""Seconds between two looks into a video."""
MOST_LOOKS = 1200
"""Longer videos than these looks cover are looked at less often, evenly."""
_UNKNOWN_LENGTH = Fraction(1)
_SAME_PLACE = 0.25
"""Overlap with its last box from which a face is the same one as in the look before."""


@dataclass(frozen=True, eq=False)
class SeenFace:
    """One face at one moment."""

    number: int
    """Counts people as they appear; the main face is 0."""
    time: Fraction
    """Seconds; 0 in a photo."""
    crop: Picture
    """(192, 192, 3) RGB around the face."""
    box: Box
    """Of the face, in pixels of the picture."""


@dataclass(frozen=True)
class Look:
    """One sampled frame: when it is shown, and the faces in it."""

    time: Fraction
    faces: tuple[SeenFace, ...]


def is_photo(path: Path) -> bool:
    """False for videos, animated pictures and folders. Raises MediaError for what is missing or empty."""
    if path.is_dir():
        return False
    check_readable(path, "photo or video")
    try:
        with Image.open(path) as image:
            return getattr(image, "n_frames", 1) == 1 or image.format in {"MPO", "TIFF"}
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        return path.suffix.lower() in _PHOTOS  # a damaged photo shall be named as one


_PHOTOS = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".hif"}


def look_at_photo(path: Path, every_face: bool) -> Look:
    """The largest face of a photo, or all of them, largest first."""
    image = read_photo(path)
    with open_landmarker() as landmarker:
        faces = landmarker.detect(image)
    kept = faces if every_face else faces[:1]
    return Look(Fraction(0), tuple(_seen(n, Fraction(0), image, face) for n, face in enumerate(kept)))


def interval_of(path: Path) -> tuple[Fraction, Fraction | None]:
    """Seconds between looks, and the video's length; raises MediaError when it cannot be read.

    Five looks a second, fewer in videos of more than four minutes, one a second where the length is unknown.
    """
    with open_video(path) as video:
        length = video.info.duration
    return (_UNKNOWN_LENGTH if length is None else max(DENSEST, length / MOST_LOOKS)), length


def looks_at_video(path: Path, interval: Fraction, every_face: bool) -> Iterator[Look]:
    """One look after the other; frames between two looks are decoded and dropped."""
    with open_video(path) as video:
        sampled = _sampled(video, interval)
        yield from _every_face(sampled) if every_face else _main_face(sampled)


def _sampled(video: VideoReader, interval: Fraction) -> Iterator[Frame]:
    due = Fraction(0)
    for frame in video:
        if frame.time >= due:
            yield frame
            due = frame.time + interval * Fraction(99, 100)  # uneven clocks shall not skip every other look


def _main_face(frames: Iterator[Frame]) -> Iterator[Look]:
    with FaceTracker() as tracker:
        for frame in frames:
            face = tracker.update(frame)
            seen = face.landmarks if face.found else None
            yield Look(frame.time, (_seen(0, frame.time, frame.image, seen),) if seen else ())


def _every_face(frames: Iterator[Frame]) -> Iterator[Look]:
    people, scene = _People(), SceneWatch()
    with open_landmarker() as landmarker:
        for frame in frames:
            if scene.update(frame.image).is_total:
                people.leave()
            faces = landmarker.detect(frame.image)
            numbers = people.numbers([Box.around(face.xy) for face in faces])
            pairs = zip(numbers, faces, strict=True)
            yield Look(frame.time, tuple(_seen(n, frame.time, frame.image, face) for n, face in pairs))


class _People:
    """Keeps a number for whoever stays in place; after a cut everybody is somebody new."""

    def __init__(self) -> None:
        self._places: dict[int, Box] = {}
        self._next = 0

    def leave(self) -> None:
        self._places = {}

    def numbers(self, boxes: list[Box]) -> list[int]:
        """The number of each box; a new one for a face that was nowhere near."""
        free, found = dict(self._places), []
        for box in boxes:
            near = max(free, key=lambda n: free[n].overlap(box), default=None)
            if near is None or free[near].overlap(box) < _SAME_PLACE:
                near, self._next = self._next, self._next + 1
            free.pop(near, None)
            self._places[near] = box
            found.append(near)
        return found


def _seen(number: int, time: Fraction, image: Picture, face: Landmarks) -> SeenFace:
    crop = take(image, crop_for(face, CROP_SIZE, CROP_FACTOR))
    return SeenFace(number, time, crop, Box.around(face.xy))
