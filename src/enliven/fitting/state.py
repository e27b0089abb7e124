"""What a fitting that ended early leaves beside the head, so that it can go on exactly there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from enliven.errors import ModelError
from enliven.fitting.game import FitGame
from enliven.model.checkpoint import check_version, load_tensors, save_tensors
from enliven.training.run_state import flattened, restored

_FORMAT, _VERSION = "enliven-fitting-state", 1

Kept = list[tuple[str, Mapping[str, Tensor]]]
"""Candidates taken so far: name and what was fitted."""


def save_state(path: Path, game: FitGame, step: int, candidates: Kept, key: str) -> None:
    """Writes the file whole or not at all. ``key``: names photos and weights."""
    tensors = {f"now/{name}": value for name, value in game.fitted().items()}
    tensors |= {f"mean/{name}": value for name, value in game.mean.items()} | {"row": game.row}
    for number, (_, fitted) in enumerate(candidates):
        tensors |= {f"candidate{number}/{name}": value for name, value in fitted.items()}
    if game.judge is not None:
        tensors |= {f"judge/{name}": value for name, value in game.judge.state_dict().items()}
    groups = {}
    for name, optimiser in game.optimisers.items():
        found, groups[name] = flattened(optimiser)
        tensors |= {f"optimiser.{name}/{key_}": value for key_, value in found.items()}
    about: dict[str, Any] = {
        "format": _FORMAT,
        "version": _VERSION,
        "step": step,
        "key": key,
        "optimisers": groups,
    }
    save_tensors(path, tensors, about | {"candidates": [name for name, _ in candidates]})


def load_state(path: Path, game: FitGame, key: str) -> tuple[int, Kept]:
    """Puts the game back where it was; gives steps done and candidates. ModelError for another person's state."""
    if not path.is_file():
        raise ModelError(f"There is no {path} to resume from; learn without --resume.")
    tensors, about = load_tensors(path)
    if about.get("format") != _FORMAT:
        raise ModelError(f"{path} is not what an interrupted `enliven learn` left; learn without --resume.")
    check_version(path, about)
    if about.get("key") != key:
        raise ModelError(
            f"{path} belongs to other photos or weights; give the same ones, or learn without --resume."
        )
    game.take(_part(tensors, "now/"))
    game.mean = {name: value.to(game.device) for name, value in _part(tensors, "mean/").items()}
    game.row.data.copy_(tensors["row"])
    if game.judge is not None:
        game.judge.load_state_dict(_part(tensors, "judge/"))
    for name, optimiser in game.optimisers.items():
        restored(optimiser, _part(tensors, f"optimiser.{name}/"), about["optimisers"][name])
    kept: Kept = [(name, _part(tensors, f"candidate{n}/")) for n, name in enumerate(about["candidates"])]
    return int(about["step"]), kept


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key[len(prefix) :]: value for key, value in tensors.items() if key.startswith(prefix)}
