"""The candidates side by side, to look at."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from enliven.fitting.candidates import Candidate
from enliven.fitting.pictures import Crop
from enliven.types import Picture

_HEAD_PX = 24


def candidate_sheet(truth: Sequence[Crop], candidates: Sequence[Candidate]) -> Picture:
    """A row for each held-back photo: the truth, then every candidate's rendering; the chosen one is marked."""
    names = ["true photo", *(c.name + (" (chosen)" if c.verdict == "chosen" else "") for c in candidates)]
    columns = [[crop.picture for crop in truth], *(list(c.pictures) for c in candidates)]
    return np.hstack(
        [
            np.vstack([_heading(name, column[0].shape[1]), *column])
            for name, column in zip(names, columns, strict=True)
        ]
    )


def _heading(text: str, width: int) -> Picture:
    head = np.full((_HEAD_PX, width, 3), 255, np.uint8)
    cv2.putText(head, text, (6, _HEAD_PX - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1, cv2.LINE_AA)
    return head
