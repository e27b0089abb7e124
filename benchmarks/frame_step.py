"""How long does one frame take the hybrid's networks, and in which runtime?

    python -m benchmarks.frame_step [CHECKPOINT] [--photos K] [--threads N]

Torch in float32 and bf16, ONNX Runtime, OpenVINO in float32 and bf16, in turns, so that a busy machine slows
all alike; beside them a large bf16 convolution, to whose median each is also given as a ratio. Every runtime is
compared with torch in float32: a fast one that paints something else is no choice.
Without a checkpoint the weights are random, which costs the same.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import openvino
import torch

from benchmarks.machine import stamp
from benchmarks.peak import reference_convolution
from enliven.model.checkpoint import Checkpoint, load_checkpoint, networks_of
from enliven.model.config import preset
from enliven.model.export import ENCODE, FRAME, FRAME_OUTPUTS, FrameGraph, export_onnx
from enliven.model.layers import fold_spectral_norm
from enliven.model.talker import build_talker
from enliven.types import Floats

Inputs = dict[str, Floats]
Step = Callable[[], list[Floats]]
_REFERENCE = "reference convolution"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", nargs="?", type=Path)
    parser.add_argument("--photos", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=30)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    checkpoint = load_checkpoint(asked.checkpoint) if asked.checkpoint else _random_weights()
    with tempfile.TemporaryDirectory() as folder:
        export_onnx(checkpoint, Path(folder))
        inputs = _inputs(Path(folder), checkpoint.config.size, asked.photos)
        steps = {**_torch_steps(checkpoint, inputs), **_runtime_steps(Path(folder), inputs, asked.threads)}
        truth = steps["torch float32"]()
        times, processor = _times(steps, asked.rounds)
        for name, step in steps.items():
            speed = _speed(times[name], times[_REFERENCE]) | {"processor_ms": _median(processor[name])}
            print(json.dumps({"runtime": name, **speed, **_errors(step(), truth), **_about(asked)}))


def _about(asked: argparse.Namespace) -> dict[str, object]:
    return {"photos": asked.photos, "threads": asked.threads, **stamp()}


def _random_weights() -> Checkpoint:
    torch.manual_seed(0)
    talker = build_talker(preset("hybrid"))
    for parameter in talker.parameters():  # also those that begin at zero shall have something to say
        parameter.data += 0.01 * torch.randn_like(parameter)
    return Checkpoint(preset("hybrid"), talker.state_dict())


def _inputs(folder: Path, size: int, photos: int) -> Inputs:
    draw = np.random.default_rng(0)
    pictures = draw.uniform(-1, 1, (photos, 3, size, size)).astype(np.float32)
    encode = onnxruntime.InferenceSession(str(folder / ENCODE))
    _, psi, *features = encode.run(None, {"photos": pictures, "drawings": -pictures})
    flow = draw.uniform(-0.05, 0.05, (photos, size // 2, size // 2, 2)).astype(np.float32)
    layers = draw.uniform(0, 0.3, (photos, 4, size, size)).astype(np.float32)
    given = {"photos": pictures, "psi": psi, "drawing": -pictures[0]}
    scales = {f"features_{n}": value for n, value in enumerate(features)}
    prior = np.zeros((photos, size // 4, size // 4), np.float32)
    return {**given, "guessed_flow": flow, "guessed_layers": layers, "prior": prior, **scales}


def _torch_steps(checkpoint: Checkpoint, inputs: Inputs) -> dict[str, Step]:
    talker = networks_of(checkpoint, "the checkpoint")
    fold_spectral_norm(talker)
    graph = FrameGraph(talker).eval()
    tensors = [torch.from_numpy(value) for value in inputs.values()]

    def step(bf16: bool) -> list[Floats]:
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            return [out.float().numpy() for out in graph(*tensors)]

    return {"torch float32": lambda: step(False), "torch bf16": lambda: step(True)}


def _runtime_steps(folder: Path, inputs: Inputs, threads: int) -> dict[str, Step]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(folder / FRAME), options)
    steps: dict[str, Step] = {"onnxruntime float32": lambda: session.run(list(FRAME_OUTPUTS), inputs)}
    for precision in ("f32", "bf16"):
        steps[f"openvino {precision}"] = _openvino_step(folder, inputs, threads, precision)
    return steps


def _openvino_step(folder: Path, inputs: Inputs, threads: int, precision: str) -> Step:
    settings = {
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
    }
    request = openvino.Core().compile_model(str(folder / FRAME), "CPU", settings).create_infer_request()

    def step() -> list[Floats]:
        found = request.infer(inputs, share_inputs=True)  # as the product does
        return [np.array(found[name], np.float32) for name in FRAME_OUTPUTS]

    return step


def _times(steps: dict[str, Step], rounds: int) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Milliseconds, and those of all threads' processor time, of each and of the reference, taken in turns."""
    convolution, pictures = reference_convolution(torch.device("cpu"))
    runs: dict[str, Callable[[], object]] = {**steps, _REFERENCE: lambda: convolution(pictures)}
    taken: dict[str, list[float]] = {name: [] for name in runs}
    processor: dict[str, list[float]] = {name: [] for name in runs}
    with torch.no_grad():
        for _ in range(rounds):
            for name, run in runs.items():
                start, worked = time.perf_counter(), time.process_time()
                run()
                taken[name].append(1000 * (time.perf_counter() - start))
                processor[name].append(1000 * (time.process_time() - worked))
    return taken, processor


def _speed(taken: list[float], reference: list[float]) -> dict[str, float]:
    """The fastest round is what the machine can do, the median what it did under its present load."""
    return {
        "ms": _median(taken),
        "fastest_ms": round(min(taken), 2),
        "of_reference": round(statistics.median(taken) / statistics.median(reference), 2),
        "reference_ms": _median(reference),
    }


def _median(values: list[float]) -> float:
    return round(statistics.median(values), 2)


def _errors(found: list[Floats], truth: list[Floats]) -> dict[str, float]:
    """Largest flow difference in pixels at 256, mean picture difference in steps of 1/255."""
    by_name = dict(zip(FRAME_OUTPUTS, zip(found, truth, strict=True), strict=True))
    flow, result = by_name["flow"], by_name["result"]
    return {
        "flow_px": round(float(np.abs(flow[0] - flow[1].reshape(flow[0].shape)).max()) * 128, 4),
        "picture_255": round(float(np.abs(result[0] - result[1].reshape(result[0].shape)).mean()) * 127.5, 4),
    }


if __name__ == "__main__":
    main()
