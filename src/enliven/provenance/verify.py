"""What a file says about its making: credentials, watermark, whether they agree, and what that means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

from enliven.errors import MediaError
from enliven.media.image import read_photo
from enliven.media.reader import open_video
from enliven.provenance import verdict
from enliven.provenance.credential_reader import (
    ABSENT,
    STATES,
    UNREADABLE,
    CredentialReader,
    CredentialReading,
)
from enliven.provenance.credentials import local_key_id
from enliven.provenance.watermark import SMALLEST_PX, WatermarkReading, read_watermark
from enliven.types import Frame, JsonObject, Picture

MOST_FRAMES = 200
"""Read at the beginning of a video."""
LATER_PLACES = (Fraction(1, 3), Fraction(2, 3))
"""Where a longer video is searched too, as shares of its length: ours may be a part of it."""
LATER_FRAMES = 60
"""Read at each of them."""
_ANIMATED = {".gif", ".webp", ".apng", ".png"}
_STILL = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".hif"}


NOT_FOUND = WatermarkReading(False, None, 0.0, 0)


@dataclass(frozen=True)
class Verification:
    """Everything that was found."""

    path: Path
    credentials: CredentialReading
    """Of a folder: the worst that any of its pictures has."""
    pictures: dict[str, int]
    """Of a folder: how many pictures have credentials in which state; else empty."""
    watermark: WatermarkReading
    picture_problem: str
    """Why no watermark could be searched: too small, or not to be decoded; else empty."""
    own_key_id: int | None
    """Of this computer's local credentials."""

    @property
    def agreement(self) -> bool | None:
        """Whether the watermark is the one that the credentials name; None when one of them is lacking."""
        if self.watermark.payload is None or self.credentials.payload is None:
            return None
        return self.watermark.payload == self.credentials.payload

    @property
    def own_key(self) -> bool | None:
        """Whether the watermark names this computer's own key; one in 65 536 foreign keys does so by chance."""
        if self.watermark.payload is None or self.own_key_id is None:
            return None
        return self.watermark.payload >> 16 == self.own_key_id

    @property
    def says_made(self) -> bool:
        """Whether anything says that the file was made."""
        return self.watermark.found or self.credentials.says_made

    def sentence(self) -> str:
        """What was found means, for people."""
        return verdict.sentence(self.credentials, self.watermark, self.agreement, self.pictures)

    def facts(self) -> JsonObject:
        """Plain values, for programs."""
        return {
            "file": str(self.path),
            "says_made": self.says_made,
            "sentence": self.sentence(),
            "credentials": verdict.credential_facts(self.credentials, self.pictures),
            "watermark": verdict.watermark_facts(self.watermark, self.picture_problem, self.own_key),
            "watermark_agrees_with_credentials": self.agreement,
        }


def verify(path: Path) -> Verification:
    """Look for credentials and watermark in a photo, video, animated picture or folder of pictures.

    Reads a video's pictures at a few places only, and its bytes only when there are credentials to check them
    against. Raises MediaError for what is missing, or shows no picture and has no credentials either.
    """
    reader = CredentialReader()
    if path.is_dir():
        readings = [reader.read(picture) for picture in _pictures_of(path)]
        credentials = max(readings, key=_badness, default=CredentialReading(ABSENT))
        pictures = dict(Counter(reading.state for reading in readings))
    else:
        if not path.exists():
            raise MediaError(
                f"There is no such file: {path}. A photo, a video or a folder was expected there."
            )
        credentials, pictures = reader.read(path), {}
    try:
        watermark, problem = search_watermark(path)
    except MediaError as error:
        if credentials.state in {ABSENT, UNREADABLE}:
            raise
        watermark, problem = NOT_FOUND, str(error)
    return Verification(path, credentials, pictures, watermark, problem, local_key_id())


def search_watermark(path: Path) -> tuple[WatermarkReading, str]:
    """The first watermark found at the places searched, and why none could be searched (else empty)."""
    best = NOT_FOUND
    for pictures in _samples(path):
        first = next(pictures, None)
        if first is None:
            continue
        if min(first.shape[:2]) < SMALLEST_PX:
            return (
                NOT_FOUND,
                f"The picture is too small to hold one: less than {SMALLEST_PX} pixels on a side.",
            )
        reading = read_watermark(_and_then(first, pictures))
        if reading.payload is not None:
            return reading, ""
        if (reading.found, reading.confidence) >= (best.found, best.confidence):
            best = reading
    return best, ""


def _samples(path: Path) -> Iterator[Iterator[Picture]]:
    """The pictures of each place to search; few, however long the video."""
    if _is_still(path):
        yield iter([read_photo(path)])
        return
    with open_video(path) as video:
        duration = video.info.duration
        yield (frame.image for frame in islice(video, MOST_FRAMES))
        rate = video.info.rate or Fraction(25)
    if duration is None or duration * rate <= MOST_FRAMES:
        return
    for place in LATER_PLACES:
        # A video may be damaged or end earlier than it says; what its other places hold still counts.
        with suppress(MediaError), open_video(path, start=duration * place) as video:
            yield _until_damage(islice(video, LATER_FRAMES))


def _until_damage(frames: Iterator[Frame]) -> Iterator[Picture]:
    with suppress(MediaError):
        for frame in frames:
            yield frame.image


def _and_then(first: Picture, rest: Iterator[Picture]) -> Iterator[Picture]:
    yield first
    yield from rest


def _is_still(path: Path) -> bool:
    if path.is_dir() or path.suffix.lower() not in _STILL:
        return False
    if path.suffix.lower() not in _ANIMATED:
        return True
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            return getattr(image, "n_frames", 1) == 1
    except (OSError, UnidentifiedImageError):
        return True  # read_photo says what is wrong with it


def _pictures_of(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in _STILL and not p.name.startswith("."))


def _badness(reading: CredentialReading) -> int:
    """Absence counts least: a picture without credentials among others does not hide what they say."""
    return -1 if reading.state == ABSENT else STATES.index(reading.state)
