"""Put the files of `tools/train_on_gpu.py` together again: a checkpoint that `enliven export` and `evaluate` read.

python tools/join_weights.py FOLDER/hybrid -o hybrid.safetensors
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from enliven.model.checkpoint import load_checkpoint, load_tensors, save_checkpoint

_SCALE = "@scale"


def main() -> None:
    """Reads NAME-0, NAME-1, ... and NAME-judge, writes one file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    given = parser.parse_args()
    weights: dict[str, Tensor] = {}
    number = 0
    while (piece := given.name.with_name(f"{given.name.name}-{number}.safetensors")).exists():
        weights |= load_tensors(piece)[0]
        number += 1
    about = load_checkpoint(given.name.with_name(f"{given.name.name}-0.safetensors"))
    whole = {key: _floats(key, weights) for key in weights if not key.endswith(_SCALE)}
    judge = given.name.with_name(f"{given.name.name}-judge.safetensors")
    held = load_tensors(judge)[0] if judge.exists() else {}
    save_checkpoint(given.out, replace(about, weights=whole, judge=held))
    print(
        f"{given.out}: {len(whole)} tensors of {number} files, {'with' if held else 'without'} a discriminator"
    )


def _floats(key: str, weights: dict[str, Tensor]) -> Tensor:
    value = weights[key].float()
    scale = weights.get(key + _SCALE)
    return value if scale is None else value * scale.reshape(-1, *[1] * (value.ndim - 1))


if __name__ == "__main__":
    main()
