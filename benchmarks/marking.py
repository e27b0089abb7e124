"""What marking costs: watermark, label and signature, in milliseconds of one core.

    python -m benchmarks.marking

Credentials are made in a temporary folder, so that the user's own are not touched.
"""

from __future__ import annotations

import io
import json
import os
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import cv2
from PIL import Image

from benchmarks.machine import stamp
from enliven.assets import builtin_motion, builtin_photo
from enliven.media.image import read_photo
from enliven.provenance.credential_reader import CredentialReader
from enliven.provenance.credentials import find_credentials
from enliven.provenance.label import Label
from enliven.provenance.manifest import Provenance, making_of
from enliven.provenance.outlet import open_output
from enliven.provenance.signing import Signatory
from enliven.provenance.verify import search_watermark
from enliven.provenance.watermark import Watermark
from enliven.types import Frame


def main() -> None:
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as name:
        os.environ["ENLIVEN_CONFIG"] = name
        for side in (512, 1080):
            _report(side, Path(name))


def _report(side: int, folder: Path) -> None:
    picture = cv2.resize(read_photo(builtin_photo()), (side, side), interpolation=cv2.INTER_CUBIC)
    credentials = find_credentials()
    about = Provenance(inputs=(("photo", builtin_photo()), ("driving", builtin_motion())))
    making = making_of(about, credentials.key_id)
    signatory = Signatory(credentials, making)
    video, png = folder / f"{side}.mp4", folder / f"{side}.png"
    with open_output(video, size_wh=(side, side), rate=Fraction(25), provenance=about) as output:
        for number in range(50):
            output.write(Frame(picture, Fraction(number, 25)))
    Image.fromarray(picture).save(png, compress_level=1)
    still, whole = png.read_bytes(), video.read_bytes()
    watermark, label = Watermark(making.payload, (side, side)), Label((side, side))
    line = {
        "side": side,
        "watermark_ms": _ms(lambda: watermark.mark(picture)),
        "label_ms": _ms(lambda: label.show(picture)),
        "encode_png_ms": _ms(
            lambda: Image.fromarray(picture).save(io.BytesIO(), "PNG", compress_level=1), 20
        ),
        "sign_png_ms": _ms(lambda: signatory.signed(still, ".png", title="still"), 20),
        "sign_mp4_ms": _ms(lambda: signatory.signed(whole, ".mp4", title="video"), 20),
        "mp4_mb": round(len(whole) / 1e6, 2),
        "open_ms": _ms(lambda: Signatory(find_credentials(), making_of(about, 0)), 10),
        "read_credentials_ms": _ms(lambda: CredentialReader().read(video), 10),
        "find_watermark_ms": _ms(lambda: search_watermark(video), 3),
        "find_none_in_a_still_ms": _ms(lambda: search_watermark(png), 3),
    }
    print(json.dumps({**line, **stamp()}), flush=True)


def _ms(work: Callable[[], object], times: int = 100) -> float:
    """The least processor time of many tries: other work on the machine only adds to it."""
    spent = []
    for _ in range(times):
        began = time.process_time()
        work()
        spent.append(time.process_time() - began)
    return round(min(spent) * 1000, 2)


if __name__ == "__main__":
    main()
