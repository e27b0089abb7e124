"""MediaPipe's face mesh as a torch network: where it sees landmarks in a result can then be learned from.

The weights stay where they are, in MediaPipe's wheel (Apache-2.0), which finding faces needs anyway. It is the mesh
model without attention; the tracker that measures results uses the one with attention.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from enliven.errors import TrainingError
from enliven.face.mediapipe_graph import package_folder

SIDE = 192
"""The network reads pictures of SIDE x SIDE pixels."""
POINTS = 468
_MODEL = "mediapipe/modules/face_landmark/face_landmark.tflite"

_Step = tuple[str, str, list[str], dict[str, Any]]
"""Kind of layer, its name, the names that it reads, its attributes."""


class FaceMeshNet(nn.Module):
    """(B, 3, SIDE, SIDE) pictures in [-1, 1] to (B, POINTS, 3) landmarks in their pixels; differentiable, frozen."""

    def __init__(self, path: Path | None = None) -> None:
        """``path``: the TFLite file; MediaPipe's own where none is given."""
        super().__init__()
        model = _read(path or package_folder() / _MODEL)
        self._steps: list[_Step] = []
        for op in model.get_ordered_ops():
            inputs = [port.get_source_output().get_node().get_friendly_name() for port in op.inputs()]
            kind, name = op.get_type_name(), op.get_friendly_name()
            if kind == "Constant":
                self.register_buffer(_key(name), torch.from_numpy(np.array(op.get_data())))
            if kind == "Result" and op.get_output_partial_shape(0).to_shape()[-1] != POINTS * 3:
                continue  # how sure it is that there is a face
            self._steps.append((kind, name, inputs, dict(op.get_attributes())))
        self._fold()

    def forward(self, pictures: Tensor) -> Tensor:
        """See the class."""
        values: dict[str, Tensor] = {}
        for kind, name, inputs, attributes in self._steps:
            if kind == "Parameter":
                values[name] = (pictures.float().permute(0, 2, 3, 1) + 1.0) / 2
            elif kind == "Constant":
                values[name] = self.get_buffer(_key(name))
            elif kind == "Result":
                return values[inputs[0]].reshape(len(pictures), -1, 3)
            else:
                values[name] = _RUN[kind](attributes, *(values[each] for each in inputs))
        raise AssertionError("a network without a result")

    def _fold(self) -> None:
        """Computes once what hangs on constants alone, and drops what does not lead to the landmarks."""
        values: dict[str, Tensor] = {}
        kept: list[_Step] = []
        for kind, name, inputs, attributes in self._steps:
            if kind == "Constant":
                values[name] = self.get_buffer(_key(name))
            elif kind not in ("Parameter", "Result") and all(each in values for each in inputs):
                values[name] = _RUN[kind](attributes, *(values[each] for each in inputs))
            else:
                kept.append((kind, name, inputs, attributes))
        wanted = {name for kind, name, _, _ in kept if kind == "Result"}
        for _, name, inputs, _ in reversed(kept):
            if name in wanted:
                wanted.update(inputs)
        for name in list(self._buffers):
            delattr(self, name)
        for name in wanted & set(values):
            self.register_buffer(_key(name), values[name])
        constants: list[_Step] = [("Constant", name, [], {}) for name in sorted(wanted & set(values))]
        self._steps = [*constants, *(step for step in kept if step[1] in wanted)]


def _read(path: Path) -> Any:
    try:
        model = ov.Core().read_model(path)
    except RuntimeError as error:
        raise TrainingError(
            f"The face mesh {path} cannot be read ({str(error).strip().splitlines()[-1]}); set losses.landmarks to 0."
        ) from None
    unknown = {op.get_type_name() for op in model.get_ordered_ops()} - {
        *_RUN,
        "Parameter",
        "Constant",
        "Result",
    }
    if unknown:
        raise TrainingError(f"The face mesh {path} has layers unknown here: {', '.join(sorted(unknown))}.")
    return model


def _key(name: str) -> str:
    return "c_" + "".join(c if c.isalnum() else "_" for c in name)


def _convolution(attributes: dict[str, Any], x: Tensor, weight: Tensor) -> Tensor:
    groups = 1
    if weight.ndim == 5:  # (groups, outputs, inputs, height, width)
        groups, weight = weight.shape[0], weight.flatten(0, 1)
    (top, left), (bottom, right) = attributes["pads_begin"], attributes["pads_end"]
    if any((top, left, bottom, right)):
        x = F.pad(x, (left, right, top, bottom))
    return F.conv2d(x, weight, stride=tuple(attributes["strides"]), groups=groups)


def _pool(attributes: dict[str, Any], x: Tensor) -> Tensor:
    return F.max_pool2d(x, tuple(attributes["kernel"]), tuple(attributes["strides"]))


def _pad(_: dict[str, Any], x: Tensor, before: Tensor, after: Tensor, value: Tensor) -> Tensor:
    sides = [int(n) for pair in zip(before.flip(0), after.flip(0), strict=True) for n in pair]
    return F.pad(x, sides, value=float(value))


def _unsqueeze(_: dict[str, Any], x: Tensor, axes: Tensor) -> Tensor:
    for axis in sorted(int(a) for a in axes.reshape(-1)):
        x = x.unsqueeze(axis)
    return x


def _reshape(attributes: dict[str, Any], x: Tensor, shape: Tensor) -> Tensor:
    sides = [int(n) for n in shape]
    if attributes.get("special_zero"):
        sides = [x.shape[i] if n == 0 else n for i, n in enumerate(sides)]
    return x.reshape(sides)


_RUN: dict[str, Callable[..., Tensor]] = {
    "Convolution": _convolution,
    "GroupConvolution": _convolution,
    "MaxPool": _pool,
    "Pad": _pad,
    "Unsqueeze": _unsqueeze,
    "Add": lambda _, a, b: a + b,
    "PRelu": lambda _, x, slope: torch.where(x >= 0, x, x * slope),
    "Transpose": lambda _, x, order: x.permute(*(int(n) for n in order)),
    "Reshape": _reshape,
    "Convert": lambda _, x: x.float() if x.is_floating_point() else x,
}
