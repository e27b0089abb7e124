"""A databank at a glance: counts, histograms, a contact sheet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from enliven.databank.bank import Bank
from enliven.databank.clip import to_rgb
from enliven.databank.shards import ShotEntry
from enliven.databank.shot import HIGH, MOUTH, YAW
from enliven.face.draw import draw_overlay
from enliven.media.image import write_picture
from enliven.types import Floats, JsonObject, Landmarks, Picture

YAW_EDGES_DEG = (-90, -60, -45, -30, -15, 0, 15, 30, 45, 60, 90)
MOUTH_EDGES = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 1.0)
_SAMPLED = 2000
"""Shots that histograms look at, evenly spread: enough for a percent, quick for any size."""
_TILE_PX = 128


def facts_of(bank: Bank) -> JsonObject:
    """Counts and histograms as plain JSON; what a build dropped comes from its report."""
    shots = bank.shots
    facts: JsonObject = {
        "shots": len(shots),
        "identities": bank.identity_count,
        "frames": sum(entry.facts.frames for entry in shots),
        "hours": round(sum(entry.facts.seconds for entry in shots) / 3600, 3),
        "size": bank.size,
        "high_quality_shots": sum(entry.facts.quality == HIGH for entry in shots),
        "splits": _splits(shots),
    }
    measures = np.concatenate([entry.measures() for entry in _spread(shots, _SAMPLED)])
    facts["yaw_deg"] = _histogram(measures[:, YAW], YAW_EDGES_DEG)
    facts["mouth_openness"] = _histogram(measures[:, MOUTH], MOUTH_EDGES)
    report = bank.path / "report.json"
    if report.exists():
        facts["build"] = json.loads(report.read_text())
    return facts


def write_sheet(bank: Bank, out: Path, *, columns: int = 6, rows: int = 8) -> None:
    """A PNG of shots spread over the databank: each its first frame, and its widest mouth with landmarks."""
    chosen = _spread(bank.shots, columns * rows)
    tiles = [_tile(entry) for entry in chosen]
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    lines = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]
    write_picture(out, np.vstack(lines))


def _tile(entry: ShotEntry) -> Picture:
    """(128, 256, 3)"""
    widest = int(entry.measures()[:, MOUTH].argmax())
    wanted = sorted({0, widest})
    planes = dict(zip(wanted, entry.planes(wanted), strict=True))
    first, open_mouth = to_rgb(planes[0]), to_rgb(planes[widest])
    marked = draw_overlay(open_mouth, Landmarks(entry.points()[widest], (entry.facts.size, entry.facts.size)))
    pair = [cv2.resize(i, (_TILE_PX, _TILE_PX), interpolation=cv2.INTER_AREA) for i in (first, marked)]
    return np.asarray(np.hstack(pair), np.uint8)


def _spread(shots: Sequence[ShotEntry], most: int) -> list[ShotEntry]:
    places = np.unique(np.linspace(0, len(shots) - 1, min(len(shots), most)).round().astype(int))
    return [shots[int(place)] for place in places]


def _splits(shots: Sequence[ShotEntry]) -> dict[str, dict[str, int]]:
    found: dict[str, list[ShotEntry]] = {}
    for entry in shots:
        found.setdefault(entry.facts.split or "unnamed", []).append(entry)
    return {
        name: {"shots": len(entries), "identities": len({e.facts.identity for e in entries})}
        for name, entries in sorted(found.items())
    }


def _histogram(values: Floats, edges: Sequence[float]) -> dict[str, float]:
    """Share of the frames in each bin; what lies outside counts to the outermost."""
    held: npt.NDArray[np.float64] = np.clip(np.asarray(values, np.float64), edges[0], edges[-1])
    counts, _ = np.histogram(held, bins=np.asarray(edges, np.float64))
    shares = counts / max(len(values), 1)
    return {f"{edges[i]:g} .. {edges[i + 1]:g}": round(float(share), 4) for i, share in enumerate(shares)}
