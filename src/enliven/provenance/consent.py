"""The terms of use: shown and asked for once, kept in the user's folder."""

from __future__ import annotations

import json
import os
from datetime import datetime, timezone
from pathlib import Path

from enliven.assets import builtin_photo
from enliven.errors import ConsentError
from enliven.provenance.user_folder import make_user_folder, not_kept, user_folder, write_owner_only

EDITION = 1
TERMS = """enliven moves a photo of a person by the face of another. Such video can deceive and hurt.

Use it only with the consent of the person whom the photo shows, or of whoever may speak for them.
Do not use it to deceive, to harass, or to make anybody say what they would not.

What it makes carries signed credentials and an invisible watermark that say that it was made; there is no
switch that turns them off. Anybody can read them with `enliven verify`."""

_TRUE = {"1", "true", "yes"}


def terms_file() -> Path:
    """Where it is kept that the terms were accepted."""
    return user_folder() / "terms.json"


def accepted() -> bool:
    """Whether this edition of the terms was accepted, earlier or by ENLIVEN_ACCEPT_TERMS."""
    if os.environ.get("ENLIVEN_ACCEPT_TERMS", "").lower() in _TRUE:
        return True
    try:
        return int(json.loads(terms_file().read_text())["edition"]) >= EDITION
    except (OSError, ValueError, KeyError, TypeError):
        return False


def accept() -> None:
    """Keep that the user accepts the terms. Raises ProvenanceError when it cannot be kept."""
    make_user_folder()
    when = datetime.now(timezone.utc).isoformat(timespec="seconds")
    try:
        write_owner_only(terms_file(), json.dumps({"edition": EDITION, "accepted": when}).encode())
    except OSError as error:
        raise not_kept(terms_file(), error) from None


def needs_asking(photo: Path) -> bool:
    """False once the terms were accepted, and for the built-in photo."""
    return not accepted() and not _is_builtin(photo)


def refusal() -> ConsentError:
    """What to tell where nobody can be asked."""
    return ConsentError(
        "The terms of use have not been accepted, and nobody can be asked here: use enliven only with the consent "
        "of the people shown. Accept with --accept-terms (kept for this user), or set ENLIVEN_ACCEPT_TERMS=1."
    )


def _is_builtin(photo: Path) -> bool:
    """The packaged photo or a copy of it."""
    own = builtin_photo()
    try:
        return photo.stat().st_size == own.stat().st_size and photo.read_bytes() == own.read_bytes()
    except OSError:
        return False
