"""A driving video becomes a `.motion` file: numbers only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from enliven import __version__
from enliven.driving import Driving, DrivingSettings
from enliven.motion.template import MotionWriter, read_motion_info


@dataclass(frozen=True)
class RecordSummary:
    """What was recorded."""

    out: Path
    frames: int
    frames_lost: int
    seconds: float
    kbit_per_s: float
    rms_error_px: float
    """Of the stored x and y against the tracked ones, scaled to a face 256 pixels high."""

    def sentence(self) -> str:
        """For people."""
        return (
            f"{self.out}: {self.frames} frames, {self.seconds:.2f} s, {self.kbit_per_s:.1f} kbit/s, "
            f"RMS error {self.rms_error_px:.3f} px at a 256 px face, face lost in {self.frames_lost} frames"
        )


def record_motion(
    video: Path,
    out: Path,
    *,
    source: str = "",
    face: str = "largest",
    smoothing: float = 1.0,
    start: Fraction | None = None,
    end: Fraction | None = None,
    overwrite: bool = False,
    progress: Callable[[int, int | None], None] | None = None,
) -> RecordSummary:
    """Follow one face through ``video`` and store its landmarks in ``out``.

    Raises MediaError, FaceError (no face in the whole video) and OutputError; ``out`` is complete or absent.
    """
    settings = DrivingSettings(face, smoothing, start, end)
    with (
        Driving(video, settings) as driving,
        MotionWriter(
            out,
            size_wh=driving.size_wh,
            rate=driving.rate,
            time_base=driving.time_base,
            source=source,
            made_with=f"enliven {__version__}",
            overwrite=overwrite,
        ) as writer,
    ):
        for tracked in driving:
            writer.write(tracked)
            if progress is not None:
                progress(driving.frames, driving.frame_count)
        rms_error_px = writer.rms_error_px
    info = read_motion_info(out)
    return RecordSummary(
        out, driving.frames, driving.frames_lost, float(info.duration), info.kbit_per_s, rms_error_px
    )
