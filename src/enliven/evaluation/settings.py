"""What an evaluation looks at."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from enliven.errors import UsageError
from enliven.types import JsonObject


@dataclass(frozen=True)
class EvaluationSettings:
    """The protocol's numbers; the same settings on the same databank give the same figures."""

    split: str = "val"
    """Whose people are looked at; none of them should have been learned from."""
    shots: tuple[int, ...] = (1, 8, 32)
    """Numbers of photos T; each is a table of its own."""
    every: int = 5
    """Every n-th driving frame is measured; neighbours in time hardly differ."""
    clips: int | None = None
    """At most so many clips, evenly spread over the split; None: all."""
    cross: int = 12
    """Pairs of different people for cross-reenactment; 0: none."""
    sheets: bool = True
    """Draw a contact sheet per clip."""
    threads: int | None = None
    """CPU threads of networks and picture operations; None: as the libraries choose."""
    fit: bool = False
    """Measure all weights also fitted to every person: minutes for each, as `enliven learn` takes."""
    aim: bool = True
    """Correct landmarks by what is seen in results, as `enliven animate` does."""
    seed: int = 0
    """Of pairing and resampling."""

    def __post_init__(self) -> None:
        if not self.shots or min(self.shots) < 1:
            raise UsageError(f"The numbers of photos must be 1 or more, got {list(self.shots)}.")
        object.__setattr__(self, "shots", tuple(sorted(set(self.shots))))
        if self.every < 1 or self.cross < 0 or (self.clips is not None and self.clips < 1):
            raise UsageError(
                "An evaluation needs every >= 1, clips >= 1 and cross >= 0; "
                f"got every {self.every}, clips {self.clips}, cross {self.cross}."
            )

    def to_json(self) -> JsonObject:
        return asdict(self)


def shots_of(text: str) -> tuple[int, ...]:
    """Numbers of photos from a list such as ``1,8,32``.

    >>> shots_of("8, 1")
    (8, 1)
    """
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise UsageError(
            f"'{text}' is no list of numbers of photos; separate whole numbers by commas, as in 1,8,32."
        ) from None
