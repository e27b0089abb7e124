"""Weights in files: safetensors with JSON beside them in the header; nothing is ever unpickled."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from enliven.errors import ModelError
from enliven.model.config import ModelConfig
from enliven.model.weights_file import CHECKSUM, FORMAT, KEY, VERSION, tensors_sha256

_TEMPORARY = ".writing"
_JUDGE = "judge/"
"""Before the names of the discriminator's weights."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Networks as they were at one step of training."""

    config: ModelConfig
    weights: Mapping[str, Tensor]
    step: int = 0
    data: Mapping[str, Any] = field(default_factory=dict)
    """What it learned from: databank, identities, licence."""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    """The training run's config."""
    judge: Mapping[str, Tensor] = field(default_factory=dict)
    """The discriminator's weights, which fitting to a person starts from; empty where they were left out."""

    @property
    def judge_steps(self) -> int:
        """How many steps the discriminator has learned for; 0 also when it is not in the file."""
        return max(0, self.step - int(self.training.get("adversary_from", self.step))) if self.judge else 0


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Writes the file whole or not at all; a full disk or a missing folder is a :class:`ModelError`."""
    about = {
        "format": FORMAT,
        "version": VERSION,
        "preset": checkpoint.config.preset,
        "config": checkpoint.config.to_json(),
        "config_sha256": checkpoint.config.sha256,
        "step": checkpoint.step,
        "data": dict(checkpoint.data),
        "metrics": dict(checkpoint.metrics),
        "training": dict(checkpoint.training),
    }
    judge = {_JUDGE + name: value for name, value in checkpoint.judge.items()}
    save_tensors(path, {**checkpoint.weights, **judge}, about)


def load_checkpoint(path: Path) -> Checkpoint:
    """The checkpoint in ``path``; :class:`ModelError` says why a file is refused."""
    weights, about = load_tensors(path)
    if about.get("format") != FORMAT:
        raise ModelError(
            f"{path} holds {about.get('format', 'tensors of unknown origin')}, not enliven's weights."
        )
    check_version(path, about)
    config = ModelConfig.from_json(about.get("config", {}))
    if about.get("config_sha256") != config.sha256:
        raise ModelError(f"{path} was changed after it was written: its config does not match its checksum.")
    judge = {
        name.removeprefix(_JUDGE): weights.pop(name) for name in list(weights) if name.startswith(_JUDGE)
    }
    return Checkpoint(
        config,
        weights,
        int(about.get("step", 0)),
        about.get("data", {}),
        about.get("metrics", {}),
        about.get("training", {}),
        judge,
    )


def load_into(module: nn.Module, weights: Mapping[str, Tensor], name: str) -> None:
    """Copies the weights into the networks; missing, surplus or misshapen ones are a :class:`ModelError`."""
    own = module.state_dict()
    missing, surplus = sorted(set(own) - set(weights)), sorted(set(weights) - set(own))
    if missing or surplus:
        what = f"lacks '{missing[0]}'" if missing else f"has '{surplus[0]}', which these networks do not know"
        raise ModelError(
            f"{name} does not fit its config: it {what} ({len(missing)} missing, {len(surplus)} surplus)."
        )
    for key, value in own.items():
        if value.shape != weights[key].shape:
            raise ModelError(
                f"{name} does not fit its config: '{key}' is {tuple(weights[key].shape)}, not {tuple(value.shape)}."
            )
    module.load_state_dict(dict(weights))


def save_tensors(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Tensors, a JSON-able description and the tensors' checksum in one safetensors file; whole or not at all."""
    flat = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    about = {**about, CHECKSUM: tensors_sha256(save(flat))}
    temporary = path.with_name(path.name + _TEMPORARY)
    try:
        with temporary.open("wb") as file:
            file.write(save(flat, {KEY: json.dumps(about)}))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise ModelError(
            f"{path} cannot be written ({error.strerror or error}); make room or choose another folder."
        ) from None


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the description of a file written by :func:`save_tensors`."""
    if not path.is_file():
        raise ModelError(f"There is no file {path}; give the path of a .safetensors file.")
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError) as error:
        raise ModelError(
            f"{path} is not a complete safetensors file ({error}); fetch or write it again."
        ) from None
    try:
        about = json.loads(metadata.get(KEY, "{}"))
    except json.JSONDecodeError:
        raise ModelError(f"The description inside {path} is not JSON; the file is damaged.") from None
    return tensors, about


def check_version(path: Path, about: Mapping[str, Any]) -> None:
    """Refuses files of a newer program."""
    version = about.get("version")
    if version != VERSION:
        raise ModelError(
            f"{path} is of format version {version}; this program reads version {VERSION}. Update enliven."
        )


def networks_of(checkpoint: Checkpoint, name: str) -> nn.Module:
    """The networks of a checkpoint in evaluation mode; ``name`` stands in error messages."""
    from enliven.model.layers import fold_spectral_norm
    from enliven.model.talker import build_talker

    talker = build_talker(checkpoint.config)
    if not any(".parametrizations." in key for key in checkpoint.weights):  # as export writes them
        fold_spectral_norm(talker)
    load_into(talker, checkpoint.weights, name)
    return talker.eval().requires_grad_(False)


def judge_of(checkpoint: Checkpoint, name: str) -> nn.Module:
    """The discriminator of a checkpoint, ready to learn on; ModelError when it does not fit its config."""
    from enliven.model.discriminator import Discriminator

    judge = Discriminator(checkpoint.config)
    load_into(judge, checkpoint.judge, name)
    return judge


def all_finite(weights: Mapping[str, Tensor]) -> bool:
    """True when no weight is NaN or infinite."""
    return all(bool(torch.isfinite(value).all()) for value in weights.values() if value.is_floating_point())
