"""What becomes of moments in which the driver's face was not seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from enliven.types import Motion


def without_losses(motions: Iterator[Motion], on_lost: str) -> Iterator[Motion]:
    """The motions with lost moments held as they are, skipped (later ones move up), or the end.

    ``on_lost``: `hold`, `skip` or `stop`; before the face is seen for the first time nothing stops.
    """
    ever_seen, left_out, skipping_since = False, Fraction(0), None
    for motion in motions:
        if motion.held and on_lost == "stop" and ever_seen:
            return
        if motion.held and on_lost == "skip":
            skipping_since = motion.time if skipping_since is None else skipping_since
            continue
        if skipping_since is not None:
            left_out, skipping_since = left_out + motion.time - skipping_since, None
        ever_seen = ever_seen or not motion.held
        yield replace(motion, time=motion.time - left_out)


def losses_told(lost: int, frames: int, cuts: int, on_lost: str) -> list[str]:
    """What the driver's track lacks, in words: ``lost`` of ``frames`` without the face, ``cuts`` between scenes."""
    told = []
    if lost:
        then = {"hold": "held", "skip": "skipped", "stop": "the end"}[on_lost]
        told.append(f"The driver's face was not seen in {lost} of {frames} frames: {then} there.")
    if cuts:
        told.append(f"The driving video has {cuts} scene cuts; the motion begins anew after each.")
    return told
