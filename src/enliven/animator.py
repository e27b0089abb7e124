"""The order of the rooms: a photo and a driving face in, a talking picture out."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from enliven.compositing.paste import Paster
from enliven.driving import Driving, DrivingSettings
from enliven.engines import load_engine, weights_of
from enliven.errors import OutputError
from enliven.gallery.gather import gather
from enliven.heads import gallery_of
from enliven.lost import losses_told, without_losses
from enliven.media.audio import Sound
from enliven.motion.regions import TransferSettings
from enliven.motion.stream import transfer_stream
from enliven.motion.transfer import MotionTransfer
from enliven.prefetch import prefetch
from enliven.provenance.manifest import sha256_of
from enliven.provenance.outlet import Outlet, Provenance, check_output, open_marker, open_output
from enliven.quiet import quiet_pools
from enliven.renderings import Renderings
from enliven.settings import AnimateSettings, Summary
from enliven.types import Frame

PathLike = str | Path
Pictures = PathLike | Sequence[PathLike]
"""A photo, a folder of photos or a video of the person, or several of them."""
Progress = Callable[[int, int | None], None]

_LOOKAHEAD_SECONDS = Fraction(10)
"""How much of the driving video is searched for a reference frame before the first picture goes out."""


def no_progress(done: int, total: int | None) -> None:
    """Shows nothing."""


def animate(
    photo: Pictures,
    driving: PathLike,
    out: PathLike,
    *,
    settings: AnimateSettings | None = None,
    start: Fraction | None = None,
    end: Fraction | None = None,
    overwrite: bool = False,
    provenance: Provenance | None = None,
    progress: Progress = no_progress,
) -> Summary:
    """Write a video of the person in ``photo`` moving like the face in ``driving``; complete or absent.

    ``photo``: one photo, or several, folders and videos of one person: the first usable one is animated, up to 31
    others lend what it does not show; ``driving``: a video, an animated GIF, a folder of numbered images or a
    ``.motion`` file; ``start``, ``end``: seconds of it; ``out``: .mp4, .webm, .gif, or a folder for PNG frames;
    ``provenance``: who agreed and which key signs; ``progress``: called with frames done and expected.
    Raises MediaError, FaceError, OutputError, MotionFileError, ProvenanceError and UsageError.
    """
    began = time.perf_counter()
    refuse_own_input(Path(out), *paths_of(photo), Path(driving))
    check_output(Path(out), overwrite=overwrite)
    settings = settings or AnimateSettings()
    with quiet_pools(), Driving(Path(driving), _driving_settings(settings, start, end)) as driver:
        driver.begin()  # the face is followed while the person is made ready
        summary = Animator(photo, settings)._written(
            driver, Path(out), overwrite=overwrite, provenance=provenance, progress=progress
        )
    return replace(summary, seconds=time.perf_counter() - began)


def _driving_settings(
    settings: AnimateSettings, start: Fraction | None, end: Fraction | None
) -> DrivingSettings:
    return DrivingSettings(settings.driving_face, settings.smoothing, start, end)


def paths_of(photo: Pictures) -> list[Path]:
    """The paths that the user named, in their order."""
    return [Path(photo)] if isinstance(photo, (str, Path)) else [Path(path) for path in photo]


def _roles(photos: list[Path], head: Path | None) -> tuple[tuple[str, Path], ...]:
    """What a person comes from, each with a role of its own: photo, photo 2, ..., or head."""
    numbered = [(f"photo {n}" if n > 1 else "photo", path) for n, path in enumerate(photos, 1)]
    return (*numbered, *([("head", head)] if head else []))


def refuse_own_input(out: Path, *given: Path) -> None:
    """Raises OutputError when the result would replace what it is made from."""
    for path in given:
        if out.exists() and path.exists() and out.samefile(path):
            raise OutputError(
                f"{out} is what the result is made from; it is not replaced. Choose another name."
            )


class Animator:
    """One person, ready to be driven as often as one likes.

    >>> for frame in Animator("me.jpg").frames("talk.mp4"):  # doctest: +SKIP
    ...     show(frame.image, frame.time)
    """

    @quiet_pools()
    def __init__(self, photo: Pictures = (), settings: AnimateSettings | None = None) -> None:
        """``photo`` as for :func:`animate`; none with ``settings.head``.

        Raises MediaError for an unreadable photo, FaceError when none shows a usable face or some show somebody else.
        """
        self.settings = settings or AnimateSettings()
        named = paths_of(photo)
        self._sources = _roles(named, self.settings.head)
        if self.settings.head is None:
            self.gallery = gather(named, self.settings)
        else:
            self.gallery = gallery_of(self.settings.head, named, self.settings)
        self.portrait = self.gallery.portrait
        self.engine, self._engine_notes = load_engine(self.settings, self.gallery)
        self._paster = Paster(self.portrait.picture)

    def frames(
        self,
        driving: PathLike,
        *,
        start: Fraction | None = None,
        end: Fraction | None = None,
        provenance: Provenance | None = None,
        unmarked_because: str = "",
    ) -> Iterator[Frame]:
        """The moving person, one frame a driving frame, with exact times and the invisible watermark.

        ``unmarked_because``: your reason for pictures without the watermark, such as a measurement; nobody
        will be able to tell that they were made. Whoever publishes them must mark them otherwise.
        """
        wanted = _driving_settings(self.settings, start, end)
        with (
            quiet_pools(),
            Driving(Path(driving), wanted) as driver,
            closing(self._rendered(driver)) as rendered,
        ):
            driver.begin()
            if unmarked_because:
                yield from rendered
                return
            about = self._about(provenance, Path(driving))
            marker = open_marker(self.portrait.landmarks.image_size_wh, about)
            for frame in rendered:
                yield frame.with_image(marker.mark(frame.image))

    def write(
        self,
        driving: PathLike,
        out: PathLike,
        *,
        start: Fraction | None = None,
        end: Fraction | None = None,
        overwrite: bool = False,
        provenance: Provenance | None = None,
        progress: Progress = no_progress,
    ) -> Summary:
        """Like :func:`animate`, for a person who is driven more than once."""
        with quiet_pools(), Driving(Path(driving), _driving_settings(self.settings, start, end)) as driver:
            driver.begin()
            return self._written(
                driver, Path(out), overwrite=overwrite, provenance=provenance, progress=progress
            )

    def _written(
        self,
        driver: Driving,
        out: Path,
        *,
        overwrite: bool,
        provenance: Provenance | None,
        progress: Progress,
    ) -> Summary:
        began = time.perf_counter()
        sound, warnings = self._sound(driver)
        with open_output(
            out,
            size_wh=self.portrait.landmarks.image_size_wh,
            rate=driver.rate,
            time_base=driver.time_base,
            sound=sound,
            overwrite=overwrite,
            provenance=self._about(provenance, driver.source),
            threads=self.settings.threads,
        ) as output:
            frames, duration = self._write_all(driver, output, progress)
        return self._summary(driver, output, out, warnings, frames, duration, time.perf_counter() - began)

    def _about(self, provenance: Provenance | None, driving: Path) -> Provenance:
        """What is said about a result, completed by what this animator knows."""
        weights = weights_of(self.settings)
        return replace(
            provenance or Provenance(),
            engine=self.engine.name,
            model_sha256=sha256_of(weights) if weights else "",
            inputs=(*self._sources, ("driving", driving)),
        )

    def _write_all(self, driver: Driving, output: Outlet, progress: Progress) -> tuple[int, Fraction]:
        """Number of frames written and the time of the last one."""
        count, last = 0, Fraction(0)
        for frame in prefetch(self._rendered(driver), depth=2):
            with driver.watch.room("outlet"):
                output.write(frame)
            count, last = count + 1, frame.time
            progress(count, driver.frame_count)
        return count, last

    def _rendered(self, driver: Driving) -> Generator[Frame, None, None]:
        transfer = MotionTransfer(self.portrait.photo_landmarks, self._transfer_settings())
        motions = transfer_stream(driver, transfer, _LOOKAHEAD_SECONDS)
        renderings = Renderings(self.engine, self.portrait, self._paster, self.settings, driver.watch)
        for rendered in prefetch(renderings.of(without_losses(motions, self.settings.on_lost)), depth=2):
            picture = rendered.picture
            if picture is None:
                with driver.watch.room("compositing"):
                    picture = self._paster.paste(rendered.rendering)
            yield Frame(picture, rendered.time)

    def _sound(self, driver: Driving) -> tuple[Sound | None, list[str]]:
        if driver.sound is not None and self.settings.on_lost == "skip":
            return None, ["The sound was left out: moments that are skipped would put it out of step."]
        return driver.sound, []

    def _gallery_notes(self) -> list[str]:
        """Which pictures were used, and when the engine looks at one only."""
        if self.engine.name == "warp" and len(self.gallery.shots) > 1:
            return [
                *self.gallery.notes,
                "Engine warp moves the animated picture alone; --engine hybrid uses all.",
            ]
        return list(self.gallery.notes)

    def _transfer_settings(self) -> TransferSettings:
        return TransferSettings(mode=self.settings.motion, strength=self.settings.strengths())

    def _summary(
        self,
        driver: Driving,
        output: Outlet,
        out: Path,
        warnings: list[str],
        frames: int,
        last: Fraction,
        seconds: float,
    ) -> Summary:
        return Summary(
            out=out,
            frames=frames,
            frames_lost=driver.frames_lost,
            scene_cuts=driver.cuts,
            duration=last + (1 / driver.rate if driver.rate else 0),
            seconds=seconds,
            size_wh=output.size_wh,
            crop_xyxy=self.portrait.crop_xyxy(),
            engine=self.engine.name,
            ms_per_frame=driver.watch.ms_per(frames),
            warnings=(
                *self.portrait.notes,
                *self._gallery_notes(),
                *self._engine_notes,
                *warnings,
                *driver.warnings,
                *losses_told(driver.frames_lost, driver.frames, driver.cuts, self.settings.on_lost),
                *output.notes,
            ),
        )
