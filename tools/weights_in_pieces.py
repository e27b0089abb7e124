"""Weights in files small enough to be sent from a rented GPU, and put together again at home.

    python tools/weights_in_pieces.py FOLDER/hybrid -o hybrid.safetensors

reads FOLDER/hybrid-0.safetensors, hybrid-1 and so on and hybrid-judge, as `tools/train_on_gpu.py` leaves them, and
writes one checkpoint, which `enliven export` and `enliven evaluate` read.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from enliven.model.checkpoint import Checkpoint, load_checkpoint, load_tensors, save_checkpoint

_SCALE = "@scale"
_MOST_HALVES = 20_000_000
"""Numbers that are sent in float16; more of them go as whole numbers."""
_LARGE, _LEVELS = 4096, 31
"""Tensors with fewer numbers stay as they are; others go from -31 to 31, which xz packs into six bits."""
_PIECE_BYTES = 15_000_000


def save_pieces(path: Path, checkpoint: Checkpoint) -> None:
    """Files PATH-0, PATH-1, ... of at most 15 MB, and PATH-judge when the checkpoint holds a discriminator."""
    weights = {key: value.half().cpu() for key, value in checkpoint.weights.items()}
    if sum(value.numel() for value in weights.values()) > _MOST_HALVES:
        weights = _in_levels(weights)
    about = replace(checkpoint, weights={}, judge={})
    for number, piece in enumerate(_pieces(weights)):
        save_checkpoint(_piece(path, number), replace(about, weights=piece))
    if checkpoint.judge:
        held = {key: value.half().cpu() for key, value in checkpoint.judge.items()}
        save_checkpoint(_piece(path, "judge"), replace(about, weights=held))


def join_pieces(path: Path) -> Checkpoint:
    """What :func:`save_pieces` was given, as exactly as the files hold it, in float32."""
    weights: dict[str, Tensor] = {}
    number = 0
    while (piece := _piece(path, number)).exists():
        weights |= load_tensors(piece)[0]
        number += 1
    judge = _piece(path, "judge")
    return replace(
        load_checkpoint(_piece(path, 0)),
        weights={key: _floats(key, weights) for key in weights if not key.endswith(_SCALE)},
        judge=load_tensors(judge)[0] if judge.exists() else {},
    )


def _piece(path: Path, part: int | str) -> Path:
    return path.with_name(f"{path.name}-{part}.safetensors")


def _in_levels(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Large tensors as whole numbers, and a scale for each output."""
    stored: dict[str, Tensor] = {}
    for key, value in weights.items():
        if value.numel() < _LARGE or value.ndim < 2:
            stored[key] = value
            continue
        scale = value.float().flatten(1).abs().amax(dim=1).clamp(min=1e-8) / _LEVELS
        stored[key] = (value.float() / _shaped(scale, value)).round().to(torch.int8)
        stored[key + _SCALE] = scale
    return stored


def _floats(key: str, weights: Mapping[str, Tensor]) -> Tensor:
    value, scale = weights[key].float(), weights.get(key + _SCALE)
    return value if scale is None else value * _shaped(scale, value)


def _shaped(scale: Tensor, value: Tensor) -> Tensor:
    """(outputs,) beside the outputs of a weight."""
    return scale.reshape(-1, *[1] * (value.ndim - 1))


def _pieces(weights: Mapping[str, Tensor]) -> list[dict[str, Tensor]]:
    pieces: list[dict[str, Tensor]] = [{}]
    room = _PIECE_BYTES
    for key, value in weights.items():
        size = value.numel() * value.element_size()
        if pieces[-1] and size > room:
            pieces.append({})
            room = _PIECE_BYTES
        pieces[-1][key] = value
        room -= size
    return pieces


def main() -> None:
    """Joins the files that the command names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    given = parser.parse_args()
    whole = join_pieces(given.name)
    save_checkpoint(given.out, whole)
    judge = "with" if whole.judge else "without"
    print(f"{given.out}: {len(whole.weights)} tensors, {judge} a discriminator")


if __name__ == "__main__":
    main()
