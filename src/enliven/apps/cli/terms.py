"""Asks once whether the terms of use are accepted."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import typer

from enliven.errors import ConsentError


def require_terms(photos: Sequence[Path], *, accept_terms: bool) -> None:
    """Return when the terms are accepted or not needed for these photos.

    Asks when there is somebody at a terminal. Raises ConsentError when they decline or nobody is there.
    """
    from enliven.provenance import consent

    if accept_terms:
        if not consent.accepted():
            consent.accept()
        return
    if not any(consent.needs_asking(photo) for photo in photos):
        return
    if not somebody_is_there():
        raise consent.refusal()
    typer.echo(f"{consent.TERMS}\n", err=True)
    if not typer.confirm("Will you use it only with people's consent?", default=False, err=True):
        raise ConsentError("The terms of use were not accepted; nothing was made.")
    consent.accept()


def somebody_is_there() -> bool:
    """Whether a question would be read and could be answered."""
    return sys.stdin.isatty() and sys.stderr.isatty()
