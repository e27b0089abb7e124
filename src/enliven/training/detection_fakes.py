"""Made pictures to learn from: our own engines and simple blends, on the crops of a databank. Unmarked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from enliven.face.matte import matte_of, mattes_of
from enliven.model.talking_head import TalkingHead
from enliven.model.warp_engine import WarpEngine
from enliven.motion.transfer import MotionTransfer
from enliven.topology import FACE_OVAL, LEFT_EYE, OUTER_LIPS, RIGHT_EYE
from enliven.types import Floats, Landmarks, Picture, Rendering, TrackedFace

TRUE, WARP, BLEND = "true", "warp", "blend"
"""Where a picture comes from; learned engines have the names that their checkpoints are given."""

_VISIBLE_LEVELS = 6
Paste = Callable[[Picture, Rendering], Picture]
"""A photo and what an engine says about it become a frame; handed in, since training stands beside compositing."""


class Maker(Protocol):
    """An engine that moves a photo."""

    def make(self, photo: Picture, photo_points: Floats, motion: Sequence[Floats]) -> list[Picture]:
        """The photo, (S, S, 3), with its landmarks (478, 3) at each of ``motion``."""


class WarpMaker:
    """The engine that moves the photo's pixels."""

    def __init__(self, paste: Paste) -> None:
        self._paste = paste

    def make(self, photo: Picture, photo_points: Floats, motion: Sequence[Floats]) -> list[Picture]:
        """See :class:`Maker`."""
        landmarks = Landmarks(photo_points, (photo.shape[1], photo.shape[0]))
        engine = WarpEngine(photo, landmarks, matte=matte_of(photo, landmarks))
        return [self._paste(photo, engine.render(points)) for points in motion]


class LearnedMaker:
    """The networks of checkpoints; each photo goes to the next one."""

    def __init__(self, checkpoints: Sequence[Path], size: int) -> None:
        """Raises ModelError when a checkpoint cannot be used or was not made for crops of ``size``."""
        self._heads = [TalkingHead.from_checkpoint(path) for path in checkpoints]
        self._size = size
        self._turn = 0

    def make(self, photo: Picture, photo_points: Floats, motion: Sequence[Floats]) -> list[Picture]:
        """See :class:`Maker`."""
        head = self._heads[self._turn % len(self._heads)]
        self._turn += 1
        head.embed([photo], [photo_points], mattes_of([photo], [photo_points]))
        return [head.render(points).result for points in motion]


def transferred(source: Floats, driver: Sequence[Floats], size: int) -> list[Floats]:
    """The driver's motion on the source's face: (478, 3) in pixels of a crop of ``size``, for every frame."""
    wh = (size, size)
    transfer = MotionTransfer(Landmarks(source, wh))
    faces = [TrackedFace(Fraction(n, 25), Landmarks(points, wh), True) for n, points in enumerate(driver)]
    transfer.choose_among(faces)
    return [transfer.update(face).points for face in faces]


def draw_blend(random: np.random.Generator) -> dict[str, float]:
    """How a blend is done; one draw for all frames of a clip."""
    return {
        "region": float(random.integers(3)),
        "reach": float(random.uniform(0.88, 1.08)),
        "feather": float(random.uniform(0.008, 0.05)),
        "colour": float(random.uniform(0.5, 1.0)),
    }


def blend(
    under: Picture, under_points: Floats, donor: Picture, donor_points: Floats, how: dict[str, float]
) -> Picture:
    """A donor's face, mouth or eyes on another picture: fitted by landmarks, colours matched, edges soft."""
    fit = _affine(donor_points[:468, :2], under_points[:468, :2])
    side = (under.shape[1], under.shape[0])
    moved = cv2.warpAffine(donor, fit, side, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    mask = _region_mask(under_points[:, :2], int(how["region"]), how["reach"], side)
    if mask.sum() < 16:
        return under
    moved = _with_colours(moved, under, mask > 0, how["colour"])
    height = float(np.ptp(under_points[:, 1]))
    alpha = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), max(0.6, how["feather"] * height))[..., None]
    mixed = under + (moved - under) * alpha
    return np.asarray(np.clip(np.round(mixed), 0, 255), np.uint8)


def difference(made: Picture, begun: Picture) -> Picture:
    """(H, W, 3) white where a picture is visibly not what it was made from any more, else black."""
    changed = cv2.absdiff(made, begun).max(axis=2) > _VISIBLE_LEVELS
    return np.repeat(changed[..., None], 3, axis=2).astype(np.uint8) * np.uint8(255)


def _affine(source: Floats, target: Floats) -> npt.NDArray[np.float64]:
    """(2, 3) the least-squares affine map of (N, 2) points."""
    augmented = np.column_stack([source, np.ones(len(source))])
    return np.asarray(np.linalg.lstsq(augmented, target, rcond=None)[0].T)


def _region_mask(xy: Floats, region: int, reach: float, side: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """1 inside the hull of face (0), mouth (1) or eyes (2), ``reach`` times as large."""
    mask = np.zeros(side[::-1], np.uint8)
    parts = {0: (FACE_OVAL,), 1: (OUTER_LIPS,), 2: (RIGHT_EYE, LEFT_EYE)}[region]
    wider = reach * (1.0, 1.7, 1.9)[region]  # lips and lids with the skin around them
    for part in parts:
        hull = cv2.convexHull(xy[list(part)])[:, 0]
        middle = hull.mean(axis=0)
        cv2.fillConvexPoly(mask, np.round(middle + (hull - middle) * wider).astype(np.int32), 1)
    return mask


def _with_colours(moved: Picture, under: Picture, inside: npt.NDArray[np.bool_], strength: float) -> Floats:
    """(H, W, 3) float: mean and spread of each colour drawn towards those beneath (Reinhard et al. 2001)."""
    donor, below = moved[inside].astype(np.float32), under[inside].astype(np.float32)
    scale = np.clip((below.std(axis=0) + 1.0) / (donor.std(axis=0) + 1.0), 0.6, 1.6)
    matched = (moved - donor.mean(axis=0)) * scale + below.mean(axis=0)
    result: Floats = (moved + (matched - moved) * np.float32(strength)).astype(np.float32)
    return result
