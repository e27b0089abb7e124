"""All that can be set about a training run: frozen dataclasses, read from TOML, unknown keys refused."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from enliven.databank.episodes import EpisodeSettings
from enliven.errors import InputError, TrainingError
from enliven.model.config import PRESETS, ModelConfig, preset

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_Section = TypeVar("_Section")

MAY_CHANGE = ("steps", "log_every", "sample_every", "save_every", "keep_states")
"""Keys that a resumed run may have otherwise: they do not touch what is learned at a step."""


@dataclass(frozen=True)
class LossWeights:
    """Factor of each loss; 0 leaves it out."""

    pixels: float = 10.0
    """L1 of the result at four scales."""
    warped: float = 3.0
    """L1 of the warped photo alone."""
    synthesis: float = 5.0
    """L1 of the synthesised picture alone; without it the mask saturates at "all warp"."""
    painted: float = 0.06
    """Mean of 1 - mask: where painting gains nothing the photo's own pixels, at their own resolution, show."""
    mouth: float = 4.0
    """L1 and edges of the mouth as a crop of its own."""
    eyes: float = 2.0
    """The same of both eyes."""
    teacher: float = 2.0
    """Relative L1 of a face network's features."""
    landmarks: float = 1.0
    """Distance of landmarks, as MediaPipe's face mesh finds them in the result, in pixels of 192 around the face."""
    eye_landmarks: float = 0.7
    """The same of lids, brows and irises, in pixels of 64 around each eye."""
    vgg19: float = 0.15
    """L1 of VGG19 features (paper, second version)."""
    vggface: float = 0.025
    """L1 of VGGFace features (paper, second version)."""
    adversarial: float = 0.1
    """Hinge loss of the generator."""
    feature_matching: float = 1.0
    """L1 of the discriminator's features, mean over its blocks."""
    match: float = 0.1
    """L1 between e and W_i."""
    parts: float = 0.3
    """Hinge loss of the generator against the adversary that looks at mouth and eyes alone."""
    parts_matching: float = 3.0
    """L1 of that adversary's features."""
    emphasis: float = 5.0
    """How much a pixel near mouth and eyes counts in the L1 losses; 1 is like any other."""


@dataclass(frozen=True)
class OptimiserSettings:
    """Adam for generator and discriminator, each stepped on its own losses."""

    generator_rate: float = 1e-3
    discriminator_rate: float = 4e-4
    table_rate: float = 2e-3
    """Of the identity rows W, which see one episode in as many as there are identities."""
    beta1: float = 0.9
    """Momentum of the generator."""
    discriminator_beta1: float = 0.5
    """Momentum of the discriminator and the table."""
    beta2: float = 0.999
    clip: float = 2.0
    """Largest norm of the gradient of one part: embedder, motion net, synthesis, ..."""
    warm_up: int = 50
    """Steps over which the rates rise from nothing."""
    discriminator_updates: int = 1
    """Discriminator steps per generator step."""
    ema: float = 0.999
    """Of the generator's running mean, which is what is saved."""


@dataclass(frozen=True)
class FeatureFiles:
    """Weight files of frozen networks for feature losses; an empty text leaves one out."""

    teacher: str = ""
    """MobileFaceNet as safetensors."""
    vgg19: str = ""
    """VGG19 as safetensors with torchvision's names (features.0.weight, ...)."""
    vggface: str = ""
    """VGG16 trained on faces (VGGFace, caffe's pixel range), the same names."""


@dataclass(frozen=True)
class TrainConfig:
    """One training run."""

    model: ModelConfig = field(default_factory=ModelConfig)
    losses: LossWeights = field(default_factory=LossWeights)
    optimiser: OptimiserSettings = field(default_factory=OptimiserSettings)
    features: FeatureFiles = field(default_factory=FeatureFiles)
    episodes: EpisodeSettings = field(default_factory=EpisodeSettings)
    """Which frames make an episode; its `batch` and `size` follow from `batch` and the model."""
    steps: int = 100_000
    """Generator steps."""
    begin_from: str = ""
    """A checkpoint or exported weights of the same networks to go on from, with fresh optimisers; empty: random."""
    batch: int = 8
    """Episodes in a step, over all processes together."""
    seed: int = 0
    precision: str = "auto"
    """`float32`, `bf16`, or `auto`: bf16 where the machine computes in it."""
    adversary_from: int = 1000
    """Step at which the discriminator joins; its weight rises over as many again, at most 1000."""
    discriminator_limit: float = 20.0
    """Mean hinge loss of the discriminator above which it has diverged; chance is 2."""
    log_every: int = 20
    sample_every: int = 500
    save_every: int = 500
    keep_states: int = 2
    """How many full states are kept for resuming; weights are all kept."""
    validate_on: int = 32
    """Held-out episodes measured with every sample sheet."""

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "log_every", "sample_every", "save_every", "keep_states"):
            if getattr(self, name) < 1:
                raise TrainingError(
                    f"The training config's '{name}' must be at least 1, not {getattr(self, name)}."
                )
        if self.precision not in {"auto", "float32", "bf16"}:
            raise TrainingError(
                f"The training config's 'precision' must be auto, float32 or bf16, not '{self.precision}'."
            )

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def episode_settings(self, world_size: int) -> EpisodeSettings:
        """Of one process among ``world_size``."""
        if self.batch % world_size:
            raise TrainingError(f"A batch of {self.batch} cannot be shared evenly by {world_size} processes.")
        return replace(self.episodes, batch=self.batch // world_size, size=self.model.size)


def default_config(name: str) -> TrainConfig:
    """The settings that belong to preset `hybrid` or `paper`.

    Those of `paper` are the published ones (second version), with L1 of the pixels beside the content losses,
    so that it also learns where the user has no VGG weights.
    """
    if name != "paper":
        return TrainConfig(model=preset(name))
    return TrainConfig(
        model=preset("paper"),
        losses=LossWeights(
            warped=0.0,
            synthesis=0.0,
            painted=0.0,
            mouth=0.0,
            eyes=0.0,
            landmarks=0.0,
            eye_landmarks=0.0,
            emphasis=1.0,
            adversarial=1.0,
            feature_matching=10.0,
            match=10.0,
            parts=0.0,
            parts_matching=0.0,
        ),
        optimiser=OptimiserSettings(
            generator_rate=5e-5,
            discriminator_rate=2e-4,
            beta1=0.0,
            discriminator_beta1=0.0,
            discriminator_updates=2,
        ),
    )


def load_config(path: Path | None, preset_name: str | None) -> TrainConfig:
    """The preset's settings with those of a TOML file laid over; :class:`TrainingError` names a bad key."""
    if preset_name is not None and preset_name not in PRESETS:
        raise TrainingError(f"There is no preset '{preset_name}'; choose one of {', '.join(PRESETS)}.")
    values = {} if path is None else _read_toml(path)
    named = values.get("model", {}).get("preset") if isinstance(values.get("model", {}), dict) else None
    if preset_name and named and preset_name != named:
        raise TrainingError(f"--preset says {preset_name}, but {path} says {named}; give one of them.")
    name = preset_name or named or "hybrid"
    values.setdefault("model", {})
    for key in {"batch", "size"} & set(values.get("episodes", {})):
        instead = "batch" if key == "batch" else "model.size"
        raise TrainingError(f"The config's 'episodes.{key}' follows from '{instead}'; set that instead.")
    if isinstance(values["model"], dict):
        values["model"].setdefault("preset", name)
    return _overlaid(default_config(name), values, "")


def first_difference(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> str | None:
    """The first key whose value matters and differs, with both values, as part of a sentence."""
    for key in sorted({*old, *new}):
        if not prefix and key in MAY_CHANGE:
            continue
        a, b = old.get(key), new.get(key)
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            inner = first_difference(a, b, f"{prefix}{key}.")
            if inner:
                return inner
        elif _plain(a) != _plain(b):
            return f"'{prefix}{key}' was {a} and is now {b}"
    return None


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, (tuple, list)) else value


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TrainingError(f"The config {path} cannot be read ({error.strerror or error}).") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TrainingError(f"The config {path} is not valid TOML: {error}.") from None


def _overlaid(base: _Section, values: Mapping[str, Any], prefix: str) -> _Section:
    """``base`` with ``values`` in place, section by section."""
    known = {f.name for f in fields(base)}  # type: ignore[arg-type]
    merged = {name: getattr(base, name) for name in known}
    for key, value in values.items():
        if key not in known:
            raise TrainingError(
                f"Unknown key '{prefix}{key}' in the config; known are {', '.join(sorted(known))}."
            )
        merged[key] = _converted(merged[key], value, f"{prefix}{key}")
    return type(base)(**merged)


def _converted(old: Any, value: Any, name: str) -> Any:
    if isinstance(old, ModelConfig):
        try:
            return ModelConfig.from_json(value)
        except (InputError, ValueError, AttributeError) as error:
            raise TrainingError(f"In the config's [model]: {error}") from None
    if is_dataclass(old):
        if not isinstance(value, Mapping):
            raise TrainingError(f"The config's '{name}' is a section of its own: write [{name}].")
        return _overlaid(old, value, f"{name}.")
    if isinstance(old, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not type(old):
        raise TrainingError(
            f"The config's '{name}' must be of kind {type(old).__name__}, not {type(value).__name__} ({value!r})."
        )
    return value
