"""Training of the detection network: the loop, open on the page."""

from __future__ import annotations

import json
import math
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from enliven.errors import TrainingError
from enliven.model.checkpoint import load_tensors, save_tensors
from enliven.model.detection_net import SUSPECT, DetectionConfig, DetectionNet, pooled
from enliven.training.detection_batches import Batch, BatchMaker, Disturbance
from enliven.training.detection_crops import Crops
from enliven.training.detection_scores import by_clip, fit_calibration, score, separation
from enliven.training.interrupt import Interrupt

_FORMAT = "enliven-detector-training"
WEIGHTS = "detector.safetensors"
"""Of a run: calibrated, the running mean of the steps."""
_CHECKPOINT, _LOG = "state.safetensors", "log.jsonl"
_LONGEST_RISE = 200
_MEAN_DECAY = 0.995
_SHOWS = 0.25
"""Part of the deciding places that must be changed for a made crop to be called made as a whole."""
_APART_SHARE = 0.1
"""People of the training split whose crops are kept apart to calibrate on."""

Say = Callable[[int, int, Mapping[str, float]], None]
"""Called with steps done, steps in all, and loss, rate and what was measured on people kept apart."""


@dataclass(frozen=True)
class DetectorSettings:
    """How it is trained."""

    steps: int = 6000
    batch: int = 32
    rate: float = 2e-3
    """Highest learning rate; it rises over the first tenth, at most 200 steps, and falls to nothing as a cosine."""
    weight_decay: float = 0.05
    soften: float = 0.05
    """Targets are this far from 0 and 1, so that nothing is ever called certain."""
    places: float = 1.0
    """Weight of judging every place by itself: changed ones of made crops against the same of the true ones."""
    changed: float = 0.2
    """Share of a place's pixels from which it counts as changed; made crops' other places teach nothing."""
    whole: float = 0.5
    """Weight of judging whole crops."""
    order: float = 0.3
    """Weight of ranking the made crop of a pair above the true one (Burges et al. 2005, RankNet)."""
    patches: float = 0.5
    """Share of pairs whose made crop is the true one with a part blended in, or stretched."""
    seed: int = 0
    save_every: int = 500
    network: DetectionConfig = field(default_factory=DetectionConfig)
    disturbance: Disturbance = field(default_factory=Disturbance)

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch < 2 or self.batch % 2 or self.save_every < 1:
            raise TrainingError(
                f"Training needs at least one step and an even batch; got {self.steps} and {self.batch}."
            )


@dataclass(eq=False)
class _Run:
    """Everything that the next step depends on."""

    settings: DetectorSettings
    network: DetectionNet
    mean: DetectionNet
    optimiser: torch.optim.AdamW
    step: int = 0


def train_detector(
    crops: Crops,
    out: Path,
    settings: DetectorSettings,
    say: Say | None = None,
    minutes: float | None = None,
    begin: Path | None = None,
) -> Path:
    """Trains on prepared crops in the folder ``out``, going on where it stopped; gives the calibrated weights.

    ``begin``: trained weights that a new run begins with, else random ones.
    After Ctrl-C or ``minutes`` the state is saved and, with the steps done so far, calibrated weights are written.
    Raises TrainingError when the folder holds a run with other settings, or learning goes wrong.
    """
    apart = kept_apart(crops)
    learned, held = crops.where(~apart), crops.where(apart)
    _require_both(learned, "to learn from")
    _require_both(held, "kept apart to calibrate on")
    run, batches = _open_run(out, settings, begin), _batches(learned, settings)
    until = math.inf if minutes is None else time.monotonic() + 60 * minutes
    seen, since = run.step, time.monotonic()
    with Interrupt() as interrupt:
        while run.step < settings.steps and not interrupt.asked and time.monotonic() < until:
            loss = _step(run, batches.at(run.step))
            run.step += 1
            if not math.isfinite(loss):
                raise TrainingError(f"The loss is not a number at step {run.step}; try a lower rate.")
            facts = {
                "loss": loss,
                "crops_per_second": settings.batch * (run.step - seen) / (time.monotonic() - since),
            }
            if run.step % settings.save_every == 0:
                facts |= _held_out(run.mean, held)
                _save(out, run)
                _record(out, {"step": run.step} | facts)
            if say:
                say(run.step, settings.steps, facts)
    _save(out, run)
    return _write_calibrated(out, run.mean, held)


def _batches(crops: Crops, settings: DetectorSettings) -> BatchMaker:
    return BatchMaker(crops, settings.batch, settings.seed, settings.disturbance, settings.patches)


def kept_apart(crops: Crops) -> Any:
    """(N,) True for crops of people that calibrate; by name, the same in every run."""
    people = {
        name: zlib.crc32(name.encode()) % 1000 < 1000 * _APART_SHARE for name in set(crops.identity.tolist())
    }
    return np.array([people[name] for name in crops.identity.tolist()], np.bool_)


def load_detector(path: Path) -> DetectionNet:
    """Trained weights. Raises ModelError or TrainingError when the file holds none, or those of another design."""
    tensors, about = load_tensors(path)
    if about.get("format") != _FORMAT:
        raise TrainingError(f"{path} holds no detection network.")
    network = DetectionNet(DetectionConfig(tuple(about["widths"])))
    try:
        network.load_state_dict(tensors)
    except RuntimeError:
        raise TrainingError(
            f"{path} holds a detection network of another design; train one with this version of enliven."
        ) from None
    return network.eval()


def _step(run: _Run, batch: Batch) -> float:
    """One batch; the running mean of the weights follows."""
    for group in run.optimiser.param_groups:
        group["lr"] = run.settings.rate * _rate_share(run.step, run.settings.steps)
    run.network.train()
    with torch.autocast("cpu", torch.bfloat16):
        places = run.network(batch.crops)
    loss = _loss(places.float(), batch, run.settings)
    run.optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    run.optimiser.step()
    _follow(run.mean, run.network, min(_MEAN_DECAY, run.step / (run.step + 10)))
    return float(loss.detach())


def _loss(places: Tensor, batch: Batch, settings: DetectorSettings) -> Tensor:
    """The whole crop, its places, and the order within pairs; what shows nothing made teaches nothing made."""
    changed = batch.changed >= settings.changed  # (B, h, w)
    shows = (~batch.made | (changed.flatten(1).float().mean(dim=1) * SUSPECT > _SHOWS)).float()  # (B,)
    high, low = 1 - settings.soften, settings.soften
    same = batch.changed_in_partner >= settings.changed
    each = _balanced(places, changed.float(), same.float(), high, low)
    scores = pooled(places)
    whole = _balanced(scores, batch.made.float() * shows, (~batch.made).float(), high, low)
    pairs, both = scores.reshape(-1, 2), shows.reshape(-1, 2).prod(dim=1)  # of a true and a made crop
    order = (functional.softplus(pairs[:, 0] - pairs[:, 1]) * both).sum() / both.sum().clamp(min=1)
    return settings.places * each + settings.whole * whole + settings.order * order


def _balanced(logits: Tensor, made: Tensor, true: Tensor, high: float, low: float) -> Tensor:
    """Cross entropy with both kinds weighed alike, however many there are; ``made`` and ``true`` select them."""
    as_made = functional.binary_cross_entropy_with_logits(
        logits, torch.full_like(logits, high), reduction="none"
    )
    as_true = functional.binary_cross_entropy_with_logits(
        logits, torch.full_like(logits, low), reduction="none"
    )
    of_made = (as_made * made).sum() / made.sum().clamp(min=1)
    return (of_made + (as_true * true).sum() / true.sum().clamp(min=1)) / 2


def _rate_share(step: int, steps: int) -> float:
    rise = min(_LONGEST_RISE, max(1, steps // 10))
    return min(1.0, (step + 1) / rise) * 0.5 * (1 + math.cos(math.pi * step / steps))


@torch.no_grad()
def _follow(mean: DetectionNet, network: DetectionNet, decay: float) -> None:
    for slow, fast in zip(mean.state_dict().values(), network.state_dict().values(), strict=True):
        if slow.is_floating_point():
            slow.lerp_(fast, 1 - decay)
        else:
            slow.copy_(fast)


def _held_out(network: DetectionNet, held: Crops) -> dict[str, float]:
    found = separation(*by_clip(score(network, held), held))
    return {"auc": found.auc, "eer": found.eer}


def _write_calibrated(out: Path, network: DetectionNet, held: Crops) -> Path:
    """Probabilities are fitted to people that were not learned from, and that are not those of the report."""
    network.calibrate(1.0, 0.0)
    network.calibrate(*fit_calibration(*by_clip(score(network, held), held)))
    path = out / WEIGHTS
    save_tensors(path, network.state_dict(), {"format": _FORMAT, "widths": list(network.config.widths)})
    return path


def _open_run(out: Path, settings: DetectorSettings, begin: Path | None) -> _Run:
    torch.manual_seed(settings.seed)
    network, mean = DetectionNet(settings.network), DetectionNet(settings.network)
    if begin:
        network.load_state_dict(load_detector(begin).state_dict())
        network.calibrate(1.0, 0.0)
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    mean.load_state_dict(network.state_dict())
    optimiser = torch.optim.AdamW(network.parameters(), lr=settings.rate, weight_decay=settings.weight_decay)
    run = _Run(settings, network, mean, optimiser)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(f"{out} cannot be made: {error.strerror}.") from None
    if (out / _CHECKPOINT).exists():
        _restore(out / _CHECKPOINT, run)
    return run


def _save(out: Path, run: _Run) -> None:
    tensors = {f"network/{name}": value for name, value in run.network.state_dict().items()}
    tensors |= {f"mean/{name}": value for name, value in run.mean.state_dict().items()}
    for number, values in run.optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser/{number}/{name}": torch.as_tensor(value) for name, value in values.items()}
    tensors["random"] = torch.get_rng_state()
    tensors = {name: value.detach().contiguous().clone() for name, value in tensors.items()}
    about = {"format": _FORMAT, "step": run.step, "settings": asdict(run.settings)}
    save_tensors(out / _CHECKPOINT, tensors, json.loads(json.dumps(about)))


def _restore(path: Path, run: _Run) -> None:
    tensors, about = load_tensors(path)
    if about.get("settings") != json.loads(json.dumps(asdict(run.settings))):
        raise TrainingError(f"{path} is the state of a run with other settings; choose another folder.")
    run.network.load_state_dict(_part(tensors, "network/"))
    run.mean.load_state_dict(_part(tensors, "mean/"))
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in _part(tensors, "optimiser/").items():
        number, key = name.split("/")
        state.setdefault(int(number), {})[key] = value
    groups = run.optimiser.state_dict()["param_groups"]
    run.optimiser.load_state_dict({"state": state, "param_groups": groups})
    torch.set_rng_state(tensors["random"])
    run.step = int(about["step"])


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _record(out: Path, facts: Mapping[str, float]) -> None:
    with (out / _LOG).open("a") as file:
        file.write(json.dumps({name: round(value, 5) for name, value in facts.items()}) + "\n")


def _require_both(crops: Crops, what: str) -> None:
    made = int(crops.made.sum())
    if made == 0 or made == len(crops.made):
        raise TrainingError(
            f"There are {made} made and {len(crops.made) - made} true crops {what}; both are needed. Prepare more."
        )
