"""enliven brings a still photo of a face to life, led by the landmarks of a driving face.

>>> import enliven
>>> enliven.animate("me.jpg", driving="talk.mp4", out="me.mp4")  # doctest: +SKIP

The names below load what they need when they are first used, so that ``import enliven`` is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "animate": "enliven.animator",
    "Animator": "enliven.animator",
    "AnimateSettings": "enliven.settings",
    "Summary": "enliven.settings",
    "EnlivenError": "enliven.errors",
}

if TYPE_CHECKING:
    from enliven.animator import Animator, animate
    from enliven.errors import EnlivenError
    from enliven.settings import AnimateSettings, Summary

__all__ = ["AnimateSettings", "Animator", "EnlivenError", "Summary", "__version__", "animate"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'enliven' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
