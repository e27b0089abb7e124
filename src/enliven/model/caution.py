"""Where the networks' painting is not to be trusted, whatever they say themselves."""

from __future__ import annotations

import cv2
import numpy as np

from enliven.measure import mouth_openness
from enliven.model.strokes import outlined
from enliven.topology import FACE_OVAL, OUTER_LIPS
from enliven.types import FaceCrop, Floats, Overlay

LEARNED_MOUTH, UNSEEN_MOUTH = 0.04, 0.09
"""Mouth openness (:func:`enliven.measure.mouth_openness`) up to which the painting is better than the mesh's own mouth,
and from which it is worse: a pale mean of all mouths, blurred teeth in smiles."""
_GROWN = 1.15
"""The lips' outline is grown by this factor: lower lips were painted over as well."""
_SHRINK = 4
"""Pixels in a cell in which the face's surroundings are told."""


def trust(points: Floats, size: int) -> Floats:
    """(size, size) 1 where the painting counts, down to 0 at a mouth that is open wider than the networks learned.

    ``points``: (478, 3) driving landmarks in pixels of a crop of side ``size``. The mesh's own layer shows instead.
    """
    rise = (mouth_openness(points) - LEARNED_MOUTH) / (UNSEEN_MOUTH - LEARNED_MOUTH)
    doubt = float(np.clip(rise, 0.0, 1.0))
    if doubt == 0.0:
        return np.ones((size, size), np.float32)
    lips = points[list(OUTER_LIPS), :2]
    grown = points[:, :2].copy()
    grown[list(OUTER_LIPS)] = (lips - lips.mean(axis=0)) * _GROWN + lips.mean(axis=0)
    soft = cv2.blur(outlined(grown, OUTER_LIPS, size), (9, 9))
    return np.asarray(1.0 - doubt * soft, np.float32)


def paintable(points: Floats, size: int, *, cut_out: bool) -> Floats:
    """(size, size) where painting counts at all: everywhere, of a person who is ``cut_out`` near the face alone.

    ``points``: as of :func:`trust`.
    """
    return near_face(points, size) if cut_out else np.ones((size, size), np.float32)


def near_face(points: Floats, size: int) -> Floats:
    """(size, size) 1 on the face and close around it, softly down to 0.

    Where the person is cut out, hair and outline lie before a backdrop that is known: painted over they are pale and
    have halos. ``points``: as of :func:`trust`.
    """
    cells = cv2.dilate(outlined(points[:, :2], FACE_OVAL, size, _SHRINK), np.ones((3, 3), np.uint8))
    return np.asarray(
        cv2.resize(cv2.blur(cells, (5, 5)), (size, size), interpolation=cv2.INTER_LINEAR), np.float32
    )


def not_final(overlays: tuple[Overlay, ...], crop: FaceCrop) -> Floats | None:
    """(size, size) 0 where an overlay is final, 1 elsewhere; None when none is. ``crop``: where the painting lies.

    A loan covers hair that hangs over a far cheek; the networks, who read that hair, painted a bruise on it.
    """
    kept: Floats | None = None
    for overlay in overlays:
        if overlay.final is None:
            continue
        place = (crop.to_picture.inverse() @ overlay.to_picture).matrix
        final = cv2.warpAffine(overlay.final, place, (crop.size, crop.size), flags=cv2.INTER_LINEAR)
        kept = 1.0 - final if kept is None else kept * (1.0 - final)
    return kept


def on_person(points: Floats, *people: Floats) -> Floats:
    """(size, size) 1 on the person, 0 from their outline on: beyond it the networks' soft edge is a glow.

    ``points``: as of :func:`trust`; ``people``: (size, size) 0..1 where one or two moved photos show the person.
    """
    size = people[0].shape[0]
    shown = np.maximum.reduce([outlined(points[:, :2], FACE_OVAL, size), *people])
    return np.asarray(np.clip(2.0 * cv2.blur(shown, (3, 3)) - 1.0, 0.0, 1.0), np.float32)
