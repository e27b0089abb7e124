"""Training settings small enough for tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.training.drawn_stream import SIZE

from enliven.training.train_config import TrainConfig, default_config


def small_config(preset: str = "hybrid", **changes: Any) -> TrainConfig:
    config = default_config(preset)
    model = replace(
        config.model, size=SIZE, channels=8, max_channels=32, embedding=32, discriminator_channels=8,
        source_channels=(8, 16, 16), motion_channels=8, decoder_channels=(8, 16, 16),
    )  # fmt: skip
    settings: dict[str, Any] = {
        "batch": 2, "steps": 8, "adversary_from": 3, "log_every": 1, "sample_every": 100, "save_every": 4,
        "validate_on": 2, "precision": "float32",
    }  # fmt: skip
    # Real faces' landmark networks see nothing in drawn ones, and take time.
    losses = replace(config.losses, landmarks=0.0, eye_landmarks=0.0)
    return replace(config, **({"model": model, "losses": losses} | settings | changes))
