"""Makes the weights of `enliven detect`: prepare pictures, train, measure, export. See docs/detection.md.

    python tools/train_detector.py prepare BANK DATA --engine hybrid=a.safetensors,b.safetensors
    python tools/train_detector.py train DATA -o RUN
    python tools/train_detector.py measure RUN DATA
    python tools/train_detector.py export RUN -o src/enliven/assets/detector.onnx

Every command goes on where it was stopped.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import torch
import typer

from enliven.compositing.paste import Paster
from enliven.errors import EnlivenError, UsageError
from enliven.model.detection_net import export_detector, parameter_count
from enliven.training.detection_crops import Crops, load_crops
from enliven.training.detection_data import Recipe, prepare
from enliven.training.detection_fakes import BLEND, WARP, LearnedMaker, Maker, WarpMaker
from enliven.training.detection_report import as_text, measure
from enliven.training.detection_train import WEIGHTS, DetectorSettings, load_detector, train_detector
from enliven.types import Picture, Rendering

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
_CROP = 256


def _paste(photo: Picture, rendering: Rendering) -> Picture:
    return Paster(photo).paste(rendering)


def _makers(texts: list[str]) -> dict[str, Maker]:
    makers: dict[str, Maker] = {WARP: WarpMaker(_paste)}
    for text in texts:
        name, sign, paths = text.partition("=")
        if not sign:
            raise UsageError(
                f"'{text}' names no checkpoints; write --engine name=a.safetensors,b.safetensors."
            )
        makers[name] = LearnedMaker([Path(path) for path in paths.split(",")], _CROP)
    return makers


def _counted(what: str) -> Callable[[int, int], None]:
    def show(done: int, total: int) -> None:
        print(f"\r{what} {done}/{total}", end="" if done < total else "\n", flush=True)

    return show


@app.callback()
def _tool() -> None:
    """Make the weights of `enliven detect`."""


@app.command("prepare")
def prepare_pictures(
    bank: Annotated[Path, typer.Argument(help="Databank.")],
    data: Annotated[Path, typer.Argument(help="Folder of one recipe's parts; goes on where it stopped.")],
    split: Annotated[str, typer.Option(help="train or val; val is prepared for measuring.")] = "train",
    draws: Annotated[int, typer.Option(help="Clips; 6 crops each, 18 for val.")] = 3000,
    engine: Annotated[list[str] | None, typer.Option(help="name=checkpoint,checkpoint; repeatable.")] = None,
    only: Annotated[str, typer.Option(help="Engines in turn, by comma.")] = "",
    seed: int = 0,
) -> None:
    """True and made crops of a databank's clips."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    makers = _makers(engine or [])
    engines = tuple(only.split(",")) if only else (BLEND, *makers)
    recipe = Recipe(split, draws, engines, seed, measured=split != "train")
    prepare(bank, data, recipe, makers, _counted(f"{split}:"))


@app.command()
def train(
    data: Annotated[list[Path], typer.Argument(help="Folders of prepared training pictures.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder of the run.")],
    without: Annotated[list[str] | None, typer.Option(help="An engine to leave out; repeatable.")] = None,
    steps: int = 6000,
    minutes: Annotated[
        float | None, typer.Option(help="Stop in time; the rate still follows --steps.")
    ] = None,
    begin: Annotated[Path | None, typer.Option(help="Weights of another run, else from scratch.")] = None,
    rate: Annotated[float, typer.Option(help="Highest learning rate.")] = 2e-3,
    threads: int = 1,
) -> None:
    """The network."""
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    crops = _without(load_crops(data), without or [])
    print(
        f"{len(crops.made)} crops, {crops.made.mean():.0%} made, {len(set(crops.identity.tolist()))} people"
    )

    def show(step: int, total: int, facts: Mapping[str, float]) -> None:
        if step % 50 == 0 or step == total:
            line = "  ".join(f"{name} {value:.4g}" for name, value in facts.items())
            print(f"step {step}/{total}  {line}", flush=True)

    settings = DetectorSettings(steps=steps, rate=rate)
    print("weights:", train_detector(crops, out, settings, show, minutes, begin))


@app.command("measure")
def measure_run(
    run: Annotated[Path, typer.Argument(help="Folder of a run.")],
    data: Annotated[list[Path], typer.Argument(help="Folders of prepared val pictures.")],
) -> None:
    """AUC and equal error rate on people that were not learned from."""
    torch.set_num_threads(1)
    network = load_detector(run / WEIGHTS)
    print(f"{parameter_count(network)} parameters")
    print(as_text(measure(network, load_crops(data))))


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="Folder of a run.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The .onnx file.")],
    made: Annotated[str, typer.Option(help="How and when it was trained; kept in the file.")] = "",
) -> None:
    """The weights as ONNX, for cv2.dnn."""
    export_detector(load_detector(run / WEIGHTS), out, [("made", made)])
    print(f"{out}: {out.stat().st_size / 1e6:.2f} MB")


def _without(crops: Crops, engines: list[str]) -> Crops:
    return crops.where(~np.isin(crops.engine, engines)) if engines else crops


if __name__ == "__main__":
    try:
        app()
    except EnlivenError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
