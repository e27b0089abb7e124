"""A picture of what the networks can do at one step."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from enliven.errors import TrainingError
from enliven.model.talking_head import to_uint8
from enliven.training.batches import Batch
from enliven.training.validation import candidates, render
from enliven.types import Picture

COLUMNS = ("photo", "landmarks", "coarse", "warped", "mask", "synthesised", "result", "truth")
_HEAD_PX = 22


@torch.no_grad()
def write_sample_sheet(path: Path, talker: nn.Module, batch: Batch) -> None:
    """One row an episode: photo, drawn landmarks, coarse warp, warped, mask, synthesised, result, truth."""
    frame = render(talker, batch)
    mask = frame.mask.expand(-1, 3, -1, -1) * 2.0 - 1.0
    coarse = candidates(frame, batch)["coarse"]
    columns = (
        batch.photos[:, 0], batch.drawing, coarse, frame.warped, mask, frame.synthesis, frame.result, batch.target,
    )  # fmt: skip
    _write(path, np.vstack([_headings(batch.size), _grid(columns)]))


def _grid(columns: tuple[Tensor, ...]) -> Picture:
    """(B * S, 8 * S, 3)"""
    rows = torch.stack([to_uint8(column).cpu() for column in columns], dim=1)  # (B, 8, S, S, 3)
    batch, count, size = rows.shape[:3]
    return rows.permute(0, 2, 1, 3, 4).reshape(batch * size, count * size, 3).numpy()


def _headings(size: int) -> Picture:
    head = np.full((_HEAD_PX, size * len(COLUMNS), 3), 255, np.uint8)
    for number, text in enumerate(COLUMNS):
        at = (number * size + 6, _HEAD_PX - 7)
        cv2.putText(head, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1, cv2.LINE_AA)
    return head


def _write(path: Path, sheet: Picture) -> None:
    temporary = path.with_name(path.stem + ".writing.png")
    encoded = cv2.imencode(".png", sheet[..., ::-1])[1]
    try:
        temporary.write_bytes(encoded.tobytes())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise TrainingError(
            f"The sample sheet {path} cannot be written ({error.strerror or error})."
        ) from None
