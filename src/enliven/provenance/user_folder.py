"""Where enliven keeps what belongs to one user: their credentials and whether they accepted the terms."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

from enliven.errors import ProvenanceError

OWNER_ONLY_FOLDER, OWNER_ONLY_FILE = 0o700, 0o600


def user_folder() -> Path:
    """``$ENLIVEN_CONFIG``, else ``$XDG_CONFIG_HOME/enliven``, else ``~/.config/enliven``; it may not exist yet."""
    named = os.environ.get("ENLIVEN_CONFIG")
    if named:
        return Path(named).expanduser()
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "enliven"


def make_user_folder() -> Path:
    """The folder, made for its owner alone. Raises ProvenanceError when it cannot be."""
    folder = user_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=OWNER_ONLY_FOLDER)
    except OSError as error:
        raise not_kept(folder, error) from None
    return folder


def write_owner_only(path: Path, content: bytes) -> None:
    """Write a file that its owner alone may read; complete or not at all. Raises OSError."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY_FILE)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def not_kept(path: Path, error: OSError) -> ProvenanceError:
    """What to tell when the system refuses."""
    return ProvenanceError(
        f"{path} could not be written ({error.strerror or error}); credentials and the accepted terms are kept "
        "there. Make it writable, or name another folder in the environment variable ENLIVEN_CONFIG."
    )
