"""Make a databank small enough for a trip to a rented GPU: frames, landmarks and mattes of the train split.

    python tools/pack_databank.py BANK PACK

Frames become a few H.264 files, mattes others of half their side, landmarks shares of principal components. What was
lost is printed. `tools/train_on_gpu.py` reads PACK, which holds pictures of people: treat it like the databank.
"""

from __future__ import annotations

import json
import lzma
import multiprocessing
import sys
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from gpu_pool import read_points

from enliven.databank.bank import open_bank
from enliven.databank.clip import to_rgb
from enliven.databank.frames import kept_frames
from enliven.face.matte import PersonMatting, share_of_person
from enliven.geometry import Similarity

PARTS, MOST = 8, 68
"""Files of frames; frames of a shot at most."""
MATTE_SIDE = 128
COMPONENTS, STEP_PX = 200, 0.06
"""Of the landmarks; the step to which shares are rounded."""


def main() -> None:
    """Packs and says how large and how exact."""
    pack_databank(Path(sys.argv[1]), Path(sys.argv[2]))


def pack_databank(bank: Path, pack: Path) -> float:
    """Writes the folder ``pack``; gives the mean error of its landmarks in pixels."""
    pack.mkdir(parents=True, exist_ok=True)
    parts = min(PARTS, len(open_bank(bank).of_split("train")))
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        made = pool.starmap(_write_part, [(bank, pack, part, parts) for part in range(parts)], chunksize=1)
    shots = [shot for rows, _, _ in made for shot in rows]
    points = np.concatenate([points for _, points, _ in made])
    error = _write_points(points, pack)
    np.savez_compressed(pack / "measures.npz", measures=np.concatenate([m for _, _, m in made]))
    (pack / "shots.json").write_text(json.dumps({"parts": parts, "shots": shots}))
    size = sum(file.stat().st_size for file in pack.iterdir())
    print(
        f"{len(shots)} shots, {len(points)} frames, {size / 2**20:.1f} MiB; landmarks to {error:.3f} px (mean)"
    )
    return error


def _write_part(
    bank_path: Path, pack: Path, part: int, parts: int
) -> tuple[list[dict[str, object]], np.ndarray, np.ndarray]:
    """One shot in so many: frames, mattes; gives what the shots are, landmarks and measures."""
    bank, matting = open_bank(bank_path), PersonMatting()
    number = {name: i for i, name in enumerate(bank.identities)}
    rows: list[dict[str, object]] = []
    points, measures = [], []
    frames = _Video(pack / f"frames-{part}.mp4", bank.size, "20")
    mattes = _Video(pack / f"mattes-{part}.mp4", MATTE_SIDE, "22")
    for entry in bank.of_split("train")[part::parts]:
        kept = kept_frames(entry.facts.frames, MOST)
        known = []
        at = entry.points()[kept]
        for planes, landmarks in zip(entry.planes(kept), at, strict=True):
            picture = to_rgb(planes)
            matte = matting.of_crop(picture, landmarks)
            known.append(matte is not None)
            mask = np.zeros((bank.size, bank.size), np.float32)
            if matte is not None:
                mask = share_of_person(matte, Similarity(), bank.size)
            small = cv2.resize(mask, (MATTE_SIDE, MATTE_SIDE), interpolation=cv2.INTER_AREA)
            frames.add(picture)
            mattes.add(np.repeat(np.rint(small * 255).astype(np.uint8)[..., None], 3, axis=2))
        rows.append({
            "part": part, "count": len(kept), "known": known, "high": entry.facts.quality == "high",
            "identity": number[entry.facts.identity],
        })  # fmt: skip
        points.append(at)
        measures.append(entry.measures()[kept])
    frames.close()
    mattes.close()
    print(f"part {part}: {len(rows)} shots", flush=True)
    return rows, np.concatenate(points), np.concatenate(measures)


class _Video:
    """H.264 with few key frames: it is read from its beginning, once."""

    def __init__(self, path: Path, side: int, crf: str) -> None:
        self._container = av.open(str(path), "w")
        options = {"crf": crf, "preset": "medium", "g": "250", "threads": "1"}
        self._stream = self._container.add_stream("libx264", rate=25, options=options)
        self._stream.width = self._stream.height = side
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = Fraction(1, 25)

    def add(self, picture: np.ndarray) -> None:
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        self._container.mux(self._stream.encode())
        self._container.close()


def _write_points(points: np.ndarray, pack: Path) -> float:
    """Landmarks (N, 478, 3), similarity taken out, as shares of principal components; the mean error in pixels."""
    middle = points.mean(axis=1, keepdims=True)
    scale = np.sqrt(np.square(points - middle).sum(axis=(1, 2), keepdims=True))
    flat = ((points - middle) / scale).reshape(len(points), -1)
    mean = flat.mean(axis=0)
    some = (flat - mean)[:: max(1, len(flat) // 6000)]
    basis = np.linalg.svd(some, full_matrices=False)[2][:COMPONENTS].astype(np.float16)
    step = STEP_PX / float(scale.mean())
    shares = np.rint((flat - mean) @ basis.astype(np.float32).T / step).astype(np.int16)
    stored = {
        "middle": middle[:, 0].astype(np.float32), "scale": scale[:, 0, 0].astype(np.float32),
        "mean": mean.astype(np.float32), "basis": basis, "step": np.float32(step),
    }  # fmt: skip
    np.savez_compressed(pack / "points.npz", **stored)
    (pack / "shares.xz").write_bytes(lzma.compress(np.ascontiguousarray(shares.T).tobytes()))
    off = read_points(pack) - points
    return float(np.linalg.norm(off[..., :2], axis=-1).mean())


if __name__ == "__main__":
    main()
