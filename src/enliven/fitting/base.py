"""The base model that a person is fitted from: weights and, beside them, the discriminator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from enliven.errors import ModelError
from enliven.fitting.pictures import Crop
from enliven.model.checkpoint import Checkpoint, judge_of, load_checkpoint, networks_of
from enliven.model.drawing import draw_conditioning
from enliven.model.runtime import JUDGE, weights_in
from enliven.model.talking_head import to_tensor
from enliven.model.weights_file import sha256_of


@dataclass(frozen=True, eq=False)
class Base:
    """An exported model, as learning reads it."""

    checkpoint: Checkpoint
    talker: nn.Module
    judge: nn.Module | None
    """None when none came with the weights, or it never learned."""
    sha256: str
    """Of the weights file: a head fits these weights only."""
    notes: tuple[str, ...] = ()


def load_base(path: Path) -> Base:
    """From a folder that `enliven export` wrote, or a checkpoint with its discriminator inside.

    Raises ModelError when the weights cannot be used, or are not of preset hybrid.
    """
    weights = weights_in(path)
    checkpoint = load_checkpoint(weights)
    if checkpoint.config.preset != "hybrid":
        raise ModelError(
            f"{weights} is of preset {checkpoint.config.preset}; a head can be fitted to preset hybrid only."
        )
    beside = weights.with_name(JUDGE)
    with_judge = load_checkpoint(beside) if path.is_dir() and beside.is_file() else checkpoint
    judge, notes = _judge(with_judge, str(beside if with_judge is not checkpoint else weights))
    return Base(checkpoint, networks_of(checkpoint, str(weights)), judge, sha256_of(weights), notes)


def _judge(checkpoint: Checkpoint, name: str) -> tuple[nn.Module | None, tuple[str, ...]]:
    lacking = "so nothing adversarial is learned and realism is not compared."
    if not checkpoint.judge:
        return None, (f"No discriminator came with these weights, {lacking}",)
    if not checkpoint.judge_steps:
        return None, (f"The discriminator that came with these weights never learned, {lacking}",)
    floats = {
        key: value.float() if value.is_floating_point() else value for key, value in checkpoint.judge.items()
    }
    whole = Checkpoint(checkpoint.config, {}, judge=floats)
    return judge_of(whole, name), ()


@torch.no_grad()
def person_of(base: Base, crops: Sequence[Crop]) -> tuple[Tensor, Tensor]:
    """e (E,) and psi = P e (P,) of these photos, read one by one."""
    config = base.checkpoint.config
    found = []
    for crop in crops:
        drawing = draw_conditioning(crop.points[:, :2], config.size, original=config.original_drawing)
        photo, lines = (
            to_tensor(torch.from_numpy(np.ascontiguousarray(x)))[None, None] for x in (crop.picture, drawing)
        )
        person = base.talker.encode(photo, lines)  # type: ignore[operator]
        found.append((person.embedding[0].float(), person.psi[0].float()))
    e, psi = (torch.stack(column).mean(dim=0) for column in zip(*found, strict=True))
    return e, psi
