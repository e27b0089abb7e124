"""How fast is the main job, file to file, and which room bounds it?

    python -m benchmarks.animate [--long]

Each case runs in a process of its own, so that the cold start and the peak memory are its own. The
driving video is made first by the program itself from its built-in photo and motion, so that nothing but
the package is needed. ``--long`` adds ten minutes of 720p driving, for the memory.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from benchmarks.machine import stamp
from enliven.assets import builtin_motion, builtin_photo

ENVIRONMENT = os.environ | {"ENLIVEN_ACCEPT_TERMS": "1"}
RUN = [sys.executable, "-m", "enliven", "animate"]


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photos = {side: _photo(folder, side) for side in (512, 1080, 2160)}
        driving = _driving_video(folder, photos[512], (480, 480))
        _report("512 photo, 480 video, mp4", photos[512], driving, folder)
        _report("512 photo, .motion, mp4", photos[512], builtin_motion(), folder)
        _report(
            "512 photo, 480 video, crop 256",
            photos[512],
            driving,
            folder,
            "--output",
            "crop",
            "--size",
            "256",
        )
        _report("1080 photo, 480 video, mp4", photos[1080], driving, folder)
        _report("2160 photo, 480 video, mp4", photos[2160], driving, folder)
        print(
            json.dumps({"case": "cold start to first frame", **_cold_start(photos[512], driving), **stamp()})
        )
        if "--long" in sys.argv[1:]:
            minute = _repeated(driving, folder / "1min.mp4", (1280, 720), 60)
            ten = _repeated(driving, folder / "10min.mp4", (1280, 720), 600)
            _report("512 photo, 1 min of 720p", photos[512], minute, folder)
            _report("512 photo, 10 min of 720p", photos[512], ten, folder)


def _report(case: str, photo: Path, driving: Path, folder: Path, *options: str) -> None:
    command = [*RUN, str(photo), "-d", str(driving), "-o", str(folder / "out.mp4"), "--overwrite", "--json"]
    began = time.perf_counter()
    process = subprocess.Popen(
        [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
    )
    text, complaint = process.communicate()
    if process.returncode:
        raise SystemExit(f"{case}: {complaint}")
    summary = json.loads(text)
    line = {
        "case": case,
        "fps": summary["fps"],
        "frames": summary["frames"],
        "wall_s": round(time.perf_counter() - began, 2),
        "ms_per_frame": summary["ms_per_frame"],
        "peak_mb_of_any_case_so_far": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
    }
    print(json.dumps({**line, **stamp()}), flush=True)


def _cold_start(photo: Path, driving: Path) -> dict[str, float]:
    script = (
        "import enliven, sys; "
        f"next(iter(enliven.Animator({str(photo)!r}).frames({str(driving)!r}))); print('first frame')"
    )
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
    return {"seconds": round(time.perf_counter() - began, 2)}


def _photo(folder: Path, side: int) -> Path:
    path = folder / f"photo_{side}.png"
    picture = cv2.imread(str(builtin_photo()))
    cv2.imwrite(str(path), cv2.resize(picture, (side, side), interpolation=cv2.INTER_CUBIC))
    return path


def _driving_video(folder: Path, photo: Path, size_wh: tuple[int, int]) -> Path:
    path = folder / "driving.mp4"
    command = [*RUN, str(photo), "-d", str(builtin_motion()), "-o", str(path), "--size", str(size_wh[0])]
    subprocess.run([*command, "--quiet"], check=True, capture_output=True, env=ENVIRONMENT)
    return path


def _repeated(driving: Path, path: Path, size_wh: tuple[int, int], seconds: int) -> Path:
    """The driving video over and over on a larger canvas, for ``seconds``."""
    with av.open(str(driving)) as container:
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    canvas = np.zeros((size_wh[1], size_wh[0], 3), np.uint8)
    side = size_wh[1]
    left = (size_wh[0] - side) // 2
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(25), options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = *size_wh, "yuv420p"
        for i in range(25 * seconds):
            canvas[:, left : left + side] = cv2.resize(pictures[i % len(pictures)], (side, side))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(canvas, format="rgb24")))
        container.mux(stream.encode())
    return path


if __name__ == "__main__":
    main()
