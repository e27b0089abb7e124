"""What happens to pictures on their way to a viewer: resampled, scaled, encoded, decoded, cropped.

True and made frames go through the same draw of it, so that neither compression nor resampling tells them apart.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import av
import cv2
import numpy as np
import numpy.typing as npt

from enliven.face.crop import crop_for, take
from enliven.geometry import Similarity
from enliven.types import Floats, Landmarks, Picture

STORED_SIZE = 208
"""Side of stored crops: the network's 192 and room for shifts."""
CROP_FACTOR = 1.45
"""Side of the 192 pixels that are judged, over the face's longer side; the same as at run time."""
_STORED_FACTOR = CROP_FACTOR * STORED_SIZE / 192
_PLAIN_SHARE = 1 / 3
_KERNELS = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)
Planes = npt.NDArray[np.uint8]
"""I420: (S * 3 / 2, S)."""
Shares = npt.NDArray[np.uint8]
"""(52, 52) share of changed pixels, 0 to 255, one for every 4 x 4 pixels of a stored crop."""
SHARES_SIZE = STORED_SIZE // 4


@dataclass(frozen=True)
class Chain:
    """One way to the viewer."""

    turn_deg: float = 0.0
    grow: float = 1.0
    """First resampling, as a photo of another size would undergo."""
    shift_px: tuple[float, float] = (0.0, 0.0)
    kernel: int = cv2.INTER_CUBIC
    scale: float = 1.0
    """Second resampling: the picture is made smaller by it before it is encoded."""
    crf: int | None = None
    """H.264 quality; None leaves the frames unencoded."""

    def apply(
        self, frames: Sequence[Picture], points: Sequence[Floats]
    ) -> tuple[list[Picture], list[Floats]]:
        """The frames (S, S, 3) as the viewer has them, and the landmarks in their pixels."""
        moved = [self._resampled(frame) for frame in frames]
        place = self._place(frames[0].shape[0])
        small = _even(frames[0].shape[0] * self.scale)
        if small < frames[0].shape[0]:
            moved = [np.asarray(cv2.resize(f, (small, small), interpolation=cv2.INTER_AREA)) for f in moved]
        shrink = small / frames[0].shape[0]
        resize = Similarity(shrink, 0.0, ((shrink - 1) / 2, (shrink - 1) / 2))
        places = [Landmarks(p, (small, small)).moved(resize @ place, (small, small)).points for p in points]
        return (moved if self.crf is None else recoded(moved, self.crf)), places

    def unencoded(self) -> Chain:
        """The same way through space alone."""
        return replace(self, crf=None)

    def _place(self, side: int) -> Similarity:
        """Turned and grown about the middle, then shifted."""
        middle = (side - 1) / 2
        turn = Similarity(self.grow, self.turn_deg)
        x, y = turn.apply(np.array([middle, middle]))
        return Similarity(
            self.grow, self.turn_deg, (middle - x + self.shift_px[0], middle - y + self.shift_px[1])
        )

    def _resampled(self, frame: Picture) -> Picture:
        side = frame.shape[0]
        matrix = self._place(side).matrix
        moved = cv2.warpAffine(
            frame, matrix, (side, side), flags=self.kernel, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(moved, np.uint8)


def draw_chain(random: np.random.Generator) -> Chain:
    """For training: a third is only shifted; of the rest two thirds are encoded, and half is made smaller."""
    if random.random() < _PLAIN_SHARE:
        return draw_test_chain(random)
    return Chain(
        turn_deg=float(random.normal(0, 3)),
        grow=float(random.uniform(0.9, 1.1)),
        shift_px=(float(random.uniform(-4, 4)), float(random.uniform(-4, 4))),
        kernel=int(random.choice(_KERNELS)),
        scale=float(random.uniform(0.5, 1.0)) if random.random() < 0.5 else 1.0,
        crf=int(random.integers(18, 35)) if random.random() < 0.67 else None,
    )


def draw_test_chain(random: np.random.Generator, scale: float = 1.0, crf: int | None = None) -> Chain:
    """For measuring: a shift by parts of a pixel, then the given scale and quality."""
    shift = (float(random.uniform(-1, 1)), float(random.uniform(-1, 1)))
    return Chain(shift_px=shift, scale=scale, crf=crf)


def resampled_again(frame: Picture, random: np.random.Generator) -> Picture:
    """Moved by part of a pixel, as an engine resamples what it moves: interpolation alone is no trace."""
    matrix = np.array([[1.0, 0.0, random.uniform(-0.5, 0.5)], [0.0, 1.0, random.uniform(-0.5, 0.5)]])
    side = (frame.shape[1], frame.shape[0])
    moved = cv2.warpAffine(frame, matrix, side, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)


def recoded(frames: Sequence[Picture], crf: int) -> list[Picture]:
    """The frames (H, W, 3), of even sides, after H.264 at this quality."""
    file = io.BytesIO()
    options = {"crf": str(crf), "preset": "veryfast", "threads": "1"}
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=25, options=options)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for number, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
            picture.pts, picture.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    file.seek(0)
    with av.open(file) as container:
        container.streams.video[0].codec_context.thread_count = 1
        return [np.asarray(f.to_ndarray(format="rgb24"), np.uint8) for f in container.decode(video=0)]


def stored_crop(frame: Picture, points: Floats) -> Planes:
    """The face of a frame as it is kept for training: I420 of side 208, (312, 208)."""
    crop = crop_for(Landmarks(points, (frame.shape[1], frame.shape[0])), STORED_SIZE, _STORED_FACTOR)
    return np.asarray(cv2.cvtColor(take(frame, crop), cv2.COLOR_RGB2YUV_I420), np.uint8)


def changed_shares(stored: Planes) -> Shares:
    """A stored crop of a black and white picture of what was changed, as shares."""
    size = SHARES_SIZE, SHARES_SIZE
    return np.asarray(cv2.resize(to_rgb(stored)[..., 1], size, interpolation=cv2.INTER_AREA), np.uint8)


def to_rgb(planes: Planes) -> Picture:
    """(312, 208) to (208, 208, 3)."""
    return np.asarray(cv2.cvtColor(planes, cv2.COLOR_YUV2RGB_I420), np.uint8)


def _even(side: float) -> int:
    return max(16, 2 * round(side / 2))
