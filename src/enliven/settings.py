"""What a user may choose when a photo is animated, and what is told afterwards."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from enliven.errors import UsageError

MOTIONS = ("relative", "absolute")
REGIONS = ("pose", "mouth", "eyes", "brows", "gaze")
OUTPUTS = ("photo", "crop")
ON_LOST = ("hold", "skip", "stop")
BACKGROUNDS = ("still", "follow")
ENGINES = ("hybrid", "warp")
DEVICES = ("auto", "cpu", "gpu")


def _one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UsageError(f"{name} is '{value}'; it must be one of: {', '.join(known)}.")


@dataclass(frozen=True)
class AnimateSettings:
    """How a photo is driven; every field has the default that most people expect."""

    motion: str = "relative"
    """relative: the driver's changes on the source's own face; absolute: the driver's landmarks as they are."""
    regions: tuple[str, ...] = REGIONS
    """Which parts move: pose, mouth, eyes, brows, gaze."""
    strength: float = 1.0
    """How far everything moves, 0 (still) to 2."""
    region_strengths: tuple[tuple[str, float], ...] = ()
    """(region, factor) pairs that multiply ``strength`` for one region."""
    output: str = "photo"
    """photo: the whole photo, its face moving; crop: the square around the face."""
    size: int | None = None
    """Longest side of the output in pixels; None keeps the photo's own resolution."""
    photo_face: str = "largest"
    """Which face of the photo: largest, left, right, an index from the left, or x,y."""
    driving_face: str = "largest"
    """Which face of the driving video, likewise."""
    on_lost: str = "hold"
    """While the driver is lost: hold the last motion, skip those moments, or stop there."""
    background: str = "still"
    """still: the person is cut out and moves before it; follow: what is near the head moves along."""
    smoothing: float = 1.0
    """Strength of the landmark filter; 0 is off."""
    aim: bool = True
    """Look at results and send the landmarks so that they are seen where they should be."""
    engine: str = "hybrid"
    """What makes the pixels: hybrid (learned), or warp (the photo's own pixels alone; needs no weights)."""
    weights: Path | None = None
    """Folder that `enliven export` wrote, for engine hybrid; None: the weights in the package."""
    head: Path | None = None
    """A head that `enliven learn` wrote, in place of photos; engine hybrid."""
    device: str = "auto"
    """Where the networks run: cpu, gpu, or auto (cpu)."""
    threads: int = 0
    """Threads for decoding and encoding; 0 leaves the choice to the libraries."""
    allow_mixed: bool = False
    """Use several pictures also when some seem to show somebody else."""

    def __post_init__(self) -> None:
        _one_of("motion", self.motion, MOTIONS)
        _one_of("output", self.output, OUTPUTS)
        _one_of("on_lost", self.on_lost, ON_LOST)
        _one_of("background", self.background, BACKGROUNDS)
        _one_of("engine", self.engine, ENGINES)
        _one_of("device", self.device, DEVICES)
        for region in (*self.regions, *(name for name, _ in self.region_strengths)):
            _one_of("region", region, REGIONS)
        if self.engine == "warp" and (self.weights is not None or self.device == "gpu"):
            what = "weights were" if self.weights is not None else "a GPU was"
            raise UsageError(f"The engine warp has no networks, but {what} named; use the engine hybrid.")
        for factor in (self.strength, *(factor for _, factor in self.region_strengths)):
            if not 0.0 <= factor <= 2.0:
                raise UsageError(f"A strength of {factor} was asked for; it must lie between 0 and 2.")
        if self.size is not None and not 64 <= self.size <= 8192:
            raise UsageError(f"A size of {self.size} was asked for; it must lie between 64 and 8192 pixels.")

    def strengths(self) -> dict[str, float]:
        """Factor by region; regions that were not chosen stand still at 0."""
        factors = dict(self.region_strengths)
        return {
            region: self.strength * factors.get(region, 1.0) if region in self.regions else 0.0
            for region in REGIONS
        }


@dataclass(frozen=True)
class Summary:
    """What one run did."""

    out: Path
    frames: int
    frames_lost: int
    """Driving frames in which the face was not seen."""
    scene_cuts: int
    duration: Fraction
    """Of the output, in seconds."""
    seconds: float
    """Wall time from the call to the finished file."""
    size_wh: tuple[int, int]
    crop_xyxy: tuple[float, float, float, float] | None
    """The square of the photo that was written with output 'crop', in photo pixels."""
    engine: str
    ms_per_frame: dict[str, float] = field(default_factory=dict)
    """Milliseconds by room for each frame; rooms that work side by side overlap in time."""
    warnings: tuple[str, ...] = ()

    @property
    def frames_per_second(self) -> float:
        """Output frames by wall second, everything counted."""
        return self.frames / self.seconds if self.seconds > 0 else 0.0

    def as_json(self) -> dict[str, Any]:
        """Plain values only."""
        plain = asdict(self)
        plain |= {
            "out": str(self.out),
            "duration": round(float(self.duration), 6),
            "seconds": round(self.seconds, 3),
            "faces_lost": self.frames_lost,
            "fps": round(self.frames_per_second, 2),
        }
        return plain

    def sentence(self) -> str:
        """For people."""
        return (
            f"{self.out}: {self.frames} frames, {float(self.duration):.2f} s of video, "
            f"made in {self.seconds:.1f} s ({self.frames_per_second:.1f} frames/s)"
        )
