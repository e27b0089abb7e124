"""Under torchrun, two processes learn what one learns with the same episodes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tests.training.drawn_stream import open_drawn
from tests.training.small import small_config

from enliven.training.meta_train import meta_train

REPOSITORY = Path(__file__).parents[2]
SCRIPT = """
import sys
from pathlib import Path
from enliven.training.meta_train import meta_train
from tests.training.drawn_stream import open_drawn
from tests.training.small import small_config
out = Path(sys.argv[1])
meta_train(out.parent / "bank", out, small_config(), threads=1, say=lambda _: None, open_stream=open_drawn)
"""


def losses_of(run: Path, name: str) -> list[float]:
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [line[name] for line in lines if name in line]


def test_the_loss_curve_is_the_same_within_noise(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    one, two = tmp_path / "one", tmp_path / "two"
    meta_train(tmp_path / "bank", one, small_config(), say=lambda _: None, open_stream=open_drawn)
    (tmp_path / "script.py").write_text(SCRIPT)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}
    ended = subprocess.run(
        [*launch, str(tmp_path / "script.py"), str(two)],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    for name in ("loss/pixels", "loss/total", "loss/discriminator", "loss/match"):
        alone, together = losses_of(one, name), losses_of(two, name)
        assert len(alone) == len(together) > 4
        assert together == pytest.approx(alone, rel=0.03), name
