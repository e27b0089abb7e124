"""Options that several commands share, written once."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer

from enliven.errors import UsageError

DrivingFace = Annotated[
    str,
    typer.Option(
        help="Which face of the driving video: largest, left, right, an index from the left (0, 1, ...) or x,y."
    ),
]
Smoothing = Annotated[
    float, typer.Option(min=0.0, max=4.0, help="How strongly landmark noise is smoothed; 0 is off.")
]
Start = Annotated[str | None, typer.Option(help="Begin here in the driving video, in seconds.")]
End = Annotated[str | None, typer.Option(help="End here in the driving video, in seconds.")]
AllowMixed = Annotated[
    bool, typer.Option("--allow-mixed", help="Use all pictures even when some seem to show somebody else.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace OUT when it exists.")]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="No progress, no closing line; errors still show.")
]

Consent = Annotated[str, typer.Option(help="Who agreed and how; goes into the file's credentials.")]
Subject = Annotated[str, typer.Option(help="Whom the photo shows; goes into the file's credentials.")]
Cert = Annotated[
    Path | None,
    typer.Option(
        help="Your own certificate chain (PEM), the signer's first.",
        show_default="$ENLIVEN_CERT, else local ones, made on first use",
    ),
]
Key = Annotated[
    Path | None, typer.Option(help="The key (PEM) that belongs to --cert.", show_default="$ENLIVEN_KEY")
]
ShowLabel = Annotated[bool, typer.Option("--label", help="Also show a small AI in a corner of the picture.")]
AcceptTerms = Annotated[
    bool,
    typer.Option(
        "--accept-terms", help="Accept the terms of use (only with people's consent), kept for this user."
    ),
]


def warn(warnings: Iterable[str]) -> None:
    """Each on a line of its own on stderr."""
    for warning in warnings:
        print(f"note: {warning}", file=sys.stderr)


def seconds(text: str | None) -> Fraction | None:
    """Exact seconds from ``12``, ``12.5``, ``25/3`` or ``1:02.5``.

    >>> seconds("1:02.5")
    Fraction(125, 2)
    """
    if text is None:
        return None
    try:
        total = Fraction(0)
        for part in text.split(":"):
            total = total * 60 + Fraction(part)
    except (ValueError, ZeroDivisionError):
        raise UsageError(
            f"'{text}' is not a time. Give seconds such as 12.5, or minutes as 1:02.5."
        ) from None
    if total < 0:
        raise UsageError(f"The time {text} is negative; times count from the beginning of the video.")
    return total


def strength_of_all(texts: list[str]) -> float:
    """The factor for everything among texts such as ``0.8`` and ``mouth=1.2``; 1 when there is none."""
    factors = [_factor(text) for text in texts if "=" not in text]
    if len(factors) > 1:
        raise UsageError("--strength was given more than once for everything; give it once, or by region.")
    return factors[0] if factors else 1.0


def region_strengths(texts: list[str]) -> tuple[tuple[str, float], ...]:
    """(region, factor) for texts such as ``mouth=1.2``."""
    pairs = (text.split("=", 1) for text in texts if "=" in text)
    return tuple((region.strip(), _factor(factor)) for region, factor in pairs)


def _factor(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"'{text}' is not a strength. Give a number such as 0.8, or mouth=1.2.") from None
