"""The learned judgement of a photo or video that carries no mark: an estimate, never more.

How judgements are pooled. A crop's logit is the mean of the most suspect quarter of its 12 x 12 places; a
second's, and a face's, is the mean of its looks' logits; a file's is its highest face's. A probability is the
sigmoid of a logit. Means of logits, not sums: the looks at one face share its light, its camera and its encoding,
and are no independent witnesses.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np

from enliven.errors import FaceError
from enliven.geometry import Box
from enliven.provenance.detect_faces import SeenFace, interval_of, is_photo, look_at_photo, looks_at_video
from enliven.provenance.detect_model import DetectionModel, pooled
from enliven.types import Floats, JsonObject, Picture

LIKELY, UNLIKELY = 0.65, 0.35
"""Above the first a face is said to look made; below the second, not to; between them nothing is said."""
_SMALL_FACE_PX = 80.0
CAVEAT = (
    "This is an estimate by a small network that learned from enliven's own engines and simple face blends. "
    "On people it never saw, up to three in ten true clips looked made to it, and after strong compression it told "
    "no better than chance (docs/detection.md). Take no decision from it. "
    "Results of other tools, compression, filters, and small or retouched faces can mislead it either way. "
    "It cannot say who made a picture, nor that a picture is genuine; use it beside `enliven verify` and never "
    "alone."
)

Progress = Callable[[float, float | None], None]
"""Called with seconds looked at and seconds in all (None when unknown)."""


@dataclass(frozen=True)
class Judged:
    """One look at one face."""

    time: Fraction
    """Seconds."""
    logit: float

    @property
    def probability(self) -> float:
        """Of being generated or reenacted, 0 to 1."""
        return sigmoid(self.logit)


@dataclass(frozen=True)
class Second:
    """All looks at a face within one second of the video."""

    second: int
    probability: float
    looks: int


@dataclass(frozen=True, eq=False)
class FaceJudgement:
    """What is said of one person in the file."""

    number: int
    """0 is the main face; with every face judged, in order of appearance."""
    looks: tuple[Judged, ...]
    box: Box
    """Where the face is in its most suspect look, in pixels."""
    crop: Picture
    """(192, 192, 3) of that look."""
    evidence: Floats
    """(12, 12) logits of that look."""

    @property
    def logit(self) -> float:
        """The mean of the looks'."""
        return float(np.mean([look.logit for look in self.looks]))

    @property
    def probability(self) -> float:
        """Of being generated or reenacted, 0 to 1."""
        return sigmoid(self.logit)

    @property
    def most_suspect_time(self) -> Fraction:
        """Of the look that is shown."""
        return max(self.looks, key=lambda look: look.logit).time

    def seconds(self) -> tuple[Second, ...]:
        """The curve: only seconds in which the face was seen."""
        return per_second(self.looks)


@dataclass(frozen=True, eq=False)
class Detection:
    """The judgement of a file."""

    file: Path
    photo: bool
    faces: tuple[FaceJudgement, ...]
    """At least one."""
    looks: int
    """Frames that were looked at."""
    looks_without_face: int
    interval: Fraction
    """Seconds between looks; 0 for a photo."""
    weights: str
    """Fingerprint of the network."""
    notes: tuple[str, ...] = field(default=())

    @property
    def probability(self) -> float:
        """Of the most suspect face."""
        return max(face.probability for face in self.faces)

    @property
    def verdict(self) -> str:
        """`looks made`, `undecided` or `nothing noticed`."""
        if self.probability >= LIKELY:
            return "looks made"
        return "undecided" if self.probability > UNLIKELY else "nothing noticed"

    def sentence(self) -> str:
        """The judgement for people; the caveat belongs beneath it."""
        share, whose = f"{self.probability:.0%}", "The face" if len(self.faces) == 1 else "At least one face"
        if self.verdict == "looks made":
            return f"{whose} looks generated or reenacted: estimated probability {share}."
        if self.verdict == "undecided":
            return f"Undecided: estimated probability {share} that a face is generated or reenacted."
        return f"Nothing was noticed that looks generated or reenacted: estimated probability {share}."

    def facts(self) -> JsonObject:
        """For --json."""
        return {
            "file": str(self.file),
            "kind": "photo" if self.photo else "video",
            "verdict": self.verdict,
            "probability": round(self.probability, 4),
            "sentence": self.sentence(),
            "caveat": CAVEAT,
            "notes": list(self.notes),
            "looks": self.looks,
            "looks_without_face": self.looks_without_face,
            "interval_seconds": round(float(self.interval), 4),
            "weights": self.weights,
            "faces": [_face_facts(face, self.photo) for face in self.faces],
        }


def detect(
    path: Path,
    *,
    every_face: bool = False,
    model: DetectionModel | None = None,
    progress: Progress | None = None,
) -> Detection:
    """Judges the main face of a photo or video, or every face.

    Raises MediaError when the file cannot be read and FaceError when no face is seen in it.
    """
    judge = model or DetectionModel()
    people: dict[int, _Person] = {}
    photo = is_photo(path)
    looks, empty = 0, 0
    interval, length = Fraction(0), None
    if photo:
        sampled = iter([look_at_photo(path, every_face)])
    else:
        interval, length = interval_of(path)
        sampled = looks_at_video(path, interval, every_face)
    for look in sampled:
        looks, empty = looks + 1, empty + (not look.faces)
        for seen in look.faces:
            people.setdefault(seen.number, _Person(seen.number)).add(seen, judge.judge(seen.crop))
        if progress and not photo:
            progress(float(look.time), None if length is None else float(length))
    if not people:
        raise FaceError(_no_face(path, photo, looks))
    faces = tuple(people[number].judgement() for number in sorted(people))
    return Detection(
        path, photo, faces, looks, empty, interval, judge.fingerprint, _notes(faces, looks, empty)
    )


class _Person:
    """Gathers the looks at one face; of the pictures it keeps the most suspect one only."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._looks: list[Judged] = []
        self._shown: tuple[float, SeenFace, Floats] | None = None

    def add(self, seen: SeenFace, evidence: Floats) -> None:
        logit = pooled(evidence)
        self._looks.append(Judged(seen.time, logit))
        if self._shown is None or logit > self._shown[0]:
            self._shown = (logit, seen, evidence.copy())

    def judgement(self) -> FaceJudgement:
        assert self._shown is not None
        _, seen, evidence = self._shown
        return FaceJudgement(self._number, tuple(self._looks), seen.box, seen.crop, evidence)


def per_second(looks: tuple[Judged, ...]) -> tuple[Second, ...]:
    """Looks pooled by whole seconds, in order."""
    seconds: dict[int, list[float]] = {}
    for look in looks:
        seconds.setdefault(math.floor(look.time), []).append(look.logit)
    return tuple(
        Second(second, sigmoid(float(np.mean(logits))), len(logits))
        for second, logits in sorted(seconds.items())
    )


def sigmoid(logit: float) -> float:
    """Logit to probability; never quite 0 nor 1.

    >>> sigmoid(0.0)
    0.5
    """
    return 1.0 / (1.0 + math.exp(-min(max(logit, -30.0), 30.0)))


def _no_face(path: Path, photo: bool, looks: int) -> str:
    where = f"{path}" if photo else f"any of the {looks} frames of {path} that were looked at"
    return (
        f"No face was found in {where}. Detection judges faces only; one clearly visible face, at least 40 pixels "
        "high, is needed."
    )


def _notes(faces: tuple[FaceJudgement, ...], looks: int, empty: int) -> tuple[str, ...]:
    notes = []
    smallest = min(max(face.box.width, face.box.height) for face in faces)
    if smallest < _SMALL_FACE_PX:
        notes.append(
            f"A face is only {smallest:.0f} pixels large; its judgement is poor below {_SMALL_FACE_PX:g}."
        )
    if empty:
        notes.append(f"No face was seen in {empty} of {looks} looks.")
    return tuple(notes)


def _face_facts(face: FaceJudgement, photo: bool) -> JsonObject:
    facts: JsonObject = {
        "number": face.number,
        "probability": round(face.probability, 4),
        "box_xyxy": [round(v, 1) for v in (face.box.x0, face.box.y0, face.box.x1, face.box.y1)],
        "looks": len(face.looks),
    }
    if not photo:
        facts["most_suspect_seconds"] = round(float(face.most_suspect_time), 3)
        facts["seconds"] = [
            {"second": s.second, "probability": round(s.probability, 4), "looks": s.looks}
            for s in face.seconds()
        ]
    return facts
