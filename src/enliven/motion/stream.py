"""A stream of tracked faces becomes a stream of motions, with a bounded look ahead."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction

from enliven.motion.transfer import MotionTransfer
from enliven.types import Motion, TrackedFace


def transfer_stream(
    tracked: Iterable[TrackedFace], transfer: MotionTransfer, lookahead_seconds: Fraction
) -> Iterator[Motion]:
    """One motion for every tracked face, in order.

    Before the first one goes out, up to ``lookahead_seconds`` of the driver are searched for the frame most
    like the photo; later frames may still replace it, blended in without a jump. After a scene cut the
    search begins anew with what follows the cut. Memory is bounded by the look ahead.
    """
    source = iter(tracked)
    ahead: deque[TrackedFace] = deque()
    is_first = True
    while _fill(ahead, source, lookahead_seconds, transfer):
        if is_first or ahead[0].scene_cut:
            transfer.choose_among(_until_cut(ahead))
            is_first = False
        yield transfer.update(ahead.popleft())


def _fill(
    ahead: deque[TrackedFace], source: Iterator[TrackedFace], seconds: Fraction, transfer: MotionTransfer
) -> bool:
    """Read on until the look ahead is full; False when nothing is left."""
    while not ahead or ahead[-1].time - ahead[0].time < seconds:
        face = next(source, None)
        if face is None:
            break
        ahead.append(face)
        if not any(waiting.scene_cut for waiting in list(ahead)[1:]):
            transfer.consider(face)
    return bool(ahead)


def _until_cut(ahead: deque[TrackedFace]) -> list[TrackedFace]:
    """The frames from the first one up to the next scene cut."""
    segment: list[TrackedFace] = []
    for face in ahead:
        if segment and face.scene_cut:
            break
        segment.append(face)
    return segment
