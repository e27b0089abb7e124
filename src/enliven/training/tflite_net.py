"""MediaPipe's landmark networks in torch: where they see landmarks in a result can then be learned from.

The weights stay where they are, in MediaPipe's wheel (Apache-2.0), which finding faces needs anyway.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from enliven.errors import TrainingError
from enliven.face.mediapipe_graph import package_folder
from enliven.training.frozen import frozen_prelu

_Step = tuple[str, str, list[str], dict[str, Any]]
"""Kind of layer, its name, the names that it reads, its attributes."""


class TfliteNet(nn.Module):
    """A small convolutional network from a TFLite file: differentiable, float32, frozen."""

    def __init__(self, path: Path, numbers: Sequence[int]) -> None:
        """``path``: under the folder that holds MediaPipe, or a whole one.

        ``numbers``: which results are wanted, each told by how many numbers it has for a picture. Raises
        TrainingError for a file that is none or has layers unknown here.
        """
        super().__init__()
        self._wanted = tuple(numbers)
        constants: dict[str, Tensor] = {}
        steps: list[_Step] = []
        for op in _read(package_folder() / path).get_ordered_ops():
            kind, name, attributes = op.get_type_name(), op.get_friendly_name(), dict(op.get_attributes())
            inputs = [port.get_source_output().get_node().get_friendly_name() for port in op.inputs()]
            if kind == "Constant":
                constants[name] = torch.from_numpy(np.array(op.get_data()))
            elif kind in _RUN and all(each in constants for each in inputs):
                constants[name] = _RUN[kind](attributes, *(constants[each] for each in inputs))
            elif kind != "Result" or op.get_output_partial_shape(0).to_shape()[-1] in self._wanted:
                steps.append((kind, name, inputs, attributes))
        needed = {name for kind, name, _, _ in steps if kind == "Result"}
        for _, name, inputs, _ in reversed(steps):
            if name in needed:
                needed.update(inputs)
        self._steps = _with_biases([step for step in steps if step[1] in needed], constants)
        _reshape_constants(self._steps, constants)
        known = sorted(needed & set(constants))
        self._numbers = {name: constants[name] for name in known if not _travels(constants[name])}
        self._constants = {name: f"constant_{n}" for n, name in enumerate(known) if name not in self._numbers}
        for name, buffer in self._constants.items():
            self.register_buffer(buffer, constants[name])

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """(B, n) for each of the wanted results, of pictures (B, 3, H, W) in [-1, 1] as large as the network reads."""
        values = self._numbers | {name: self.get_buffer(buffer) for name, buffer in self._constants.items()}
        results: dict[int, Tensor] = {}
        for kind, name, inputs, attributes in self._steps:
            if kind == "Parameter":
                values[name] = (pictures.float().permute(0, 2, 3, 1) + 1.0) / 2
            elif kind == "Result":
                found = values[inputs[0]].reshape(len(pictures), -1)
                results[found.shape[1]] = found
            else:
                values[name] = _RUN[kind](attributes, *(values[each] for each in inputs))
        return tuple(results[count] for count in self._wanted)


def _travels(constant: Tensor) -> bool:
    """False for shapes, axes and single numbers: read on a GPU, each of them would make it wait."""
    return constant.is_floating_point() and constant.ndim > 0


def _read(path: Path) -> Any:
    try:
        model = ov.Core().read_model(path)
    except RuntimeError as error:
        raise TrainingError(
            f"The landmark network {path} cannot be read ({str(error).strip().splitlines()[-1]}); "
            "set losses.landmarks and losses.eye_landmarks to 0."
        ) from None
    unknown = {op.get_type_name() for op in model.get_ordered_ops()} - {
        *_RUN,
        "Parameter",
        "Constant",
        "Result",
    }
    if unknown:
        raise TrainingError(
            f"The landmark network {path} has layers unknown here: {', '.join(sorted(unknown))}."
        )
    return model


def _with_biases(steps: Sequence[_Step], constants: Mapping[str, Tensor]) -> list[_Step]:
    """The same steps, but what alone reads a convolution and adds a number to each channel is part of it."""
    readers = Counter(name for _, _, inputs, _ in steps for name in inputs)
    pending: dict[str, _Step] = {}
    found: list[_Step] = []
    for kind, name, inputs, attributes in steps:
        before = pending.get(inputs[0]) if kind == "Add" and inputs else None
        bias = constants.get(inputs[1]) if before else None
        if before and bias is not None and bias.shape[1:] == (bias.numel(), 1, 1):
            found[found.index(before)] = (before[0], name, [*before[2], inputs[1]], before[3])
            continue
        step = (kind, name, inputs, attributes)
        if kind in {"Convolution", "GroupConvolution"} and readers[name] == 1:
            pending[name] = step
        found.append(step)
    return found


def _reshape_constants(steps: Sequence[_Step], constants: dict[str, Tensor]) -> None:
    """Weights, biases and slopes as torch's layers take them; in place. Done at every call, it would cost as much."""
    for kind, _, inputs, _ in steps:
        flat = inputs[1:] if kind == "PRelu" else inputs[2:] if "Convolution" in kind else []
        for name in flat:
            constants[name] = constants[name].reshape(-1)
        if kind == "GroupConvolution":  # (groups, outputs, inputs, height, width)
            constants[inputs[1]] = constants[inputs[1]].flatten(0, 1)


def _convolution(attributes: dict[str, Any], x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    groups = x.shape[1] // weight.shape[1]
    (top, left), (bottom, right) = attributes["pads_begin"], attributes["pads_end"]
    if any((top, left, bottom, right)):
        x = F.pad(x, (left, right, top, bottom))
    return F.conv2d(x, weight, bias, stride=tuple(attributes["strides"]), groups=groups)


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
    "PRelu": lambda _, x, slope: frozen_prelu(x, slope),
    "Transpose": lambda _, x, order: x.permute(*(int(n) for n in order)),
    "Reshape": _reshape,
    "Convert": lambda _, x: x.float() if x.is_floating_point() else x,
}
