"""The driving side: a video, GIF, folder of images or `.motion` file becomes a stream of tracked faces."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType

from enliven.errors import FaceError
from enliven.face.tracker import FaceTracker
from enliven.media.reader import VideoReader, open_video
from enliven.motion.smoothing import LandmarkSmoother
from enliven.motion.template import MotionReader
from enliven.stopwatch import Stopwatch
from enliven.types import TrackedFace

MOTION_SUFFIX = ".motion"


@dataclass(frozen=True)
class DrivingSettings:
    """Which part of which face drives, and how much its landmarks are smoothed."""

    face: str = "largest"
    """Which face of the driving video: largest, left, right, an index from the left, or x,y."""
    smoothing: float = 1.0
    """Strength of the landmark filter, 0 is off; a .motion file was smoothed when it was recorded."""
    start: Fraction | None = None
    """Seconds into the driving material."""
    end: Fraction | None = None


class Driving(AbstractContextManager["Driving"]):
    """Iterates over :class:`TrackedFace`, one a driving frame, times from the beginning of the range."""

    def __init__(self, source: Path, settings: DrivingSettings, watch: Stopwatch | None = None) -> None:
        """Raises MediaError or MotionFileError when ``source`` cannot be read."""
        self.source = source
        self._settings = settings
        self._watch = watch or Stopwatch()
        self._stack = ExitStack()
        self.warnings: list[str] = []
        self.frames = 0
        self.frames_lost = 0
        self.cuts = 0
        self._open()

    def _open(self) -> None:
        if self.source.suffix.lower() == MOTION_SUFFIX and not self.source.is_dir():
            motion = self._stack.enter_context(
                MotionReader(self.source, start=self._settings.start, end=self._settings.end)
            )
            self._faces: Iterator[TrackedFace] = iter(motion)
            self._video: VideoReader | None = None
            self.size_wh = motion.info.size_wh
            self.rate = motion.info.rate
            self.time_base = motion.info.time_base
            self.frame_count: int | None = motion.info.frame_count
            return
        self._video = self._stack.enter_context(
            open_video(self.source, start=self._settings.start, end=self._settings.end)
        )
        self._faces = self._track(self._video)
        self.size_wh = self._video.info.size_wh
        self.rate = self._video.info.rate
        self.time_base = self._video.info.time_base
        self.frame_count = self._video.info.frame_count

    @property
    def has_sound(self) -> bool:
        """True when the driving video has sound that can be carried across."""
        return self._video is not None and self._video.info.has_sound

    def __iter__(self) -> Iterator[TrackedFace]:
        """Raises FaceError at the end when no face was ever seen."""
        ever = False
        for face in self._faces:
            self.frames += 1
            self.frames_lost += not face.found
            self.cuts += face.scene_cut
            ever = ever or face.found
            yield face
        if self._video is not None:
            self.warnings.extend(self._video.warnings)
        if not ever:
            raise FaceError(
                f"No face was found in any of the {self.frames} frames of {self.source}. "
                "A face must be seen at least once; try another driving video or another --start."
            )

    def _track(self, video: VideoReader) -> Iterator[TrackedFace]:
        tracker = self._stack.enter_context(FaceTracker(self._settings.face))
        smoother = LandmarkSmoother(self._settings.smoothing)
        frames = iter(video)
        while True:
            with self._watch.room("media.read"):
                frame = next(frames, None)
            if frame is None:
                return
            with self._watch.room("face"):
                face = smoother.update(tracker.update(frame))
            yield face

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
