"""What a set of networks looks like: presets `paper` and `hybrid`, stored with every checkpoint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from enliven.errors import ModelError

PRESETS = ("hybrid", "paper")


@dataclass(frozen=True)
class ModelConfig:
    """Sizes of the networks; every number is in channels unless its sentence says otherwise."""

    preset: str = "hybrid"
    """`paper` (Zakharov et al. 2019 as published) or `hybrid` (move the photo's pixels, synthesise the rest)."""
    size: int = 256
    """Side in pixels of the crops that the networks read and write."""
    channels: int = 16
    """Of the embedder's first block; doubles with every block."""
    max_channels: int = 256
    """Where the doubling stops in embedder and discriminator."""
    embedding: int = 256
    """Length of the identity embedding e; equals the last width of embedder and discriminator."""
    embedder_shrink: int = 2
    """The embedder reads the crop smaller by this factor, averaged; 1 in the paper."""
    discriminator_channels: int = 16
    """Of the discriminator's first block."""
    discriminator_fold: int = 2
    """Pixels folded into channels before the discriminator (space to depth); 1 in the paper."""
    residual_blocks: int = 4
    """Blocks at the lowest resolution of the paper's generator."""
    attention: bool = False
    """Self-attention (SAGAN) at 32 x 32 going down and 64 x 64 going up; paper preset only."""
    original_drawing: bool = False
    """Draw landmarks as the paper did, without inner lips and irises."""
    source_channels: tuple[int, int, int] = (24, 64, 128)
    """Hybrid: of the source features at 1/2, 1/4 and 1/8 of the crop's side."""
    motion_channels: int = 40
    """Hybrid: of the motion net at its full 1/4 resolution."""
    decoder_channels: tuple[int, int, int] = (32, 64, 128)
    """Hybrid: of the decoder at 1/2, 1/4 and 1/8 of the crop's side."""
    residual_flow: float = 0.15
    """Hybrid: bound of the learned flow, in half crop sides."""

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise ModelError(f"There is no preset '{self.preset}'; choose one of {', '.join(PRESETS)}.")
        for name in ("source_channels", "decoder_channels"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
            if len(getattr(self, name)) != 3:
                raise ModelError(
                    f"The model config's '{name}' needs three numbers, not {getattr(self, name)}."
                )
        if self.size < 64 or self.size & (self.size - 1):
            raise ModelError(f"The model config's 'size' must be a power of two from 64, not {self.size}.")
        if self.embedding != self.max_channels:
            raise ModelError(
                f"The model config's 'embedding' ({self.embedding}) must equal 'max_channels' ({self.max_channels})."
            )

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def sha256(self) -> str:
        """Of the config as sorted JSON: two files agree in shape when this agrees."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ModelConfig:
        """The config of a preset with the given keys changed; an unknown key is an error that names it."""
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ModelError(
                f"Unknown key '{unknown[0]}' in the model config; known are {', '.join(sorted(known))}."
            )
        base = preset(str(values.get("preset", "hybrid"))).to_json()
        try:
            return cls(**{**base, **values})
        except TypeError as error:
            raise ModelError(f"The model config cannot be read: {error}.") from None


def preset(name: str) -> ModelConfig:
    """The config called `paper` or `hybrid`.

    >>> preset("paper").embedding
    512
    """
    if name == "paper":
        return ModelConfig(
            preset="paper",
            channels=64,
            max_channels=512,
            embedding=512,
            embedder_shrink=1,
            discriminator_channels=64,
            discriminator_fold=1,
        )
    return ModelConfig(preset=name)
