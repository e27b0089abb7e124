"""What a wide open mouth shows behind its teeth: a dark throat, and a tongue on its floor.

Few such mouths were seen, of all kinds, and their mean is a pale blur. So these are shapes, whose size and tones are
those of 157 wide mouths of the databank's train split: below the middle of half of them it is as bright as their skin.
"""

from __future__ import annotations

import numpy as np

from enliven.model.opening import Grid, Opening

_WIDE = (0.045, 0.095)
"""Mean gap of the lips, in face heights, from which a mouth is wide open, and at which it is wholly."""
_THROAT, _THROAT_SHOWS = 0.2, 0.65
"""Brightness of the throat in shares of the light, and how much it covers the learned colours."""
_TONGUE_LENGTH, _TONGUE_SHARE = 0.075, 0.55
"""How far a tongue reaches above the lower lip: in face heights, and in shares of the opening at most."""
_TONGUE_WIDTH = 0.78
"""In shares of the mouth's."""
_TONGUE_EDGE = 0.22
"""Share of its height over which it comes out of the dark."""
_TONGUE_SHOWS = 0.95
_TONGUE_BRIGHT = 1.3
"""In shares of the lips' brightness."""
_TONGUE_BACK, _TONGUE_GROOVE, _GROOVE_WIDTH = 0.4, 0.1, 0.1
"""How bright its back is beside its front, how much darker its middle line, and how wide that is."""
_LIP_SHADOW, _LIP_SHADOW_WIDTH = 0.35, 0.016
"""How much darker it is at the lower lip, and how far from it, in face heights."""


def wideness(opening: Opening) -> float:
    """0 for a mouth that is open at most as in talking, to 1."""
    least, most = _WIDE
    return float(np.clip((opening.gap_px / opening.face_px - least) / (most - least), 0.0, 1.0))


def deepened(colours: Grid, opening: Opening, lips: Grid, light: float, teeth: Grid) -> Grid:
    """Colours of the opening's places, (R, C, 3) in shares of the light, with throat and tongue as far as it is wide.

    ``lips``: (3,) their colour and ``light`` the skin's grey level, 0 to 255; ``teeth``: (R, C) 1 where upper teeth
    cover it, to 0.
    """
    wide = wideness(opening)
    if wide <= 0.0:
        return colours
    _, facts, below, above = opening.places(*teeth.shape)
    aside = facts[..., 0]
    level = max(float(lips.mean()), 1.0)
    hue = lips / level
    open_to = wide * (1.0 - teeth)[..., None]
    deep = colours + _THROAT_SHOWS * open_to * (_THROAT * hue**2 - colours)
    tall = np.minimum(_TONGUE_LENGTH, _TONGUE_SHARE * (below + above))
    tall = tall * np.sqrt(np.clip(1.0 - (aside / _TONGUE_WIDTH) ** 2, 0.0, None))
    up = above / np.maximum(tall, 1e-4)
    shows = _TONGUE_SHOWS * np.clip((1.0 - up) / _TONGUE_EDGE, 0.0, 1.0)[..., None] * open_to
    shade = _TONGUE_BACK + (1.0 - _TONGUE_BACK) * np.clip(1.0 - up, 0.0, 1.0)
    shade = shade * (1.0 - _TONGUE_GROOVE * np.exp(-((aside / _GROOVE_WIDTH) ** 2)))
    shade = shade * (1.0 - _LIP_SHADOW * np.clip(1.0 - above / _LIP_SHADOW_WIDTH, 0.0, 1.0))
    tongue = _TONGUE_BRIGHT * lips / light * shade[..., None]
    return np.asarray(deep + shows * (tongue - deep))
