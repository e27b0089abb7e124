"""What travels between the rooms: small frozen dataclasses over NumPy arrays.

Conventions (docs/conventions.md): pictures are RGB uint8 ``(H, W, 3)``; points are ``(x, y)`` in
pixels with pixel centres at whole numbers and y down; z has the unit of x and is smaller nearer to
the camera; time is an exact ``Fraction`` of seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from enliven.geometry import FloatArray, Similarity

Picture = npt.NDArray[np.uint8]
"""RGB, ``(H, W, 3)``."""

Floats = npt.NDArray[np.float32]
"""Any float32 array; the docstring beside it gives the shape."""

LANDMARK_COUNT = 478
"""MediaPipe's face mesh (468) and its irises (2 x 5)."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a video and when it is shown."""

    image: Picture
    """RGB uint8 (H, W, 3), upright (rotation already applied)."""
    time: Fraction
    """Seconds since the beginning of the video; never negative, strictly increasing."""

    @property
    def size_wh(self) -> tuple[int, int]:
        return self.image.shape[1], self.image.shape[0]

    def with_image(self, image: Picture) -> Frame:
        """The same moment showing another picture."""
        return replace(self, image=image)


@dataclass(frozen=True, eq=False)
class Landmarks:
    """The 478 points of one face in one picture."""

    points: Floats
    """(478, 3) float32: x, y in pixels of the picture, z in the same unit, smaller is nearer."""
    image_size_wh: tuple[int, int]
    """Size of the picture that the points belong to."""

    def __post_init__(self) -> None:
        if self.points.shape != (LANDMARK_COUNT, 3):
            raise ValueError(f"landmarks must be (478, 3), got {self.points.shape}")

    @property
    def xy(self) -> Floats:
        """(478, 2)"""
        return self.points[:, :2]

    def moved(self, similarity: Similarity, image_size_wh: tuple[int, int]) -> Landmarks:
        """The same face after the picture was scaled, rotated and shifted; z scales along."""
        xy = similarity.apply(self.xy)
        z = self.points[:, 2:] * similarity.scale
        points = np.concatenate([xy, z], axis=1).astype(np.float32)
        return Landmarks(points, image_size_wh)


@dataclass(frozen=True, eq=False)
class TrackedFace:
    """What the tracker says about one frame of the followed face."""

    time: Fraction
    landmarks: Landmarks | None
    """The smoothed points; while the face is lost, the last known ones; None before it was ever seen."""
    found: bool
    """True when the face was measured in this very frame, False while its last place is held."""
    scene_cut: bool = False
    """True on the first frame after a cut: what came before says nothing about this frame."""


@dataclass(frozen=True, eq=False)
class Motion:
    """Where the landmarks of the *source* person shall lie in one output frame."""

    points: Floats
    """(478, 3) float32 in pixels of the source photo."""
    time: Fraction
    held: bool = False
    """True when the driver was lost and this repeats the last motion."""


@dataclass(frozen=True)
class FaceCrop:
    """The square of a picture that a model reads."""

    to_picture: Similarity
    """Maps crop pixels (0 .. size-1) to picture pixels."""
    size: int
    """Side of the crop in crop pixels."""


@dataclass(frozen=True, eq=False)
class Overlay:
    """A patch of synthesised pixels to lay over the warped photo."""

    image: Picture
    """RGB uint8 (h, w, 3)."""
    alpha: Floats
    """(h, w) float32 in 0..1: 1 shows the overlay, 0 the warped photo."""
    to_picture: Similarity
    """Maps overlay pixels to photo pixels."""
    final: Floats | None = None
    """(h, w) float32 in 0..1: 1 where a network that saw what lies below is not to change it; None for nowhere."""


@dataclass(frozen=True, eq=False)
class Retouch:
    """What a network changes of the warped photo: each pixel becomes ``gain`` times itself plus ``add``.

    A gain near 1 keeps the photo's own detail, finer than the network's pixels, under what is added.
    """

    gain_add: Floats
    """(h, w, 4) float32: gain, then what is added to R, G and B in grey levels."""
    to_picture: Similarity
    """Maps its pixels to photo pixels; only scaled and shifted. Outside of it nothing is changed."""


@dataclass(frozen=True, eq=False)
class Matte:
    """How much of each pixel of a part of a photo is the person."""

    alpha: Floats
    """(h, w) float32 in 0..1, evenly over the part."""
    box_xyxy: tuple[int, int, int, int]
    """The part in whole photo pixels, ends outside."""

    def cells(self, xy: FloatArray) -> FloatArray:
        """(..., 2) photo pixels to places in ``alpha``."""
        x0, y0, x1, y1 = self.box_xyxy
        rows, columns = self.alpha.shape[:2]
        return (xy + 0.5 - [x0, y0]) * [columns / (x1 - x0), rows / (y1 - y0)] - 0.5


@dataclass(frozen=True, eq=False)
class Backdrop:
    """What stays when the person moves in front of it; the same for all frames."""

    plate: Picture
    """RGB uint8 (h, w, 3): a part of the photo, the person's place filled in."""
    alpha: Picture
    """uint8 (h, w): 255 where the photo shows the person, who moves, 0 where it shows what stays."""
    corner_xy: tuple[int, int]
    """The part's first pixel in the photo; above it where the photo cuts off the head."""

    @property
    def box_xyxy(self) -> tuple[int, int, int, int]:
        """Its first pixel in the photo, and the one after the last."""
        (x, y), (height, width) = self.corner_xy, self.alpha.shape
        return x, y, x + width, y + height

    def plate_in(self, box_xyxy: tuple[int, int, int, int]) -> Picture:
        """(h, w, 3) what stays in a box of the photo that lies within its own."""
        (x, y), (x0, y0, x1, y1) = self.corner_xy, box_xyxy
        return self.plate[y0 - y : y1 - y, x0 - x : x1 - x]


@dataclass(frozen=True, eq=False)
class Rendering:
    """What an engine says about one output frame: move the photo's pixels so, then add these.

    A flow instead of a picture, so that the photo's own resolution survives.
    """

    flow: Floats
    """(g, g, 2) float32 over the crop: photo pixel to read minus photo pixel to write, in photo pixels."""
    crop: FaceCrop
    """Where the flow's grid lies in the photo; outside of it nothing moves."""
    overlays: tuple[Overlay, ...] = ()
    backdrop: Backdrop | None = None
    """Shown where the moved pixels are not the person's; None moves the background along."""
    retouch: Retouch | None = None
    """Applied last, over the overlays."""


@dataclass(frozen=True, eq=False)
class FurtherPhoto:
    """Another picture of the animated photo's person: an upright square around the face."""

    picture: Picture
    """RGB (L, L, 3)."""
    points: Floats
    """(478, 3) in its pixels."""
    standing: Standing | None = None
    """Of a picture that was taken where the animated one was, and cut out at its square; None for any other."""


@dataclass(frozen=True, eq=False)
class Standing:
    """What a picture of the animated photo's own scene shows at that photo's square."""

    known: Floats
    """(L, L) 1 where it shows something, 0 where it was cut off."""
    matte: Matte
    """The person, in its pixels."""


@dataclass(frozen=True, eq=False)
class SceneView:
    """A further picture of the photo's person in the same scene, as a square of the photo's would show it."""

    picture: Picture
    """RGB (S, S, 3)."""
    known: Floats
    """(S, S) 1 where the picture shows something, 0 where it was cut."""
    points: Floats
    """(478, 3) in pixels of the photo."""
    person: Floats | None = None
    """(S, S) 0..1 how much of each pixel is the person; None where no outline was found."""


@dataclass(frozen=True, eq=False)
class Scene:
    """A square of a photo, and what further pictures of the same scene show there."""

    crop: FaceCrop
    picture: Picture
    """RGB (S, S, 3) the photo under the crop."""
    views: tuple[SceneView, ...]
    person: Floats | None = None
    """(S, S) as of a view: how much of each pixel of the photo is the person."""


JsonObject = dict[str, Any]
"""What ``json.loads`` gives for an object."""
