"""What the package carries to show itself: a photo, a driving motion, and learned weights."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent


def builtin_photo() -> Path:
    """Portrait of Eileen Collins, astronaut; NASA, public domain, from scikit-image's sample data."""
    return _HERE / "astronaut.png"


def builtin_motion() -> Path:
    """Real speech of a GRID corpus speaker (CC BY 4.0), recorded as landmarks; no picture, no sound."""
    return _HERE / "speech.motion"


def builtin_weights() -> Path:
    """Folder of the learned engine's graphs and weights; see MODEL_CARD.md."""
    return _HERE / "hybrid"
