"""Candidates compared on photos that none of them learned from, and the rule that chooses the most real one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from torch import Tensor

from enliven.types import Floats, JsonObject, Picture

BASE = "base"
WORSE = 0.05
"""A candidate whose identity, landmarks or picture are worse than the base's by more than this share is refused."""
_MOST_DRIFT = 0.003
"""Nor may it paint otherwise around a turned head by more than this: no photo shows that it should."""
_LEAST_REALISM = -0.2
"""Nor may the discriminator find it less real by more than this; its margin between real and made is 2."""


@dataclass(frozen=True)
class Marks:
    """How a candidate renders the held-back photos, on the mean; NaN where nothing here could measure it."""

    realism: float
    """The base's discriminator: higher is more real; about -1 for made, 1 for real."""
    identity: float
    """Distance of face descriptors to the true photo; lower is better."""
    landmarks_px: float
    """Mean distance of landmarks found in result and photo, at 256 pixels; lower is better."""
    picture: float
    """L1, 0 to 1, mouth and eyes counted fivefold, and L1 of the edges; lower is better."""
    drift: float = math.nan
    """L1, 0 to 1, to what the base makes around the face in poses that no photo shows; of one or two photos."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """The model at one moment of the fitting."""

    name: str
    """`base`, or `step N`."""
    fitted: Mapping[str, Tensor]
    """psi and weights by name; empty for the base."""
    marks: Marks
    pictures: tuple[Picture, ...]
    """(S, S, 3) the held-back photos as it renders them."""
    verdict: str = ""
    """Why it was chosen or not."""
    score: float = 0.0

    def arrays(self) -> tuple[Floats | None, dict[str, Floats]]:
        """psi and weights, as a head holds them and the graphs take them; None and nothing for the base."""
        values = {name: value.float().cpu().numpy() for name, value in self.fitted.items()}
        return values.pop("psi", None), values

    def row(self) -> JsonObject:
        """For tables and files."""
        return {
            "name": self.name,
            **asdict(self.marks),
            "score": round(self.score, 4),
            "verdict": self.verdict,
        }


def judged(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The candidates with score and verdict; the first must be the base, and exactly one is `chosen`.

    Score: the mean of the shares by which identity, landmarks and picture are better than the base's, and of half
    the difference in realism. Refused is who is clearly worse in any of them, or drifts from the base
    where nothing could be compared. The highest score above zero is chosen; when there is none, the base, so that
    learning never makes a person worse.
    """
    base = candidates[0]
    assert base.name == BASE
    scored = [base, *(_scored(candidate, base.marks) for candidate in candidates[1:])]
    fit = [index for index, candidate in enumerate(scored) if index and not candidate.verdict]
    best = max(fit, key=lambda index: scored[index].score, default=0)
    best = best if scored[best].score > 0 else 0
    return [
        replace(
            candidate,
            verdict="chosen" if index == best else candidate.verdict or "less real than the chosen one",
        )
        for index, candidate in enumerate(scored)
    ]


def chosen(candidates: Sequence[Candidate]) -> Candidate:
    """The one that the rule chose."""
    return next(candidate for candidate in candidates if candidate.verdict == "chosen")


def _scored(candidate: Candidate, base: Marks) -> Candidate:
    own, gains, faults = candidate.marks, [], []
    for name, least in (("identity", 0.05), ("landmarks_px", 0.5), ("picture", 0.005)):
        before, now = getattr(base, name), getattr(own, name)
        if math.isnan(before) or math.isnan(now):
            continue
        gain = (before - now) / max(before, least)
        gains.append(gain)
        if gain < -WORSE:
            faults.append(f"{name.removesuffix('_px')} worse by {-gain:.0%}")
    if not (math.isnan(base.realism) or math.isnan(own.realism)):
        difference = own.realism - base.realism
        gains.append(difference / 2.0)
        if difference < _LEAST_REALISM:
            faults.append(f"less real by {-difference:.2f}")
    if own.drift > _MOST_DRIFT:
        faults.append(f"paints around the face what no photo shows ({own.drift:.3f})")
    score = sum(gains) / len(gains) if gains else 0.0
    return replace(candidate, score=score, verdict="; ".join(faults))


def table(candidates: Sequence[Candidate]) -> str:
    """All of them as lines of text."""
    lines = [f"{'candidate':<10} {'realism':>8} {'identity':>8} {'landmarks':>9} {'picture':>8} {'score':>7}"]
    for candidate in candidates:
        marks = candidate.marks
        values = (_shown(marks.realism, 3), _shown(marks.identity, 3), _shown(marks.landmarks_px, 2))
        lines.append(
            f"{candidate.name:<10} {values[0]:>8} {values[1]:>8} {values[2]:>9} {_shown(marks.picture, 4):>8} "
            f"{candidate.score:>7.3f}  {candidate.verdict}"
        )
    return "\n".join(lines)


def _shown(value: float, digits: int) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"
