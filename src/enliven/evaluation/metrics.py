"""The figures of merit, each its own function; none knows who made the picture."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from enliven.errors import MissingExtraError
from enliven.geometry import fit_rigid_pose
from enliven.measure import rigid_pose
from enliven.topology import (
    CONTOURS,
    FACE_OVAL,
    INNER_LIPS,
    LEFT_BROW,
    LEFT_EYE,
    OUTER_LIPS,
    RIGHT_BROW,
    RIGHT_EYE,
    STABLE,
)
from enliven.types import Floats, Landmarks, Picture

NOT_FOUND_PX = 20.0
"""What a picture in which no face is found counts for, where landmarks are compared."""
SIDE_PX = 256
"""Landmark distances are those of a crop of this side."""

EYES = LEFT_EYE + RIGHT_EYE
MOUTH = INNER_LIPS + OUTER_LIPS
JAW = FACE_OVAL[10:27]
"""Ear to ear along the chin."""
EXPRESSION = EYES + MOUTH + LEFT_BROW + RIGHT_BROW
REGIONS = {"akd": CONTOURS, "akd_eyes": EYES, "akd_mouth": MOUTH, "akd_jaw": JAW}
"""Figure -> the points it is over; ``akd`` itself is over all named contours."""

_HIGHEST_PSNR = 100.0


@dataclass(frozen=True)
class Metric:
    """How a figure is called and printed."""

    key: str
    title: str
    digits: int


SELF_METRICS = (
    Metric("l1", "L1 ↓", 4),
    Metric("psnr", "PSNR, dB ↑", 2),
    Metric("ssim", "SSIM ↑", 4),
    Metric("csim", "CSIM ↑", 4),
    Metric("identity_distance", "identity distance ↓", 3),
    Metric("akd", "AKD, px ↓", 2),
    Metric("akd_eyes", "AKD eyes, px ↓", 2),
    Metric("akd_mouth", "AKD mouth, px ↓", 2),
    Metric("akd_jaw", "AKD jaw, px ↓", 2),
    Metric("no_face", "no face, share ↓", 3),
    Metric("flicker", "flicker, truth = 1", 2),
)
CROSS_METRICS = (
    Metric("csim", "CSIM to the photo ↑", 4),
    Metric("identity_distance", "identity distance to the photo ↓", 3),
    Metric("pose_deg", "pose error, deg ↓", 2),
    Metric("expression", "expression error, px ↓", 2),
    Metric("no_face", "no face, share ↓", 3),
)


def l1(made: Picture, true: Picture) -> float:
    """Mean absolute difference on a scale of 0 to 1."""
    return float(np.abs(made.astype(np.int16) - true).mean() / 255.0)


def psnr(made: Picture, true: Picture) -> float:
    """Peak signal to noise ratio in dB; equal pictures have 100."""
    error = float(np.square(made.astype(np.float32) - true).mean()) / 255.0**2
    return min(-10.0 * math.log10(error), _HIGHEST_PSNR) if error > 0 else _HIGHEST_PSNR


def ssim(made: Picture, true: Picture) -> float:
    """Structural similarity (Wang et al. 2004: Gaussian window, sigma 1.5), mean over the channels."""
    try:
        from skimage.metrics import structural_similarity
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"Evaluating (which imports '{error.name}')", "evaluation") from None
    return float(
        structural_similarity(
            made, true, data_range=255, channel_axis=2, gaussian_weights=True, sigma=1.5,
            use_sample_covariance=False,
        )
    )  # fmt: skip


def landmark_distances(found: Floats | None, wanted: Floats, side: int) -> dict[str, float]:
    """AKD over every region of REGIONS, pixels at 256, of (478, 3) points in a crop of ``side`` pixels."""
    if found is None:
        return dict.fromkeys(REGIONS, NOT_FOUND_PX)
    apart = np.linalg.norm(found[:, :2] - wanted[:, :2], axis=1) * SIDE_PX / side
    return {name: float(apart[list(part)].mean()) for name, part in REGIONS.items()}


def pose_error_deg(found: Floats, wanted: Floats, side: int) -> float:
    """The angle between two heads, from their (478, 3) landmarks."""
    a, b = (rigid_pose(Landmarks(points, (side, side))).rotation for points in (found, wanted))
    return math.degrees(math.acos(min(max((float(np.trace(a.T @ b)) - 1.0) / 2.0, -1.0), 1.0)))


def expression_error(found: Floats | None, wanted: Floats, side: int) -> float:
    """Mean distance over eyes, brows and lips, pixels at 256, once the rigid heads were laid over each other."""
    if found is None:
        return NOT_FOUND_PX
    stable, moving = list(STABLE), list(EXPRESSION)
    laid = fit_rigid_pose(found[stable], wanted[stable]).apply(found)
    apart = np.linalg.norm(laid[moving, :2] - wanted[moving, :2], axis=1)
    return float(apart.mean()) * SIDE_PX / side


def flicker(made: Picture, true: Picture) -> float:
    """Mean |second difference in time| of (F, H, W, 3) made over that of the true pictures; nan if those rest."""
    restless = _restlessness(true)
    return _restlessness(made) / restless if restless > 0 else math.nan


def _restlessness(frames: Picture) -> float:
    if len(frames) < 3:
        return 0.0
    return float(np.abs(np.diff(frames.astype(np.int16), n=2, axis=0)).mean())


def frechet_distance(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> float:
    """Frechet distance of two normal distributions fitted to rows (N, D) (Heusel et al. 2017); nan below 2 rows.

    The trace of the root of the covariances' product is the nuclear norm of the product of their factors,
    which stays exact where few rows leave the covariances singular.
    """
    if min(len(one), len(other)) < 2:
        return math.nan
    a, b = one.astype(np.float64), other.astype(np.float64)
    shift = float(np.square(a.mean(axis=0) - b.mean(axis=0)).sum())
    factor_a, factor_b = _covariance_factor(a), _covariance_factor(b)
    both = float(np.linalg.svd(factor_a @ factor_b.T, compute_uv=False).sum())
    spread = float(np.square(factor_a).sum() + np.square(factor_b).sum())
    return max(shift + spread - 2.0 * both, 0.0)


def _covariance_factor(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """R with R^T R = covariance, at most (D, D)."""
    centred = (rows - rows.mean(axis=0)) / math.sqrt(len(rows) - 1)
    return np.asarray(np.linalg.qr(centred, mode="r"), np.float64)
