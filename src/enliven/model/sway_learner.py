"""Learns how one person's hair and shoulders go with the head, from further pictures of the same scene.

For each picture: what the engine makes of the photo with that picture's landmarks is compared with the picture
itself by dense optical flow (Kroeger et al. 2016, "Fast Optical Flow using Dense Inverse Search"); what the flow
says is wrong, place by place, is explained by the change of pose (weighted least squares with a ridge).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from enliven.model.displaced import displaced
from enliven.model.guess import GuessReader, laid_over
from enliven.model.sway import CELLS, MOVES, Posture, Sway
from enliven.model.warp_engine import WarpEngine
from enliven.types import FaceCrop, Floats, Picture, Scene, SceneView

_RIDGE = 0.1
"""Of the least squares, in sure cells with a change of one. With less, moves together that no picture showed (a lean to
one side with a turn to the other) drew ears and jaws out into the background."""
_SIGMA = 1.0
"""Cells over which evidence is pooled."""
_BEYOND = 0.2
"""How much farther than the pictures show a change still counts, in shares of what they show."""
_LEAST_VIEWS, _FOLDS = 2, 4
"""Pictures from which on there is something to learn; parts in which they are left out to see whether it holds."""
_LEAST_WEIGHT = 1e-3
_CONSISTENT_PX, _ALIKE = 2.0, 25.0
"""Where flow there and back differs by this, or grey levels after it by that, it counts e times less."""
_POOL = 5
"""Pixels over which grey levels are compared."""

Sums = npt.NDArray[np.float64]
"""Normal equations, place by place."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What one picture of the scene shows, at places of the photo."""

    causes: Floats
    """(12,)"""
    weight: Floats
    """(G, G)"""
    residual: Floats
    """(G, G, 2) cells, times the weight."""


def learn_sway(engine: WarpEngine, scene: Scene) -> Sway | None:
    """What to add to the engine's sway, None when the pictures teach nothing that holds for those left out.

    ``scene``: of the engine's photo. Looking again at what is still wrong learns the pictures by heart.
    """
    if len(scene.views) < _LEAST_VIEWS:
        return None
    reader = EvidenceReader(engine, scene.picture, scene.crop)
    evidence = [reader.look(view) for view in scene.views]
    return _explained(evidence) if _holds(evidence) else None


def _holds(evidence: Sequence[Evidence]) -> bool:
    """Whether what some pictures teach makes others righter: every fold is left out once."""
    folds = min(len(evidence), _FOLDS)
    before = after = 0.0
    for fold in range(folds):
        taught = _explained([each for number, each in enumerate(evidence) if number % folds != fold])
        for each in evidence[fold::folds]:
            causes = np.clip(each.causes[:MOVES], taught.least, taught.most)
            sure = np.maximum(each.weight, _LEAST_WEIGHT)[..., None]
            off = each.residual / sure
            left = off - np.tensordot(causes, taught.table, 1)
            before += float((each.weight * np.linalg.norm(off, axis=2)).sum())
            after += float((each.weight * np.linalg.norm(left, axis=2)).sum())
    return after < before


class EvidenceReader:
    """Finds what is wrong with the engine's surroundings of the face."""

    def __init__(self, engine: WarpEngine, seen: Picture, crop: FaceCrop) -> None:
        self._engine, self._seen, self._crop = engine, seen, crop
        self._guesses = GuessReader(crop)
        self._rest = Posture.of(engine.landmarks.points)
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        axis = (np.arange(CELLS, dtype=np.float32) + 0.5) * (engine.crop.size / CELLS) - 0.5
        places = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
        to_crop = crop.to_picture.inverse() @ engine.crop.to_picture
        self._places = to_crop.apply(places).reshape(CELLS, CELLS, 2).astype(np.float32)
        self._px_per_cell = np.float32(to_crop.scale * engine.crop.size / CELLS)

    def look(self, view: SceneView) -> Evidence:
        """The evidence of one picture, beyond the sway that the engine has."""
        made = self._made(view.points)
        off, sure = self._off(view.picture, made)
        sure = cv2.blur(sure * view.known, (4, 4))
        off_cells = cv2.remap(off, self._places, None, cv2.INTER_LINEAR) / self._px_per_cell
        weight = cv2.remap(sure, self._places, None, cv2.INTER_LINEAR, borderValue=0.0)
        around = self._engine.surroundings(view.points)
        grid = np.stack(np.meshgrid(np.arange(CELLS), np.arange(CELLS)), axis=-1).astype(np.float32)
        residual = off_cells + displaced(around, off_cells, cv2.BORDER_REPLICATE) - around
        cells = np.clip(np.rint(grid + around), 0, CELLS - 1).astype(np.intp)
        at = (cells[..., 1], cells[..., 0])
        weights, residuals = np.zeros((CELLS, CELLS), np.float32), np.zeros((CELLS, CELLS, 2), np.float32)
        np.add.at(weights, at, weight)
        np.add.at(residuals, at, residual * weight[..., None])
        causes = self._rest.causes(Posture.of(view.points))
        return Evidence(causes, weights, residuals)

    def _made(self, points: Floats) -> Picture:
        """(S, S, 3) what the engine makes of its photo."""
        size = self._crop.size
        guess = self._guesses.read(self._engine.render(points))
        flow = cv2.resize(guess.flow, (size, size), interpolation=cv2.INTER_LINEAR) * np.float32(size / 2)
        return laid_over(displaced(self._seen, flow, cv2.BORDER_REPLICATE), guess.layers)

    def _off(self, true: Picture, made: Picture) -> tuple[Floats, Floats]:
        """(S, S, 2) where ``made`` shows what ``true`` shows, in pixels, and (S, S) how sure that is."""
        grey = [cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in (true, made)]
        there, back = self._flow.calc(grey[0], grey[1], None), self._flow.calc(grey[1], grey[0], None)
        gap = np.linalg.norm(there + displaced(back, there), axis=2)
        found = displaced(made, there).astype(np.float32)
        unlike = cv2.blur(np.abs(found - true).mean(axis=2), (_POOL, _POOL))
        sure = np.exp(-((gap / _CONSISTENT_PX) ** 2) - (unlike / _ALIKE) ** 2)
        return there, np.asarray(sure, np.float32)


def _explained(seen: Sequence[Evidence]) -> Sway:
    """The residuals as a linear function of the causes."""
    causes = np.stack([each.causes[:MOVES] for each in seen])  # (K, J)
    low, high = np.minimum(causes.min(axis=0), 0.0), np.maximum(causes.max(axis=0), 0.0)
    slack = _BEYOND * (high - low)
    return Sway(solved(*summed(seen, MOVES)), low - slack, high + slack)


def summed(seen: Sequence[Evidence], count: int) -> tuple[Sums, Sums]:
    """The normal equations of all evidence for the first J causes: (G, G, J, J) and (G, G, J, 2)."""
    left, right = np.zeros((CELLS, CELLS, count, count)), np.zeros((CELLS, CELLS, count, 2))
    for each in seen:
        causes = each.causes[:count].astype(np.float64)
        left += each.weight[..., None, None] * np.outer(causes, causes)
        right += causes[:, None] * each.residual[:, :, None, :]
    return left, right


def solved(left: Sums, right: Sums, ridge: float = _RIDGE, sigma: float = _SIGMA) -> Floats:
    """(J, G, G, 2) the table that explains them best, evidence pooled over neighbouring cells."""
    table = np.linalg.solve(pooled(left, sigma) + ridge * np.eye(left.shape[-1]), pooled(right, sigma))
    return np.ascontiguousarray(table.transpose(2, 0, 1, 3), np.float32)


def pooled(sums: Sums, sigma: float) -> Sums:
    """The same, spread over neighbouring cells."""
    flat = sums.reshape(*sums.shape[:2], -1)
    spread = [
        cv2.GaussianBlur(np.ascontiguousarray(flat[..., n]), (0, 0), sigma) for n in range(flat.shape[2])
    ]
    return np.asarray(np.stack(spread, axis=-1).reshape(sums.shape), np.float64)
