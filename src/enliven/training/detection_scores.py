"""How well true and made are told apart: area under the ROC curve, equal error rate, calibration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from enliven.model.detection_net import CROP_SIZE, DetectionNet, pooled
from enliven.training.detection_batches import as_input, middle
from enliven.training.detection_chain import to_rgb
from enliven.training.detection_crops import Crops

Scores = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Separation:
    """True against made, by clips."""

    auc: float
    """Chance that a made clip scores higher than a true one; 0.5 is guessing."""
    eer: float
    """Share of errors at the threshold where both kinds are as frequent."""
    true: int
    made: int


@torch.no_grad()
def score(network: DetectionNet, crops: Crops, batch: int = 32) -> Scores:
    """(N,) the logit of every crop, as at run time: its middle 192 pixels."""
    network.eval()
    found = []
    for start in range(0, len(crops.planes), batch):
        pictures = [middle(to_rgb(planes), CROP_SIZE) for planes in crops.planes[start : start + batch]]
        found.append(pooled(network(as_input(np.stack(pictures)))).double().numpy())
    return np.concatenate(found)


def by_clip(scores: Scores, crops: Crops) -> tuple[Scores, npt.NDArray[np.bool_]]:
    """Mean logit of every clip, and whether it is made."""
    clips, first, inverse = np.unique(crops.clip, return_index=True, return_inverse=True)
    means = np.bincount(inverse, scores, len(clips)) / np.bincount(inverse, minlength=len(clips))
    return means, crops.made[first]


def separation(scores: Scores, made: npt.NDArray[np.bool_]) -> Separation:
    """Raises ValueError when one of the two kinds is missing.

    >>> separation(np.array([0.0, 1.0, 2.0, 3.0]), np.array([False, True, False, True]))
    Separation(auc=0.75, eer=0.5, true=2, made=2)
    """
    true_scores, made_scores = np.sort(scores[~made]), np.sort(scores[made])
    if not (true_scores.size and made_scores.size):
        raise ValueError("a separation needs true and made scores")
    below = np.searchsorted(true_scores, made_scores, "left")
    ties = np.searchsorted(true_scores, made_scores, "right") - below
    auc = float((below + ties / 2).sum() / (true_scores.size * made_scores.size))
    thresholds = np.unique(scores)
    false_alarms = 1 - np.searchsorted(true_scores, thresholds, "left") / true_scores.size
    misses = np.searchsorted(made_scores, thresholds, "left") / made_scores.size
    nearest = int(np.argmin(np.abs(false_alarms - misses)))
    eer = float((false_alarms[nearest] + misses[nearest]) / 2)
    return Separation(auc, eer, int(true_scores.size), int(made_scores.size))


def fit_calibration(scores: Scores, made: npt.NDArray[np.bool_], steps: int = 60) -> tuple[float, float]:
    """Slope and offset for which sigmoid(slope * score + offset) fits best, both kinds weighed alike (Platt 1999).

    Newton's method, held back a little towards slope 1, so that perfect separation stays finite.
    """
    features = np.column_stack([scores, np.ones_like(scores)])
    weights = np.where(made, 0.5 / max(made.sum(), 1), 0.5 / max((~made).sum(), 1))
    # Platt's targets: nobody is as sure as 0 or 1.
    targets = np.where(made, 1 - 1 / (made.sum() + 2), 1 / ((~made).sum() + 2))
    held, found = 1e-4, np.array([1.0, 0.0])
    for _ in range(steps):
        chance = 1 / (1 + np.exp(-np.clip(features @ found, -40, 40)))
        slope = features.T @ (weights * (chance - targets)) + held * (found - [1.0, 0.0])
        curve = (features * (weights * chance * (1 - chance))[:, None]).T @ features + held * np.eye(2)
        found = found - np.clip(np.linalg.solve(curve, slope), -0.5, 0.5)
    return max(float(found[0]), 1e-3), float(found[1])
