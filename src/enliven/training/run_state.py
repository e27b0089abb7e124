"""Everything that the next step depends on, in one safetensors file; nothing is unpickled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from enliven.errors import TrainingError
from enliven.model.checkpoint import Checkpoint, check_version, load_into, load_tensors, save_tensors
from enliven.training.game import Game

_FORMAT = "enliven-training-state"
_VERSION = 1


def save_state(path: Path, game: Game, step: int, position: Any, config: Mapping[str, Any]) -> None:
    """Writes weights, running mean, optimisers, random state and data position after ``step`` steps."""
    tensors: dict[str, Tensor] = {"random.cpu": torch.get_rng_state()}
    for name, network in _networks(game).items():
        tensors |= {f"{name}/{key}": value for key, value in network.state_dict().items()}
    groups = {}
    for name, optimiser in game.optimisers.items():
        found, groups[name] = flattened(optimiser)
        tensors |= {f"optimiser.{name}/{key}": value for key, value in found.items()}
    about = {"format": _FORMAT, "version": _VERSION, "step": step, "position": position}
    save_tensors(path, tensors, about | {"config": dict(config), "optimisers": groups})


def load_state(path: Path, game: Game) -> tuple[int, Any]:
    """Puts the game back where it was; gives the number of steps done and the data position."""
    tensors, about = load_tensors(path)
    if about.get("format") != _FORMAT:
        raise TrainingError(f"{path} is not the state of a training run.")
    check_version(path, about)
    for name, network in _networks(game).items():
        load_into(network, _part(tensors, f"{name}/"), f"{path} ({name})")
    for name, optimiser in game.optimisers.items():
        restored(optimiser, _part(tensors, f"optimiser.{name}/"), about["optimisers"][name])
    torch.set_rng_state(tensors["random.cpu"])
    return int(about["step"]), about["position"]


def add_judge(checkpoint: Checkpoint, state: Path) -> Checkpoint:
    """The checkpoint with the discriminator of a run's state: for weights that were saved without."""
    tensors, about = load_tensors(state)
    if about.get("format") != _FORMAT:
        raise TrainingError(f"{state} is not the state of a training run.")
    if int(about.get("step", -1)) != checkpoint.step:
        raise TrainingError(
            f"{state} is of step {about.get('step')}, the weights are of step {checkpoint.step}; give the same step's."
        )
    return replace(checkpoint, judge=_part(tensors, "judge/"))


def config_of(path: Path) -> dict[str, Any]:
    """The training config that a state was made with."""
    _, about = load_tensors(path)
    return dict(about.get("config", {}))


def _networks(game: Game) -> dict[str, nn.Module]:
    networks = {"talker": game.talker, "mean": game.mean_talker, "judge": game.judge, "table": game.table}
    return networks | ({"critic": game.parts.critic} if game.parts else {})


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key[len(prefix) :]: value for key, value in tensors.items() if key.startswith(prefix)}


def flattened(optimiser: torch.optim.Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors by `parameter.name`, and all else (rates, whole-number counters) as JSON."""
    state = optimiser.state_dict()
    tensors: dict[str, Tensor] = {}
    numbers: dict[str, Any] = {}
    for index, entries in state["state"].items():
        for name, value in entries.items():
            (tensors if isinstance(value, Tensor) else numbers)[f"{index}.{name}"] = value
    groups = [{k: v for k, v in group.items() if k != "params"} for group in state["param_groups"]]
    return tensors, {"numbers": numbers, "groups": groups}


def restored(
    optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor], about: Mapping[str, Any]
) -> None:
    """Puts an optimiser where :func:`flattened` found it."""
    current = optimiser.state_dict()
    state: dict[int, dict[str, Any]] = {}
    for key, value in [*tensors.items(), *about["numbers"].items()]:
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = value
    groups = [
        {**now, **_betas(stored)}
        for now, stored in zip(current["param_groups"], about["groups"], strict=True)
    ]
    optimiser.load_state_dict({"state": state, "param_groups": groups})


def _betas(group: Mapping[str, Any]) -> dict[str, Any]:
    """JSON knows no tuples."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in group.items()}
