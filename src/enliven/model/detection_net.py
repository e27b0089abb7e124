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
_YCC = ((0.299, 0.587, 0.114), (-0.169, -0.331, 0.5), (0.5, -0.419, -0.081))
"""Luma and both colour differences of RGB."""
_FINE = (
    ((0, 0, 0, 0, 0), (0, 0, 0, 0, 0), (0, 1, -2, 1, 0), (0, 0, 0, 0, 0), (0, 0, 0, 0, 0)),
    ((0, 0, 0, 0, 0), (0, 0, 1, 0, 0), (0, 0, -2, 0, 0), (0, 0, 1, 0, 0), (0, 0, 0, 0, 0)),
    ((0, 0, 0, 0, 0), (0, 1, 0, 0, 0), (0, 0, -2, 0, 0), (0, 0, 0, 1, 0), (0, 0, 0, 0, 0)),
    ((0, 0, 0, 0, 0), (0, 0, 0, 1, 0), (0, 0, -2, 0, 0), (0, 1, 0, 0, 0), (0, 0, 0, 0, 0)),
    ((0, 0, 0, 0, 0), (0, -1, 2, -1, 0), (0, 2, -4, 2, 0), (0, -1, 2, -1, 0), (0, 0, 0, 0, 0)),
    ((-1, 2, -2, 2, -1), (2, -6, 8, -6, 2), (-2, 8, -12, 8, -2), (2, -6, 8, -6, 2), (-1, 2, -2, 2, -1)),
    ((0, 0, 0, 0, 0), (0, 0, 0, 0, 0), (0, -1, 0, 1, 0), (0, 0, 0, 0, 0), (0, 0, 0, 0, 0)),
    ((0, 0, 0, 0, 0), (0, 0, -1, 0, 0), (0, 0, 0, 0, 0), (0, 0, 1, 0, 0), (0, 0, 0, 0, 0)),
)
"""Second and first derivatives, and the high-pass filters of Fridrich and Kodovsky 2012 that Zhou et al. 2018 use
against manipulated pictures."""
_GAINS = (1 / 2, 1 / 2, 1 / 2, 1 / 2, 1 / 4, 1 / 12, 1 / 2, 1 / 2)
_FLOOR = 0.15
"""Levels, added before the logarithm: below it is rounding."""
_CELL = 4
"""Pixels of a side over which energies are taken."""
_ENERGIES = 2 * (2 * len(_FINE) + 2)
"""Mean and peak of every filter, at full and half size, and of both colour differences."""


@dataclass(frozen=True)
class DetectionConfig:
    """Sizes of the network."""

    widths: tuple[int, int, int, int] = (16, 32, 64, 96)
    """Channels seen from colours, then at 1/4, 1/8 and 1/16 of the crop's side."""

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


class Energies(nn.Module):
    """How much fine detail lies in every 4 x 4 pixels, band by band, as logarithms; nothing in it is learned.

    A part from elsewhere, or stretched, or from a network, is softer, sharper or noisier than what is around it.
    Convolutions learn such variances slowly; handed over as logarithms, they are differences.
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("filters", _filters(), persistent=False)
        self.register_buffer("colours", torch.tensor(_YCC)[:, :, None, None], persistent=False)

    filters: Tensor
    colours: Tensor

    def forward(self, crops: Tensor) -> Tensor:
        """(B, 3, S, S) in 0..255 to (B, 36, S / 4, S / 4)."""
        seen = functional.conv2d(crops, self.colours)
        luma, chroma = seen[:, :1], seen[:, 1:]
        full = functional.conv2d(luma, self.filters, padding=2).abs()
        half = functional.conv2d(functional.avg_pool2d(luma, 2), self.filters, padding=2).abs()
        soft = functional.avg_pool2d(chroma, 2)
        each = functional.conv2d(soft, self.filters[4:5].repeat(2, 1, 1, 1), padding=2, groups=2).abs()
        fine = torch.cat([half, each], dim=1)
        found = [
            functional.avg_pool2d(full, _CELL),
            functional.max_pool2d(full, _CELL),
            functional.avg_pool2d(fine, _CELL // 2),
            functional.max_pool2d(fine, _CELL // 2),
        ]
        return torch.log(torch.cat(found, dim=1) + _FLOOR)


class DetectionNet(nn.Module):
    """RGB crops in 0..255 to a map of logits; above 0 stands for made."""

    def __init__(self, config: DetectionConfig | None = None) -> None:
        super().__init__()
        self.config = config or DetectionConfig()
        a, b, c, d = self.config.widths
        self.energies = Energies()
        self.stem = nn.Sequential(*_conv(3, a, 7, _CELL))
        self.level = nn.BatchNorm2d(2 * _ENERGIES)
        self.body = nn.Sequential(
            *_conv(2 * _ENERGIES + a, b, 3, 1),
            *_conv(b, c, 3, 2),
            Residual(c),
            *_conv(c, d, 3, 2),
            Residual(d),
            Residual(d),
        )
        self.drop = nn.Dropout2d(0.1)
        self.head = nn.Conv2d(d, 1, 1)
        self.register_buffer("slope", torch.ones(()))
        self.register_buffer("offset", torch.zeros(()))

    slope: Tensor
    offset: Tensor

    def forward(self, crops: Tensor) -> Tensor:
        """(B, 3, S, S) in 0..255 to (B, S / 16, S / 16) logits, calibrated once :meth:`calibrate` was called."""
        with torch.autocast(crops.device.type, enabled=False):  # bfloat16 would drown them in rounding
            energies = self.energies(crops)
            usual = functional.adaptive_avg_pool2d(energies, 1)
            levels = self.level(torch.cat([energies, energies - usual], dim=1))
        seen = torch.cat([levels, self.stem((crops - _MEAN) / _SPREAD)], dim=1)  # (B, C, S / 4, S / 4)
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


def _filters() -> Tensor:
    """(8, 1, 5, 5), each about as strong as the others."""
    return (torch.tensor(_FINE, dtype=torch.float32) * torch.tensor(_GAINS)[:, None, None])[:, None]


def _conv(inputs: int, outputs: int, kernel: int, stride: int) -> tuple[nn.Module, nn.Module, nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
    return convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
