"""The network of `enliven detect`: every place of a face crop says how made it looks.

Fully convolutional, so that the map explains the judgement, which is the mean of the map's most suspect quarter:
the patch-wise judgement of Isola et al. 2017 (PatchGAN) and Chai et al. 2020, "What makes fake images detectable?".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from enliven.errors import MissingExtraError, ModelError

CROP_SIZE = 192
"""Side of the crop that the exported graph reads; the network itself takes any multiple of 16."""
STRIDE = 16
"""Pixels of the crop beneath one place of the map."""
SUSPECT = 4
"""One place in so many, the most suspect ones, decide: a blend changes a mouth and leaves the rest."""
_OPSET = 13
_MEAN, _SPREAD = 118.0, 60.0
"""Of the colours of face crops, by and large."""
_LUMA = (0.299, 0.587, 0.114)
_RESIDUALS = (
    ((0, 0, 0, 0, 0), (0, -1, 2, -1, 0), (0, 2, -4, 2, 0), (0, -1, 2, -1, 0), (0, 0, 0, 0, 0)),
    ((-1, 2, -2, 2, -1), (2, -6, 8, -6, 2), (-2, 8, -12, 8, -2), (2, -6, 8, -6, 2), (-1, 2, -2, 2, -1)),
    ((0, 0, 0, 0, 0), (0, 0, 0, 0, 0), (0, 1, -2, 1, 0), (0, 0, 0, 0, 0), (0, 0, 0, 0, 0)),
)
"""High-pass filters of Fridrich and Kodovsky 2012 that Zhou et al. 2018 use against manipulated pictures."""
_RESIDUAL_GAINS = (1 / 4, 1 / 12, 1 / 2)
_MOST_RESIDUAL = 12.0
"""Levels; what exceeds it is an edge of the scene, and no trace."""


@dataclass(frozen=True)
class DetectionConfig:
    """Sizes of the network."""

    widths: tuple[int, int, int, int] = (16, 32, 64, 96)
    """Channels at 1/2, 1/4, 1/8 and 1/16 of the crop's side."""

    def __post_init__(self) -> None:
        if len(self.widths) != 4 or min(self.widths) < 4:
            raise ModelError(f"A detection network needs four widths of 4 or more, got {self.widths}.")


class Residual(nn.Module):
    """x + two convolutions of x, at the same size."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*_conv(width, width, 3, 1), *_conv(width, width, 3, 1)[:2])

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) to the same."""
        return torch.relu(x + self.body(x))


class DetectionNet(nn.Module):
    """RGB crops in 0..255 to a map of logits; above 0 stands for made."""

    def __init__(self, config: DetectionConfig | None = None) -> None:
        super().__init__()
        self.config = config or DetectionConfig()
        a, b, c, d = self.config.widths
        self.register_buffer("residuals", _residual_filters(), persistent=False)
        self.body = nn.Sequential(
            *_conv(6, a, 5, 2),  # a stride in the first layer: fine traces survive as channels
            *_conv(a, b, 3, 2),
            *_conv(b, c, 3, 2),
            Residual(c),
            *_conv(c, d, 3, 2),
            Residual(d),
        )
        self.drop = nn.Dropout2d(0.1)
        self.head = nn.Conv2d(d, 1, 1)
        self.register_buffer("slope", torch.ones(()))
        self.register_buffer("offset", torch.zeros(()))

    residuals: Tensor
    slope: Tensor
    offset: Tensor

    def forward(self, crops: Tensor) -> Tensor:
        """(B, 3, S, S) in 0..255 to (B, S / 16, S / 16) logits, calibrated once :meth:`calibrate` was called."""
        with torch.autocast(crops.device.type, enabled=False):  # bfloat16 would drown them in rounding
            fine = functional.conv2d(crops, self.residuals, padding=2).clamp(-_MOST_RESIDUAL, _MOST_RESIDUAL)
        seen = torch.cat([(crops - _MEAN) / _SPREAD, fine / (_MOST_RESIDUAL / 3)], dim=1)  # (B, 6, S, S)
        features = self.drop(self.body(seen))
        logits: Tensor = self.head(features)[:, 0] * self.slope + self.offset
        return logits  # (B, S / 16, S / 16)

    def calibrate(self, slope: float, offset: float) -> None:
        """From now on logits are ``slope * logit + offset`` (Platt 1999); ``slope`` > 0."""
        if not (slope > 0 and math.isfinite(slope) and math.isfinite(offset)):
            raise ModelError(
                f"A calibration needs a positive slope and finite numbers, got {slope}, {offset}."
            )
        self.slope.fill_(slope)
        self.offset.fill_(offset)


def pooled(logits: Tensor) -> Tensor:
    """(B, h, w) to (B,): the crop's logit is the mean of its most suspect quarter of places."""
    flat = logits.flatten(1)
    return flat.topk(max(1, flat.shape[1] // SUSPECT), dim=1).values.mean(dim=1)


def parameter_count(network: nn.Module) -> int:
    """Learned numbers."""
    return sum(parameter.numel() for parameter in network.parameters())


def export_detector(network: DetectionNet, path: Path, about: Sequence[tuple[str, str]] = ()) -> None:
    """Writes the network for crops (1, 3, 192, 192) as ONNX, complete or not at all; ``about``: facts kept inside."""
    try:
        import onnx
    except ModuleNotFoundError:
        raise MissingExtraError("Exporting to ONNX", "train") from None
    temporary = path.with_name(f".{path.name}.writing")
    try:
        torch.onnx.export(
            network.eval().float(),
            (torch.zeros(1, 3, CROP_SIZE, CROP_SIZE),),
            str(temporary),
            input_names=["crop"],
            output_names=["logits"],
            opset_version=_OPSET,
            dynamo=False,
        )
        graph = onnx.load(str(temporary))
        for name, value in about:
            graph.metadata_props.add(key=name, value=value)
        onnx.save(graph, str(temporary))
        temporary.replace(path)
    except OSError as error:
        raise ModelError(f"{path} cannot be written ({error.strerror or error}).") from None
    finally:
        temporary.unlink(missing_ok=True)


def _residual_filters() -> Tensor:
    """(3, 3, 5, 5) on RGB: each filter on the luma."""
    filters = torch.tensor(_RESIDUALS, dtype=torch.float32) * torch.tensor(_RESIDUAL_GAINS)[:, None, None]
    return filters[:, None] * torch.tensor(_LUMA)[None, :, None, None]


def _conv(inputs: int, outputs: int, kernel: int, stride: int) -> tuple[nn.Module, nn.Module, nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
    return convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
