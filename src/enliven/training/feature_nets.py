"""Frozen networks whose features judge a picture: a small interface, and which of them a run has."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from enliven.errors import TrainingError
from enliven.training import losses
from enliven.training.batches import Batch
from enliven.training.landmark_loss import landmark_losses
from enliven.training.mobile_face_net import MobileFaceNet
from enliven.training.train_config import FeatureFiles, LossWeights
from enliven.training.vgg import VGG19, VGG_FACE, VggFeatures


class FeatureLoss(Protocol):
    """A loss on the features of a frozen network."""

    @property
    def name(self) -> str: ...
    @property
    def weight(self) -> float: ...
    def __call__(self, result: Tensor, batch: Batch) -> Tensor:
        """Scalar; the gradient flows to ``result`` (B, 3, S, S) in [-1, 1]."""


@dataclass(frozen=True, eq=False)
class TeacherLoss:
    """Relative L1 of MobileFaceNet's features on the face, cut out by the target's landmarks."""

    network: MobileFaceNet
    weight: float
    name: str = "teacher"

    def __call__(self, result: Tensor, batch: Batch) -> Tensor:
        """See :class:`FeatureLoss`."""
        boxes = _face_boxes(batch)
        with torch.no_grad():
            wanted = self.network.taps(losses.cut(batch.target, boxes, 96, 112))
        return losses.relative_features(self.network.taps(losses.cut(result, boxes, 96, 112)), wanted)


@dataclass(frozen=True, eq=False)
class VggLoss:
    """L1 of VGG features as in the paper; of the whole picture or of the face alone."""

    network: VggFeatures
    weight: float
    name: str

    def __call__(self, result: Tensor, batch: Batch) -> Tensor:
        """See :class:`FeatureLoss`."""
        seen, truth = result, batch.target
        if self.network.kind is VGG_FACE:
            boxes = _face_boxes(batch)
            seen, truth = losses.cut(seen, boxes, 224), losses.cut(truth, boxes, 224)
        with torch.no_grad():
            wanted = self.network.taps(truth)
        return losses.absolute_features(self.network.taps(seen), wanted)


def load_feature_losses(
    files: FeatureFiles, weights: LossWeights, device: torch.device
) -> tuple[list[FeatureLoss], list[str]]:
    """The losses whose weight files are named, and one sentence for each that is lacking."""
    found: list[FeatureLoss] = []
    lacking: list[str] = []
    if files.teacher:
        teacher = _loaded(MobileFaceNet(), Path(files.teacher), device)
        teacher.fold_norms()
        found.append(TeacherLoss(teacher, weights.teacher))
    else:
        lacking.append("No face teacher: set features.teacher to MobileFaceNet weights for truer faces.")
    found.extend(landmark_losses(weights, device))
    for name, kind, path, weight in (
        ("vgg19", VGG19, files.vgg19, weights.vgg19),
        ("vggface", VGG_FACE, files.vggface, weights.vggface),
    ):
        if path:
            found.append(VggLoss(_loaded(VggFeatures(kind), Path(path), device), weight, name))
        else:
            lacking.append(
                f"No {name} content loss (the paper has one): set features.{name} to a weight file."
            )
    return found, lacking


def _loaded(network: nn.Module, path: Path, device: torch.device):  # type: ignore[no-untyped-def]
    """The network with weights from a safetensors file, frozen, in evaluation mode."""
    if not path.is_file():
        raise TrainingError(f"The feature weights {path} are not there; correct [features] or leave it out.")
    try:
        stored = load_file(str(path))
    except (SafetensorError, OSError) as error:
        raise TrainingError(f"The feature weights {path} are not a safetensors file ({error}).") from None
    own = network.state_dict()
    wrong = [k for k, v in own.items() if k not in stored or stored[k].shape != v.shape]
    if wrong:
        raise TrainingError(
            f"The feature weights {path} do not fit: '{wrong[0]}' is missing or of another shape."
        )
    network.load_state_dict({key: stored[key] for key in own})
    return network.eval().requires_grad_(False).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def _face_boxes(batch: Batch) -> Tensor:
    """(B, 4) tight boxes around all landmarks: centre x, y, half width, half height, in [-1, 1] units."""
    places = (2.0 * batch.points + 1.0) / batch.size - 1.0  # (B, 478, 2)
    low, high = places.amin(dim=1), places.amax(dim=1)
    return torch.cat([(low + high) / 2, ((high - low) / 2).clamp(min=0.05)], dim=1)
