"""The driving side: a video, GIF, folder of images or `.motion` file becomes a stream of tracked faces."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType

from enliven.errors import FaceError
from enliven.face.tracker import FaceTracker
from enliven.media.audio import Sound
from enliven.media.reader import VideoReader, open_video
from enliven.motion.smoothing import LandmarkSmoother
from enliven.motion.template import MotionReader
from enliven.prefetch import Prefetched
from enliven.stopwatch import Stopwatch
from enliven.types import Frame, TrackedFace

MOTION_SUFFIX = ".motion"

_PICTURES_AHEAD = 2
"""Pictures that are decoded while the face is looked for in an earlier one."""
_FACES_AHEAD = 256
"""Faces that are followed before anybody asks for them; 11 kB each."""


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

    def __init__(self, source: Path, settings: DrivingSettings) -> None:
        """Raises MediaError or MotionFileError when ``source`` cannot be read."""
        self.source = source
        self._settings = settings
        self.watch = Stopwatch()
        """Counts rooms "media.read" and "face", and what else a video is made in."""
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
        self._faces = self._stack.enter_context(closing(self._track(self._video)))
        self.size_wh = self._video.info.size_wh
        self.rate = self._video.info.rate
        self.time_base = self._video.info.time_base
        self.frame_count = self._video.info.frame_count

    @property
    def sound(self) -> Sound | None:
        """The driving video's, where it has some that can be carried across."""
        if self._video is None or not self._video.info.has_sound:
            return None
        return Sound(self.source, self._settings.start, self._settings.end)

    def begin(self) -> None:
        """Follow the face from now on in a thread of its own, beside whatever else is to be made ready."""
        self._faces = self._stack.enter_context(Prefetched(self._faces, _FACES_AHEAD))

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

    def _track(self, video: VideoReader) -> Generator[TrackedFace, None, None]:
        smoother = LandmarkSmoother(self._settings.smoothing)
        with (
            FaceTracker(self._settings.face) as tracker,
            Prefetched(self._read(video), _PICTURES_AHEAD) as pictures,
        ):
            for picture in pictures:
                with self.watch.room("face"):
                    face = smoother.update(tracker.update(picture))
                yield face

    def _read(self, video: VideoReader) -> Generator[Frame, None, None]:
        pictures = iter(video)
        while True:
            with self.watch.room("media.read"):
                picture = next(pictures, None)
            if picture is None:
                return
            yield picture

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
