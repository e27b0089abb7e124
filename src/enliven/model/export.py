"""The networks as two ONNX graphs: `encode` once a person, `frame` once a frame. Inference then needs no torch.

The graphs hold no weights: they read them, in float16, out of the safetensors file beside them.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from enliven.errors import MissingExtraError, ModelError
from enliven.model.checkpoint import Checkpoint, networks_of, save_checkpoint
from enliven.model.layers import fold_spectral_norm
from enliven.model.runtime import ENCODE, FRAME, JUDGE, WEIGHTS
from enliven.model.talker import Guesses, Person, Rendered
from enliven.model.tensor_file import places_in

_OPSET = 17
FRAME_OUTPUTS = ("result", "warped", "mask", "flow", "confidence")


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
        prior: Tensor,
        *features: Tensor,
    ) -> tuple[Tensor, ...]:
        """(K, 3, S, S), (P,), (3, S, S), guess (K, S/2, S/2, 2), (K, 4, S, S), prior (K, S/4, S/4), the features.

        Gives FRAME_OUTPUTS: result and warped photo (3, S, S) in about [-1, 1], mask (S, S), flow (K, g, g, 2) in half
        crop sides, confidence (K, g, g).
        """
        person = Person(psi[None], psi[None], photos[None], tuple(f[None] for f in features))
        guesses = Guesses(guessed_flow[None], guessed_layers[None], prior[None])
        frame: Rendered = self.talker.frame(person, drawing[None], guesses)  # type: ignore[operator]
        pictures = (frame.result[0], frame.warped[0], frame.mask[0, 0])
        return (*pictures, frame.flow[0], frame.confidence[0])


def export_onnx(checkpoint: Checkpoint, folder: Path) -> None:
    """Writes ``encode.onnx``, ``frame.onnx`` and ``weights.safetensors`` (float16) into ``folder``.

    And ``judge.safetensors``, the discriminator, when the checkpoint holds it.

    The weights file is itself a checkpoint. Raises :class:`ModelError` when the folder cannot be written.
    """
    try:
        import onnx  # noqa: F401 - the exporter needs it
    except ModuleNotFoundError:
        raise MissingExtraError("Exporting to ONNX", "train") from None
    talker = networks_of(checkpoint, "the checkpoint")
    fold_spectral_norm(talker)
    halves = {name: value.half() for name, value in talker.state_dict().items()}
    talker.load_state_dict(halves)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        about = (checkpoint.step, checkpoint.data, checkpoint.metrics, checkpoint.training)
        save_checkpoint(folder / WEIGHTS, Checkpoint(checkpoint.config, halves, *about))
        _write_judge(checkpoint, folder / JUDGE)
        _export_both(talker, checkpoint.config.size, folder)
    except OSError as error:
        raise ModelError(
            f"The ONNX graphs cannot be written to {folder} ({error.strerror or error})."
        ) from None


def _write_judge(checkpoint: Checkpoint, path: Path) -> None:
    """The discriminator apart, in float16, so that animating need not carry it; nothing when there is none."""
    path.unlink(missing_ok=True)
    if checkpoint.judge:
        halves = {name: value.half() for name, value in checkpoint.judge.items()}
        save_checkpoint(path, replace(checkpoint, weights={}, metrics={}, judge=halves))


def _export_both(talker: nn.Module, size: int, folder: Path) -> None:
    """Traced with two photos; their number stays free."""
    pictures = torch.zeros(2, 3, size, size)
    flow, layers = torch.zeros(2, size // 2, size // 2, 2), torch.zeros(2, 4, size, size)
    prior = torch.zeros(2, size // 4, size // 4)
    encode = EncodeGraph(talker)
    with torch.no_grad():
        _, psi, *features = encode(pictures, pictures)
    scales = [f"features_{n}" for n in range(len(features))]
    outputs = ["embedding", "psi", *scales]
    _export(encode, (pictures, pictures), folder / ENCODE, ["photos", "drawings"], outputs)
    inputs = ["photos", "psi", "drawing", "guessed_flow", "guessed_layers", "prior", *scales]
    frame = (pictures, psi, pictures[0], flow, layers, prior, *features)
    _export(FrameGraph(talker), frame, folder / FRAME, inputs, list(FRAME_OUTPUTS))


_PER_PHOTO = {
    "photos",
    "drawings",
    "guessed_flow",
    "guessed_layers",
    "prior",
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
        do_constant_folding=False,  # what is made of weights stays so: those of a fitted head take their place
        dynamo=False,
    )
    _read_weights_from(path.with_name(WEIGHTS), temporary)
    temporary.replace(path)


def _read_weights_from(weights: Path, graph_file: Path) -> None:
    """Replaces the graph's own weights by references into a safetensors file in the same folder."""
    import onnx
    from onnx import TensorProto, helper

    places = places_in(weights)
    model = onnx.load(str(graph_file))
    kept, casts = [], []
    for own in model.graph.initializer:
        place = places.get(own.name.removeprefix("talker."))
        if place is None or own.data_type != TensorProto.FLOAT:
            kept.append(own)
            continue
        half = TensorProto(name=own.name + ".half", data_type=TensorProto.FLOAT16, dims=own.dims)
        half.data_location = TensorProto.EXTERNAL
        values = {"location": weights.name, "offset": str(place[0]), "length": str(place[1])}
        for key, value in values.items():
            half.external_data.add(key=key, value=value)
        kept.append(half)
        casts.append(helper.make_node("Cast", [half.name], [own.name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend(kept)
    model.graph.node.extend(nodes)
    graph_file.write_bytes(model.SerializeToString())
