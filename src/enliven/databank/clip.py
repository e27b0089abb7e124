"""Crops as a short-GOP H.264 clip in memory, and any of its frames back without decoding the others."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from fractions import Fraction

import av
import av.error
import cv2
import numpy as np
import numpy.typing as npt

from enliven.errors import DatabankError
from enliven.types import Picture

Planes = npt.NDArray[np.uint8]
"""I420 as OpenCV has it: (H * 3 / 2, W), the luma above the two quarter-size chroma planes."""

_TIME_BASE = Fraction(1, 90_000)
_OPTIONS = {"crf": "14", "preset": "veryfast", "g": "8", "bf": "0", "threads": "1"}
"""Eight frames a group: any frame costs at most eight decodes, and the file only a few per cent."""


def encode_clip(images: Picture, times: Sequence[Fraction]) -> bytes:
    """(N, H, W, 3) RGB with even sides as an mp4; the times keep their distances to 1/90000 s."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=25, options=_OPTIONS)
        stream.height, stream.width = images.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = _TIME_BASE
        for image, time in zip(images, times, strict=True):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            frame = frame.reformat(format="yuv420p")  # BT.601, averaging chroma, unlike OpenCV's conversion
            frame.pts = round((time - times[0]) / _TIME_BASE)
            frame.time_base = _TIME_BASE
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file.getvalue()


def decode_planes(clip: bytes, wanted: Iterable[int], where: str) -> list[Planes]:
    """The wanted frames, ascending numbers; ``where`` names the clip in the DatabankError of a broken one."""
    try:
        with av.open(io.BytesIO(clip)) as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            packets = [packet for packet in container.demux(stream) if packet.size]
            return _Decoder(stream.codec_context, packets).frames(sorted(wanted))
    except (av.error.FFmpegError, IndexError, ValueError) as error:
        raise DatabankError(
            f"The clip {where} cannot be decoded ({error}). Remove its shard and build the databank again."
        ) from None


def to_rgb(planes: Planes) -> Picture:
    """(H * 3 / 2, W) I420 to (H, W, 3) RGB."""
    return np.asarray(cv2.cvtColor(planes, cv2.COLOR_YUV2RGB_I420), np.uint8)


class _Decoder:
    """Jumps to the key frame before a wanted frame, when that is nearer than the last decoded one."""

    def __init__(self, codec: av.VideoCodecContext, packets: list[av.Packet]) -> None:
        self._codec, self._packets = codec, packets
        self._next = 0

    def frames(self, wanted: list[int]) -> list[Planes]:
        return [self._frame(number) for number in wanted]

    def _frame(self, number: int) -> Planes:
        key = max(i for i in range(number + 1) if self._packets[i].is_keyframe)
        if key > self._next:
            self._codec.flush_buffers()
            self._next = key
        frames: list[av.VideoFrame] = []
        while self._next <= number:
            frames = self._codec.decode(self._packets[self._next])
            self._next += 1
        return np.asarray(frames[0].to_ndarray(format="yuv420p"), np.uint8)
