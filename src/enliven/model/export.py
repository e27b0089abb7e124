"""The networks as two ONNX graphs: `encode` once a person, `frame` once a frame. Inference then needs no torch."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import torch
from torch import Tensor, nn

from enliven.errors import MissingExtraError, ModelError
from enliven.model.checkpoint import Checkpoint, networks_of
from enliven.model.layers import fold_spectral_norm
from enliven.model.talker import Guesses, Person, Rendered

_OPSET = 17
ENCODE, FRAME, ABOUT = "encode.onnx", "frame.onnx", "model.json"
FRAME_OUTPUTS = ("result", "synthesis", "mask", "flow", "confidence")


class EncodeGraph(nn.Module):
    """K photos, drawings and points -> e, psi and source features; no batch axis at the door."""

    def __init__(self, talker: nn.Module) -> None:
        super().__init__()
        self.talker = talker

    def forward(self, photos: Tensor, drawings: Tensor) -> tuple[Tensor, ...]:
        """(K, 3, S, S) twice, in [-1, 1] -> (E,), (P,) and, of the hybrid, (K, C, h, w) at three scales."""
        person: Person = self.talker.encode(photos[None], drawings[None])  # type: ignore[operator]
        return (person.embedding[0], person.psi[0], *(f[0] for f in person.features))


class FrameGraph(nn.Module):
    """The person as tensors, and the driving landmarks -> one frame; no batch axis at the door."""

    def __init__(self, talker: nn.Module) -> None:
        super().__init__()
        self.talker = talker

    def forward(
        self,
        photos: Tensor,
        psi: Tensor,
        drawing: Tensor,
        guessed_flow: Tensor,
        guessed_layers: Tensor,
        *features: Tensor,
    ) -> tuple[Tensor, ...]:
        """(K, 3, S, S), (P,), (3, S, S), the guess (K, S/2, S/2, 2), (K, 4, S, S), the features -> FRAME_OUTPUTS.

        Result and synthesis (3, S, S) in about [-1, 1], mask (S, S), flow (K, g, g, 2) in half crop sides,
        confidence (K, g, g).
        """
        person = Person(psi[None], psi[None], photos[None], tuple(f[None] for f in features))
        guesses = Guesses(guessed_flow[None], guessed_layers[None])
        frame: Rendered = self.talker.frame(person, drawing[None], guesses)  # type: ignore[operator]
        pictures = (frame.result[0], frame.synthesis[0], frame.mask[0, 0])
        return (*pictures, frame.flow[0], frame.confidence[0])


def export_onnx(checkpoint: Checkpoint, folder: Path) -> None:
    """Writes ``encode.onnx``, ``frame.onnx`` and ``model.json`` (config and origin) into ``folder``."""
    try:
        import onnx  # noqa: F401 - the exporter needs it
    except ModuleNotFoundError:
        raise MissingExtraError("Exporting to ONNX", "train") from None
    talker = copy.deepcopy(networks_of(checkpoint, "the checkpoint"))
    fold_spectral_norm(talker)
    config = checkpoint.config
    size, shots = config.size, 2
    pictures = torch.zeros(shots, 3, size, size)
    flow, layers = torch.zeros(shots, size // 2, size // 2, 2), torch.zeros(shots, 4, size, size)
    encode = EncodeGraph(talker)
    with torch.no_grad():
        _, psi, *features = encode(pictures, pictures)
    scales = [f"features_{n}" for n in range(len(features))]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _export(
            encode,
            (pictures, pictures),
            folder / ENCODE,
            ["photos", "drawings"],
            ["embedding", "psi", *scales],
        )
        inputs = ["photos", "psi", "drawing", "guessed_flow", "guessed_layers", *scales]
        frame = (pictures, psi, pictures[0], flow, layers, *features)
        _export(FrameGraph(talker), frame, folder / FRAME, inputs, list(FRAME_OUTPUTS))
        about = {"config": config.to_json(), "step": checkpoint.step, "data": dict(checkpoint.data)}
        (folder / ABOUT).write_text(json.dumps(about, indent=1) + "\n")
    except OSError as error:
        raise ModelError(
            f"The ONNX graphs cannot be written to {folder} ({error.strerror or error})."
        ) from None


_PER_PHOTO = {
    "photos",
    "drawings",
    "guessed_flow",
    "guessed_layers",
    "features_0",
    "features_1",
    "features_2",
    "flow",
    "confidence",
}
"""Inputs and outputs whose first axis is K, any number."""


def _export(
    graph: nn.Module, arguments: tuple[Tensor, ...], path: Path, inputs: list[str], outputs: list[str]
) -> None:
    temporary = path.with_name(path.name + ".writing")
    axes = {name: {0: "photos"} for name in [*inputs, *outputs] if name in _PER_PHOTO}
    torch.onnx.export(
        graph.eval(),
        arguments,
        str(temporary),
        input_names=inputs,
        output_names=outputs,
        dynamic_axes=axes,
        opset_version=_OPSET,
        dynamo=False,
    )
    temporary.replace(path)
