"""One video, whole: what a worker does, on this machine or on another. The same video gives the same result."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from enliven.databank.build_settings import BuildSettings
from enliven.databank.follow import Cropper, Run, find_runs
from enliven.databank.judge import (
    NO_FACE,
    NOT_LISTED,
    reason_before_cropping,
    reason_in_crop,
    reason_in_facts,
)
from enliven.databank.shards import ShardWriter, write_text
from enliven.databank.shot import Origin, Shot, make_shot
from enliven.databank.sources import SourceVideo
from enliven.errors import DatabankError, InputError
from enliven.face.landmarker import MediaPipeLandmarker, open_landmarker
from enliven.types import JsonObject

MOST_ATTEMPTS = 3
"""Workers that a video may kill before it counts as broken; Ray alone would try for ever."""


@dataclass
class Outcome:
    """What became of a video."""

    name: str
    digest: str
    error: str = ""
    """Why it could not be read; empty when it could."""
    fatal: str = ""
    """Why nothing more can be written; ends the build."""
    shots: int = 0
    """Kept."""
    frames: int = 0
    """In the kept shots."""
    bytes: int = 0
    """Of the part that holds them; 0 when there is none."""
    dropped: dict[str, int] = field(default_factory=dict)
    """Shots by reason; ``no face`` and ``not in the csv`` count the video."""

    def to_json(self) -> JsonObject:
        return asdict(self)


def marker_of(bank: Path, digest: str) -> Path:
    """The file that says that a video is done; in 256 folders, since there may be millions."""
    return bank / "videos" / digest[:2] / f"{digest}.json"


def part_of(bank: Path, digest: str) -> Path:
    """A shard of this video alone, until it is packed with others."""
    return bank / "parts" / f"{digest}.tar"


def process_video(video: SourceVideo, settings: BuildSettings, bank: Path) -> Outcome:
    """Cut the video into shots, write them as a part, mark it done. Broken videos become an error text."""
    cv2.setNumThreads(1)
    outcome = Outcome(video.name, video.digest)
    try:
        with _attempt(bank, video):
            _cut(video, settings, bank, outcome)
    except DatabankError as error:
        outcome.fatal = str(error)
        return outcome
    except InputError as error:
        outcome = Outcome(video.name, video.digest, error=str(error))
    except Exception as error:  # one odd video among a million must not end the build; it is listed
        outcome = Outcome(video.name, video.digest, error=f"{type(error).__name__}: {error}")
    try:
        marker = marker_of(bank, video.digest)
        marker.parent.mkdir(parents=True, exist_ok=True)
        write_text(marker, json.dumps(outcome.to_json()))
    except (DatabankError, OSError) as error:
        outcome.fatal = str(error)
    return outcome


@contextmanager
def _attempt(bank: Path, video: SourceVideo) -> Iterator[None]:
    """Counts, on disk, the attempts that end with the death of the worker. Raises InputError after three."""
    tries = marker_of(bank, video.digest).with_suffix(".tries")
    try:
        tries.parent.mkdir(parents=True, exist_ok=True)
        with tries.open("ab") as file:
            file.write(b".")
        count = tries.stat().st_size
    except OSError as error:
        raise DatabankError(f"{tries} could not be written: {error.strerror}.") from None
    try:
        if count > MOST_ATTEMPTS:
            raise InputError(f"The worker died {MOST_ATTEMPTS} times while reading it.")
        yield
    finally:
        tries.unlink(missing_ok=True)


@cache
def _landmarker() -> MediaPipeLandmarker:
    """One per worker process, since opening its models costs as much as a short clip."""
    return open_landmarker()


def _cut(video: SourceVideo, settings: BuildSettings, bank: Path, outcome: Outcome) -> None:
    dropped: Counter[str] = Counter()
    if not video.listed:
        outcome.dropped = {NOT_LISTED: 1}
        return
    part = part_of(bank, video.digest)
    seen = 0
    cropper = Cropper(Path(video.path))
    try:
        with ShardWriter(part) as writer:
            for number, run in enumerate(find_runs(Path(video.path), settings, _landmarker())):
                seen += 1
                shot, reason = _shot(video, run, number, settings, cropper)
                if shot is None:
                    dropped[reason] += 1
                    continue
                writer.add(shot)
                outcome.shots += 1
                outcome.frames += shot.facts.frames
    finally:
        cropper.close()
    outcome.bytes = part.stat().st_size if outcome.shots else 0
    outcome.dropped = dict(dropped) if seen else {NO_FACE: 1}


def _shot(
    video: SourceVideo, run: Run, number: int, settings: BuildSettings, cropper: Cropper
) -> tuple[Shot | None, str]:
    """The shot, or None and the reason."""
    reason = reason_before_cropping(run, settings)
    if reason:
        return None, reason
    crop = run.crop(settings)
    images = cropper.take(run, crop)
    back, size_wh = crop.to_picture.inverse(), (settings.size, settings.size)
    points = np.stack([face.moved(back, size_wh).points for face in run.faces])
    reason = reason_in_crop(images, points, settings, _landmarker())
    if reason:
        return None, reason
    identity = f"{video.identity}#{run.scene}" if settings.identity_per_scene else video.identity
    origin = Origin(f"{video.digest}-{number:04d}", identity, video.name, video.split, crop.to_picture.scale)
    shot = make_shot(origin, np.stack(images), points, run.times, settings.high)
    reason = reason_in_facts(shot.facts, settings)
    return (None, reason) if reason else (shot, "")
