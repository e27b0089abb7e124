"""What a shot must be like to enter a databank."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from enliven.databank.shards import write_text
from enliven.databank.shot import HighQuality
from enliven.errors import DatabankError
from enliven.types import JsonObject

_HIGH = HighQuality()


@dataclass(frozen=True)
class BuildSettings:
    """Thresholds and sizes; the defaults suit raw videos and crops of talking people."""

    size: int = 256
    """Side of the frames in the databank, pixels."""
    crop_factor: float = 1.9
    """Side of the crop over the longer side of the face; a wandering face gets a larger crop."""
    most_rate: float = 25.0
    """Frames a second at most; of faster videos frames are left out."""
    most_seconds: float = 10.0
    """Longer shots are cut into pieces of this length."""
    min_frames: int = 12
    """Shorter shots are dropped."""
    least_face_px: float = 48.0
    """Smallest height of the face in the video, pixels."""
    least_sharpness: float = 0.05
    """See ``shot.sharpness``."""
    least_motion: float = 0.002
    """Least spread of the landmarks over time, as a share of the face; a frozen picture has none."""
    most_outside: float = 0.08
    """Largest share of landmarks outside the crop, for faces at the edge of the picture."""
    stills: bool = False
    """The frames do not follow each other: a face is found in each alone, and no motion is demanded."""
    identity_per_scene: bool = False
    """Every scene shows somebody else: for videos of several people without a csv."""
    high: HighQuality = _HIGH
    """What counts as high quality."""

    def __post_init__(self) -> None:
        if self.size < 32 or self.size % 2 or self.min_frames < 2:
            raise DatabankError(
                f"A databank needs an even size from 32 on and min_frames of 2 or more; "
                f"got {self.size} and {self.min_frames}."
            )
        if not 1.2 <= self.crop_factor <= 4.0:
            raise DatabankError(f"The crop factor must lie in 1.2..4, got {self.crop_factor:g}.")
        if self.most_rate <= 0 or self.most_seconds <= 0:
            raise DatabankError("Rate and length of shots must be positive.")
        if self.most_seconds * self.most_rate > 3000:
            raise DatabankError("Shots of more than 3,000 frames do not fit in memory; choose fewer seconds.")


_SHAPING = ("size", "crop_factor", "most_rate", "most_seconds", "high")
"""What all shots of a databank have in common; thresholds may differ from one set of videos to the next."""


def keep_settings(bank: Path, settings: BuildSettings) -> None:
    """Remember how the databank is built. Raises DatabankError naming what differs from the time before."""
    file = bank / "build.json"
    wanted: JsonObject = {name: value for name, value in asdict(settings).items() if name in _SHAPING}
    if not file.exists():
        write_text(file, json.dumps(wanted, indent=1) + "\n")
        return
    found = json.loads(file.read_text())
    for name, value in wanted.items():
        if found.get(name) != value:
            raise DatabankError(
                f"The databank {bank} was built with {name} = {found.get(name)}, but {value} was asked for. "
                "Use the same setting, or another folder."
            )
