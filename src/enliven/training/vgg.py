"""VGG19 and VGGFace feature taps of the paper's content loss, for weights that the user has."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

_POOL = 0


@dataclass(frozen=True)
class VggKind:
    """One of the two networks: widths in order (0 is a pooling), tapped layers, and how pixels go in."""

    widths: tuple[int, ...]
    taps: tuple[int, ...]
    """Indices in torchvision's numbering; each is the ReLU after a convolution."""
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    """Pixels 0..1 minus the mean over this."""
    bgr: bool = False


VGG19 = VggKind(
    (64, 64, _POOL, 128, 128, _POOL, *[256] * 4, _POOL, *[512] * 4, _POOL, *[512] * 4),
    (1, 6, 11, 20, 29),
    (0.485, 0.456, 0.406),
    (0.229, 0.224, 0.225),
)
VGG_FACE = VggKind(
    (64, 64, _POOL, 128, 128, _POOL, *[256] * 3, _POOL, *[512] * 3, _POOL, *[512] * 3),
    (1, 6, 11, 18, 25),
    (0.506612, 0.410832, 0.367035),
    (1 / 255, 1 / 255, 1 / 255),
    bgr=True,
)


class VggFeatures(nn.Module):
    """Features at the paper's taps, with average in place of maximum pooling."""

    def __init__(self, kind: VggKind) -> None:
        super().__init__()
        self.kind = kind
        layers: list[nn.Module] = []
        inputs = 3
        for width in kind.widths:
            if len(layers) > max(kind.taps):
                break
            if width == _POOL:
                layers.append(nn.AvgPool2d(2))
                continue
            layers.extend([nn.Conv2d(inputs, width, 3, padding=1), nn.ReLU()])
            inputs = width
        # The attribute's name is that of torchvision's state dict.
        self.features = nn.Sequential(*layers[: max(kind.taps) + 1])

    def taps(self, pictures: Tensor) -> list[Tensor]:
        """The taps' outputs for (N, 3, H, W) RGB in [-1, 1]."""
        mean, std = (pictures.new_tensor(v)[None, :, None, None] for v in (self.kind.mean, self.kind.std))
        x = ((pictures + 1.0) / 2.0 - mean) / std
        if self.kind.bgr:
            x = x.flip(1)
        found = []
        for number, layer in enumerate(self.features):
            x = layer(x)
            if number in self.kind.taps:
                found.append(x)
        return found

    def forward(self, pictures: Tensor) -> Tensor:
        """The last tap alone."""
        last: Tensor = self.taps(pictures)[-1]
        return torch.flatten(last, 1)
