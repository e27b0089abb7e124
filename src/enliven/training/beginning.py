"""Networks as a run begins with them: freshly made, or as another run left them."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from torch.nn.utils import parametrize

from enliven.errors import TrainingError
from enliven.model.checkpoint import load_checkpoint, networks_of
from enliven.model.talker import build_talker
from enliven.training.train_config import TrainConfig

_POWER_ITERATIONS = 30
"""After which the estimate of a weight's largest singular value stands."""


def first_talker(config: TrainConfig) -> nn.Module:
    """The networks of ``config``, with the weights of ``config.begin_from`` when it names a file.

    Raises TrainingError when that file holds networks of another shape, ModelError when it is no such file.
    """
    talker = build_talker(config.model)
    if config.begin_from:
        checkpoint = load_checkpoint(Path(config.begin_from))
        if checkpoint.config != config.model:
            raise TrainingError(
                f"The config's 'begin_from' names networks of another shape ({config.begin_from}); "
                "set [model] as it says, or begin from nothing."
            )
        _take_over(talker, networks_of(checkpoint, config.begin_from))
    return talker


@torch.no_grad()
def _take_over(talker: nn.Module, begun: nn.Module) -> None:
    """Copies the weights; exported ones have their spectral norms folded away, which are taken up again."""
    weights = begun.state_dict()
    for name, layer in talker.train().named_modules():
        if parametrize.is_parametrized(layer, "weight") and f"{name}.weight" in weights:
            layer.weight = weights.pop(f"{name}.weight")
            for _ in range(_POWER_ITERATIONS):
                _ = layer.weight  # in training every look at it is an iteration
    talker.load_state_dict(weights, strict=False)
