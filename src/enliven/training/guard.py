"""Notices that learning goes wrong before weights are spoiled."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping

from enliven.training.game import DivergedError

_WINDOW = 50
"""Discriminator steps over which its loss is averaged."""


class Guard:
    """Looks at the losses of every step; raises :class:`DivergedError` with the reason."""

    def __init__(self, discriminator_limit: float) -> None:
        self._limit = discriminator_limit
        self._recent: deque[float] = deque(maxlen=_WINDOW)

    def look(self, values: Mapping[str, float]) -> None:
        """``values``: losses of one step by name."""
        for name, value in values.items():
            if not math.isfinite(value):
                raise DivergedError(f"loss '{name}' is not a number")
        if "discriminator" not in values:
            return
        self._recent.append(values["discriminator"])
        mean = sum(self._recent) / len(self._recent)
        if len(self._recent) == _WINDOW and mean > self._limit:
            raise DivergedError(
                f"the discriminator diverged (mean hinge loss {mean:.1f}, limit {self._limit:g})"
            )
