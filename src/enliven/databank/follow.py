"""The runs of a video in which one face is followed without a break."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from enliven.databank.build_settings import BuildSettings
from enliven.face.crop import crop_of_square, fixed_square, take
from enliven.face.landmarker import MediaPipeLandmarker
from enliven.face.tracker import FaceTracker
from enliven.geometry import Box
from enliven.media.reader import open_video
from enliven.types import FaceCrop, Frame, Landmarks, Picture


@dataclass(eq=False)
class Run:
    """Consecutive frames that show one face."""

    scene: int
    """Counts the scene cuts before it."""
    times: list[Fraction] = field(default_factory=list)
    faces: list[Landmarks] = field(default_factory=list)

    def crop(self, settings: BuildSettings) -> FaceCrop:
        """The one square for all its frames."""
        boxes = [Box.around(face.xy) for face in self.faces]
        square = fixed_square(boxes, self.faces[0].image_size_wh, settings.crop_factor)
        return crop_of_square(square, settings.size)


def find_runs(video: Path, settings: BuildSettings, landmarker: MediaPipeLandmarker) -> Iterator[Run]:
    """Runs in order, each as soon as it ends; raises MediaError for a video that cannot be read."""
    with open_video(video, threads=1) as reader:
        frames = thinned(reader, settings.most_rate)
        yield from _stills(frames, landmarker) if settings.stills else _followed(frames, settings, landmarker)


def thinned(frames: Iterable[Frame], most_rate: float) -> Iterator[Frame]:
    """Leaves out frames of faster videos; a tenth of a frame is forgiven, since times are rounded."""
    step = Fraction(1) / Fraction(most_rate).limit_denominator(1000)
    due: Fraction | None = None
    for frame in frames:
        if due is None or frame.time >= due - step / 10:
            yield frame
            due = frame.time + step if due is None or frame.time > due + step else due + step


class Cropper:
    """Reads along behind the tracker, once."""

    def __init__(self, video: Path) -> None:
        self._reader = open_video(video, threads=1)
        self._frames = iter(self._reader)

    def take(self, run: Run, crop: FaceCrop) -> list[Picture]:
        """The pictures of a run; runs come in order of time."""
        wanted, pictures = set(run.times), []
        while wanted:
            frame = next(self._frames)
            if frame.time in wanted:
                wanted.remove(frame.time)
                pictures.append(take(frame.image, crop))
        return pictures

    def close(self) -> None:
        """Closes the video."""
        self._reader.close()


def _followed(
    frames: Iterator[Frame], settings: BuildSettings, landmarker: MediaPipeLandmarker
) -> Iterator[Run]:
    run = Run(0)
    with FaceTracker(landmarker=landmarker) as tracker:
        for frame in frames:
            seen = tracker.update(frame)
            ends = not seen.found or seen.scene_cut or _is_full(run, frame.time, settings)
            if ends and run.times:
                yield run
            if ends:
                run = Run(tracker.cuts)
            if seen.found and seen.landmarks is not None:
                run.times.append(frame.time)
                run.faces.append(seen.landmarks)
    if run.times:
        yield run


def _is_full(run: Run, time: Fraction, settings: BuildSettings) -> bool:
    return bool(run.times) and time - run.times[0] >= Fraction(settings.most_seconds).limit_denominator(1000)


def _stills(frames: Iterator[Frame], landmarker: MediaPipeLandmarker) -> Iterator[Run]:
    run = Run(0)
    for frame in frames:
        found = landmarker.detect(frame.image)
        if found:
            run.times.append(frame.time)
            run.faces.append(found[0])
    if run.times:
        yield run
