"""What every rendering engine offers, whether it learned anything or not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from enliven.types import Floats, Rendering


class Engine(Protocol):
    """One person, ready to be rendered with moved landmarks, as often as one likes."""

    @property
    def name(self) -> str:
        """What the user calls this engine, for reports and manifests."""

    def render(self, points: Floats) -> Rendering:
        """The person with landmarks at ``points``, (478, 3) float32 in photo pixels."""

    def begin(self, points: Floats) -> Callable[[], Rendering]:
        """The first half of :meth:`render`; what it gives is the other half.

        Both halves of all frames come in the frames' order; the second may run in another thread, beside the next
        frame's first.
        """
