"""A small base model with a discriminator, as heads are fitted to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.model.test_export import HYBRID, checkpoint_of

from enliven.fitting.base import Base, load_base
from enliven.model.discriminator import Discriminator
from enliven.model.export import export_onnx


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    torch.manual_seed(0)
    judge = Discriminator(HYBRID).state_dict()
    export_onnx(replace(checkpoint_of(HYBRID), judge=judge, training={"adversary_from": 1}), folder)
    return folder


@pytest.fixture(scope="module")
def base(exported: Path) -> Base:
    return load_base(exported)
