"""The exported graphs, run by OpenVINO: no torch is needed to animate.

OpenVINO was the fastest of those measured at equal exactness (`python -m benchmarks.frame_step`).
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from enliven.errors import ModelError
from enliven.model.config import ModelConfig
from enliven.model.guess import Guess
from enliven.model.tensor_file import places_in
from enliven.model.weights_file import check_tensors, read_about
from enliven.types import Floats

ENCODE, FRAME, WEIGHTS = "encode.onnx", "frame.onnx", "weights.safetensors"
JUDGE = "judge.safetensors"
"""The discriminator beside the weights, for fitting to a person; animating does without."""


def weights_in(path: Path) -> Path:
    """The weights of a folder that `enliven export` wrote; a file is the weights itself."""
    return path / WEIGHTS if path.is_dir() else path


@dataclass(frozen=True, eq=False)
class NetworkFrame:
    """What the networks say about one frame; S the crop's side, K the photos."""

    result: Floats
    """(3, S, S) in about [-1, 1]: mask * warped + (1 - mask) * synthesis."""
    warped: Floats
    """(3, S, S) in [-1, 1]: the photos moved and mixed, layers laid over."""
    mask: Floats
    """(S, S) in 0..1; 1 shows the warped photos."""
    flow: Floats
    """(K, S/2, S/2, 2) half crop sides: place to read minus place to write."""
    confidence: Floats
    """(K, S/4, S/4) share of each photo; sums to 1."""


Person = dict[str, Floats]
"""Inputs of the frame graph that stay the same for a person."""


class Graphs:
    """Both graphs of an exported model, compiled for one device."""

    def __init__(
        self,
        folder: Path,
        *,
        device: str = "auto",
        threads: int = 0,
        fitted: Mapping[str, Floats] | None = None,
    ) -> None:
        """``folder``: as `model.export` writes it; ``device``: auto, cpu or gpu; 0 threads: all.

        ``fitted``: weights of one person in place of some of the file's, by name. Raises ModelError when a file is
        missing, damaged or of another version, or a fitted weight has no place in it.
        """
        self.folder = folder
        self.about = read_about(folder / WEIGHTS)
        check_tensors(folder / WEIGHTS, self.about)
        self.config = ModelConfig.from_json(self.about.get("config", {}))
        core = _core()
        device = _device(core, device)
        self._compiled = partial(_compiled, core, device=device, threads=threads)
        with _materialised(folder, fitted or {}) as ready:
            encode, self._frame_graph = (_read(core, ready / name) for name in (ENCODE, FRAME))
            self._encode = self._compiled(encode, precision="f32").create_infer_request()
            if "prior" not in {name for port in self._frame_graph.inputs for name in port.names}:
                raise ModelError(
                    f"The graphs in {folder} were exported by another version of enliven; export the model again."
                )
            self._precision = _precision(core)
            self._steps: dict[int, Any] = {}
            self._step(1)

    def encode(self, photos: Floats, drawings: Floats) -> Person:
        """A person from K crops (K, 3, S, S) and their landmark drawings, both in [-1, 1]."""
        found = self._encode.infer({"photos": photos, "drawings": drawings})
        person = {"photos": photos, "psi": np.array(found["psi"])}
        return person | {f"features_{n}": np.array(found[f"features_{n}"]) for n in range(3)}

    def frame(
        self, person: Person, drawing: Floats, guesses: list[Guess], prior: Floats | None = None
    ) -> NetworkFrame:
        """One frame: (3, S, S) drawing in [-1, 1] of the driving landmarks, one guess for each photo.

        ``prior``: (K, S/4, S/4) log weights of the photos, place by place; None: all alike.
        """
        cells = self.config.size // 4
        alike = np.zeros((len(guesses), cells, cells), np.float32)
        inputs = {
            "drawing": drawing,
            "prior": alike if prior is None else prior,
            "guessed_flow": _stacked([guess.flow for guess in guesses]),
            "guessed_layers": _stacked([guess.layers for guess in guesses]),
        }
        found = self._step(len(guesses)).infer(person | inputs, share_inputs=True)
        names = ("result", "warped", "mask", "flow", "confidence")
        return NetworkFrame(*(np.array(found[name], np.float32) for name in names))

    def _step(self, photos: int) -> Any:
        """The frame graph for so many photos, made ready when first asked for.

        With every shape known a step takes a tenth less.
        """
        if photos not in self._steps:
            graph = self._frame_graph.clone()
            ports = {port.any_name: port.get_partial_shape() for port in graph.inputs}
            for shape in ports.values():
                if shape.is_dynamic:
                    shape[0] = photos
            graph.reshape(ports)
            if photos == 1:
                _fold_shares(graph)
            self._steps[photos] = self._compiled(graph, precision=self._precision).create_infer_request()
        return self._steps[photos]


@contextmanager
def _materialised(folder: Path, fitted: Mapping[str, Floats]) -> Iterator[Path]:
    """The folder itself, or a passing copy whose weights file has the fitted weights in place."""
    if not fitted:
        yield folder
        return
    weights = bytearray((folder / WEIGHTS).read_bytes())
    places = places_in(folder / WEIGHTS)
    for name, value in fitted.items():
        offset, length = places.get(name, (0, 0))
        data = value.astype(np.float16).tobytes()
        if len(data) != length:
            raise ModelError(
                f"The head's fitted weight '{name}' does not fit the model in {folder}; learn the person again."
            )
        weights[offset : offset + length] = data
    with tempfile.TemporaryDirectory(prefix="enliven-head-") as name:
        ready = Path(name)
        for graph in (ENCODE, FRAME):
            if (folder / graph).is_file():
                shutil.copyfile(folder / graph, ready / graph)
        (ready / WEIGHTS).write_bytes(weights)
        yield ready


def devices() -> list[str]:
    """What OpenVINO can run on here, such as CPU and GPU."""
    return list(_core().available_devices)


@cache
def _core() -> Any:
    """One for the process, for ever.

    Every core gives the thread a stack for signals and takes it away again in the end. Of two cores of which the
    first goes first, the second one puts back what is gone already, and the next Ctrl-C is a segmentation fault.
    """
    import openvino

    return openvino.Core()


def _device(core: Any, asked: str) -> str:
    """OpenVINO's name of it. A GPU that is not there is an error, never silently the CPU."""
    if asked != "gpu":
        return "CPU"
    found = [name for name in core.available_devices if name.startswith("GPU")]
    if not found:
        raise ModelError("No GPU was found that OpenVINO can use (Intel, with its driver); try --device cpu.")
    return str(found[0])


def _stacked(arrays: Sequence[Floats]) -> Floats:
    """(K, ...) of K arrays; of one the same numbers, not copied."""
    return arrays[0][None] if len(arrays) == 1 else np.stack(arrays)


def _read(core: Any, graph: Path) -> Any:
    if not graph.is_file():
        raise ModelError(f"The graph {graph} is missing; export the model again.")
    try:
        return core.read_model(str(graph))
    except RuntimeError as error:
        raise ModelError(
            f"The graph {graph} cannot be loaded ({_reason(error)}); export the model again."
        ) from None


def _fold_shares(graph: Any) -> None:
    """Of one photo the share is 1 everywhere: the softmax over photos becomes a constant, and mixing costs nothing."""
    from openvino import opset8

    for node in graph.get_ordered_ops():
        if node.get_type_name() == "Softmax":
            ones = opset8.constant(np.ones(list(node.output(0).get_shape()), np.float32))
            for reader in list(node.output(0).get_target_inputs()):
                reader.replace_source_output(ones.output(0))
    graph.validate_nodes_and_infer_types()


def _compiled(core: Any, graph: Any, *, device: str, threads: int, precision: str) -> Any:
    settings: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY"}
    if device == "CPU":
        settings["INFERENCE_PRECISION_HINT"] = precision
        settings["INFERENCE_NUM_THREADS"] = threads or max(1, (os.cpu_count() or 1) - 1)
    try:
        return core.compile_model(graph, device, settings)
    except RuntimeError as error:
        raise ModelError(
            f"The graphs cannot be made ready for {device} ({_reason(error)}); export them again."
        ) from None


def _reason(error: RuntimeError) -> str:
    """What OpenVINO says last: before it stand the lines of its own source."""
    return str(error).strip().splitlines()[-1]


def _precision(core: Any) -> str:
    """bf16 where the processor computes in it, for the step that is run at every frame; else float32."""
    return "bf16" if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "f32"
