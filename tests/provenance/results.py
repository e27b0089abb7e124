"""Small results, written through the one way out, and what an outsider would do to them."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np

from enliven.provenance.outlet import Outlet, Provenance, open_output
from enliven.types import Frame, Picture

SIZE_WH = (256, 256)


def picture(number: int = 0) -> Picture:
    """Soft clouds that drift: something to hide a watermark in."""
    return np.roll(_clouds(), 2 * number, axis=1)


@cache
def _clouds() -> Picture:
    noise = np.random.default_rng(7).normal(size=(SIZE_WH[1], SIZE_WH[0], 3)).astype(np.float32)
    soft = sum(cv2.GaussianBlur(noise, (0, 0), sigma) * sigma for sigma in (2, 8, 24))
    return np.clip(128 + 45 * soft, 0, 255).astype(np.uint8)


def opened(path: Path, provenance: Provenance | None = None, *, overwrite: bool = False) -> Outlet:
    return open_output(
        path, size_wh=SIZE_WH, rate=Fraction(25), overwrite=overwrite, provenance=provenance, threads=1
    )


def made(
    path: Path, provenance: Provenance | None = None, *, frames: int = 4, overwrite: bool = False
) -> Path:
    """A result of a few frames."""
    with opened(path, provenance, overwrite=overwrite) as outlet:
        for number in range(frames):
            outlet.write(Frame(picture(number), Fraction(number, 25)))
    return path


def flipped(path: Path, out: Path, *, share: float = 0.6) -> Path:
    """The same file with one bit of the picture data changed."""
    body = bytearray(path.read_bytes())
    body[int(len(body) * share)] ^= 1
    out.write_bytes(bytes(body))
    return out


def reencoded(path: Path, out: Path) -> Path:
    """The pictures alone, as a web site might keep them."""
    with av.open(str(path)) as source, av.open(str(out), "w") as target:
        stream = target.add_stream("libx264", rate=25, options={"crf": "23"})
        stream.width, stream.height = SIZE_WH
        stream.pix_fmt = "yuv420p"
        for frame in source.decode(video=0):
            again = av.VideoFrame.from_ndarray(frame.to_ndarray(format="rgb24"), format="rgb24")
            target.mux(stream.encode(again))
        target.mux(stream.encode())
    return out
