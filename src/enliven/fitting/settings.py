"""How a head is fitted to one person."""

from __future__ import annotations

from dataclasses import dataclass

from enliven.errors import UsageError


@dataclass(frozen=True)
class FitSettings:
    """Numbers of the fitting; the defaults keep a machine of two cores within the paper's minutes."""

    steps: int | None = None
    """Steps of learning; None: by the number of photos, see :meth:`steps_for`."""
    minutes: float | None = None
    """All that learning may take; None: see :meth:`minutes_for`."""
    batch: int = 2
    """Episodes a step."""
    psi_rate: float = 2e-4
    rate: float = 5e-4
    """Of decoder and motion net."""
    judge_rate: float = 1e-4
    mean: float = 0.95
    """Of the running mean that candidates are taken from."""
    candidates: tuple[float, ...] = (0.25, 0.5, 1.0)
    """When candidates are taken, in shares of the steps; the unfitted base is one in any case."""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.minutes is not None and self.minutes <= 0:
            raise UsageError(f"Learning for {self.minutes} minutes was asked for; it must be more than 0.")
        if self.steps is not None and self.steps < 1:
            raise UsageError(f"{self.steps} steps were asked for; there must be at least 1.")

    def steps_for(self, photos: int) -> int:
        """42 for one photo to 80 for 17 and more: what carries over to other pictures is learned by then.

        Later steps learn these photos by heart, and the person is lost on the way (docs/few-shot.md).
        """
        return self.steps or min(80, 38 + 2 * photos + 2 * min(photos, 4))

    def minutes_for(self, photos: int, *, gpu: bool = False) -> float:
        """All the time there is, fitting and comparing.

        2 minutes for one photo, 4 for up to eight, 8 for more; 20 seconds on a GPU.
        """
        if self.minutes is not None:
            return self.minutes
        if gpu:
            return 1 / 3
        return 2.0 if photos == 1 else 4.0 if photos <= 8 else 8.0
