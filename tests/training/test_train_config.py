"""Settings come from TOML over the preset's; a wrong key is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from enliven.errors import TrainingError
from enliven.model.config import preset
from enliven.training.train_config import default_config, first_difference, load_config


def written(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text)
    return path


def test_a_file_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    text = (
        "steps = 7\n[losses]\nmouth = 2\n[episodes]\nshots_max = 3\n[episodes.augmentation]\nmirror = 0.0\n"
    )
    config = load_config(written(tmp_path, text), None)
    base = default_config("hybrid")
    assert (config.steps, config.losses.mouth, config.episodes.shots_max) == (7, 2.0, 3)
    assert config.episodes.augmentation.mirror == 0.0
    assert config.optimiser == base.optimiser
    assert config.losses == replace(base.losses, mouth=2.0)


def test_the_preset_may_be_named_in_either_place_but_not_differently(tmp_path: Path) -> None:
    path = written(tmp_path, '[model]\npreset = "paper"\n')
    assert load_config(path, None).model == preset("paper")
    assert load_config(path, "paper").optimiser.discriminator_updates == 2
    assert load_config(None, None).model.preset == "hybrid"
    with pytest.raises(TrainingError, match="--preset says hybrid"):
        load_config(path, "hybrid")
    with pytest.raises(TrainingError, match="no preset 'sketch'"):
        load_config(None, "sketch")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stepps = 3", "Unknown key 'stepps'"),
        ("[losses]\nmuoth = 3.0", r"Unknown key 'losses\.muoth'"),
        ("[episodes.augmentation]\nflip = 1.0", r"Unknown key 'episodes\.augmentation\.flip'"),
        ("[model]\nwings = 2", "Unknown key 'wings'"),
        ("[episodes]\nbatch = 3", "set that instead"),
        ("steps = 0", "'steps' must be at least 1"),
        ('steps = "many"', "'steps' must be of kind int"),
        ("losses = 3", r"write \[losses\]"),
        ("precision = 'double'", "precision"),
        ("steps = = 3", "not valid TOML"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(TrainingError, match=said):
        load_config(written(tmp_path, text), None)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="absent"):
        load_config(tmp_path / "absent.toml", None)


def test_differences_are_found_deep_down_and_harmless_ones_pass() -> None:
    old = default_config("hybrid")
    assert first_difference(old.to_json(), replace(old, steps=9, log_every=3).to_json()) is None
    other = replace(old, optimiser=replace(old.optimiser, beta1=0.8)).to_json()
    assert first_difference(old.to_json(), other) == "'optimiser.beta1' was 0.9 and is now 0.8"


def test_a_batch_is_shared_evenly_or_refused() -> None:
    config = replace(default_config("hybrid"), batch=8)
    assert config.episode_settings(2).batch == 4
    with pytest.raises(TrainingError, match="8 cannot be shared evenly by 3"):
        config.episode_settings(3)
