"""The exported graphs, run by OpenVINO: no torch is needed to animate.

OpenVINO was the fastest of those measured at equal exactness (`python -m benchmarks.frame_step`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from enliven.errors import ModelError
from enliven.model.config import ModelConfig
from enliven.model.guess import Guess
from enliven.model.weights_file import check_tensors, read_about
from enliven.types import Floats

ENCODE, FRAME, WEIGHTS = "encode.onnx", "frame.onnx", "weights.safetensors"


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

    def __init__(self, folder: Path, *, device: str = "auto", threads: int = 0) -> None:
        """``folder``: as `model.export` writes it; ``device``: auto, cpu or gpu; 0 threads: all.

        Raises ModelError when a file is missing, damaged or of another version.
        """
        self.folder = folder
        self.about = read_about(folder / WEIGHTS)
        check_tensors(folder / WEIGHTS, self.about)
        self.config = ModelConfig.from_json(self.about.get("config", {}))
        core = _core()
        device = _device(core, device)
        encode, frame = (_compiled(core, folder / name, device, threads) for name in (ENCODE, FRAME))
        self._encode = encode.create_infer_request()
        self._frame = frame.create_infer_request()

    def encode(self, photos: Floats, drawings: Floats) -> Person:
        """A person from K crops (K, 3, S, S) and their landmark drawings, both in [-1, 1]."""
        found = self._encode.infer({"photos": photos, "drawings": drawings})
        person = {"photos": photos, "psi": np.array(found["psi"])}
        return person | {f"features_{n}": np.array(found[f"features_{n}"]) for n in range(3)}

    def frame(self, person: Person, drawing: Floats, guesses: list[Guess]) -> NetworkFrame:
        """One frame: (3, S, S) drawing in [-1, 1] of the driving landmarks, one guess for each photo."""
        inputs = {
            "drawing": drawing,
            "guessed_flow": np.stack([guess.flow for guess in guesses]),
            "guessed_layers": np.stack([guess.layers for guess in guesses]),
        }
        found = self._frame.infer(person | inputs, share_inputs=True)
        names = ("result", "warped", "mask", "flow", "confidence")
        return NetworkFrame(*(np.array(found[name], np.float32) for name in names))


def devices() -> list[str]:
    """What OpenVINO can run on here, such as CPU and GPU."""
    return list(_core().available_devices)


def _core() -> Any:
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


def _compiled(core: Any, graph: Path, device: str, threads: int) -> Any:
    settings: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY"}
    if device == "CPU":
        settings["INFERENCE_PRECISION_HINT"] = _precision(core, graph)
        settings["INFERENCE_NUM_THREADS"] = threads
    if not graph.is_file():
        raise ModelError(f"The graph {graph} is missing; export the model again.")
    try:
        return core.compile_model(str(graph), device, settings)
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise ModelError(f"The graph {graph} cannot be loaded ({reason}); export the model again.") from None


def _precision(core: Any, graph: Path) -> str:
    """bf16 where the processor computes in it, for the step that is run at every frame; else float32."""
    fast = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "bf16" if fast and graph.name == FRAME else "f32"
