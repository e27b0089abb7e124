"""A run may go on from another's weights, whole or as exported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.training.drawn_stream import SIZE, DrawnStream
from tests.training.small import small_config
from torch import nn

from enliven.errors import ModelError, TrainingError
from enliven.model.checkpoint import Checkpoint, save_checkpoint
from enliven.model.layers import fold_spectral_norm
from enliven.model.talker import build_talker
from enliven.training.batches import make_batch
from enliven.training.beginning import first_talker
from enliven.training.validation import render

CONFIG = small_config()


def trained() -> nn.Module:
    torch.manual_seed(4)
    talker = build_talker(CONFIG.model)
    for parameter in talker.parameters():
        parameter.data += 0.03 * torch.randn_like(parameter)
    for _ in range(40):  # let the spectral norms settle, as training does
        talker.embedder(torch.zeros(1, 3, SIZE, SIZE), torch.zeros(1, 3, SIZE, SIZE))
    return talker.eval()


@pytest.mark.parametrize("exported", [False, True])
def test_the_first_picture_is_the_last_one_of_the_run_before(tmp_path: Path, exported: bool) -> None:
    before, path = trained(), tmp_path / "before.safetensors"
    batch = make_batch(next(DrawnStream()), emphasis=1.0, original_drawing=False)
    with torch.no_grad():
        wanted = render(before, batch).result
    if exported:
        fold_spectral_norm(before)
    save_checkpoint(path, Checkpoint(CONFIG.model, before.state_dict()))
    now = first_talker(replace(CONFIG, begin_from=str(path)))
    with torch.no_grad():
        assert torch.allclose(render(now.eval(), batch).result, wanted, atol=2e-3)
        fresh = first_talker(CONFIG).eval()
        assert not torch.allclose(render(fresh, batch).result, wanted, atol=2e-3)


def test_networks_of_another_shape_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    model = replace(CONFIG.model, motion_channels=16)
    save_checkpoint(path, Checkpoint(model, build_talker(model).state_dict()))
    with pytest.raises(TrainingError, match="another shape"):
        first_talker(replace(CONFIG, begin_from=str(path)))
    with pytest.raises(ModelError, match="no file"):
        first_talker(replace(CONFIG, begin_from=str(tmp_path / "none.safetensors")))
