"""Who takes part: the still photo, the warp that needs no learning, and the weights that the user names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from enliven.aim import FOLLOWING, Aim
from enliven.compositing.paste import Paster
from enliven.errors import MissingExtraError, ModelError
from enliven.evaluation.exported import Exported, FittedExported
from enliven.face.matte import matte_of, mattes_of
from enliven.model.runtime import FRAME, weights_in
from enliven.model.sway import Unhurried
from enliven.model.warp_engine import WarpEngine
from enliven.types import Floats, Landmarks, Picture

if TYPE_CHECKING:
    from enliven.evaluation.fitter import Fitter

PHOTO, WARP = "photo", "warp"
FITTED = " fitted"
"""Stands in the names of those that are fitted, after what they are without it."""


class Contender(Protocol):
    """Renders one person at a time in square crops of the databank's size."""

    @property
    def name(self) -> str:
        """Stands in the table."""

    @property
    def reads_first_photo_only(self) -> bool:
        """True when more photos change nothing, so that one measurement serves every T."""

    def prepare(self, photos: Sequence[Picture], points: Sequence[Floats]) -> None:
        """Get ready for a person: T crops (S, S, 3) with their landmarks (478, 3) in crop pixels."""

    def render(self, points: Floats) -> Picture:
        """The person with landmarks at ``points``, (478, 3) crop pixels; RGB (S, S, 3)."""

    def follow(self) -> None:
        """From here on the frames of this person follow each other as those of a video do; before, they lie apart."""


class StillPhoto:
    """The first photo, whatever the driver does."""

    name = PHOTO
    reads_first_photo_only = True

    def prepare(self, photos: Sequence[Picture], points: Sequence[Floats]) -> None:  # noqa: ARG002
        self._photo = photos[0]

    def render(self, points: Floats) -> Picture:  # noqa: ARG002
        return self._photo

    def follow(self) -> None:
        """Nothing of it depends on the frames before."""


class Warp:
    """The first photo's pixels moved by its landmark mesh, as ``--engine warp`` does."""

    name = WARP
    reads_first_photo_only = True

    def prepare(self, photos: Sequence[Picture], points: Sequence[Floats]) -> None:
        height, width = photos[0].shape[:2]
        landmarks = Landmarks(points[0], (width, height))
        self._engine = WarpEngine(photos[0], landmarks, matte=matte_of(photos[0], landmarks))
        self._paster = Paster(photos[0])

    def render(self, points: Floats) -> Picture:
        return self._paster.paste(self._engine.render(points))

    def follow(self) -> None:
        self._engine.unhurried = Unhurried()


class Weights:
    """The learned networks of a checkpoint file, or of a folder that `enliven export` wrote."""

    reads_first_photo_only = False

    def __init__(self, path: Path, size: int) -> None:
        """``size``: side of the databank's crops; raises ModelError when the file does not fit it."""
        try:
            from enliven.model.talking_head import TalkingHead
        except ModuleNotFoundError as error:
            raise MissingExtraError(f"Evaluating weights (which imports '{error.name}')", "train") from None
        self.head = TalkingHead.from_checkpoint(weights_in(path))
        config = self.head.config
        if config.size != size:
            raise ModelError(
                f"{path} reads crops of {config.size} pixels, but the databank's have {size}. "
                f"Build a databank with --size {config.size}, or choose other weights."
            )
        self.name = config.preset if path.stem == config.preset else f"{config.preset} {path.stem}"

    def prepare(self, photos: Sequence[Picture], points: Sequence[Floats]) -> None:
        self.head.embed(photos, points, mattes_of(photos, points))

    def render(self, points: Floats) -> Picture:
        return self.head.render(points).result

    def follow(self) -> None:
        """Nothing of it depends on the frames before."""


class Fitted:
    """The same networks, fitted to every person anew as `enliven learn` does."""

    reads_first_photo_only = False

    def __init__(self, path: Path, size: int, fitter: Fitter) -> None:
        """As :class:`Weights`."""
        self._feed_forward, self._fitter = Weights(path, size), fitter
        self.name = f"{self._feed_forward.name}{FITTED}"
        self.chosen: list[str] = []
        """The candidate that was chosen, person by person."""

    def prepare(self, photos: Sequence[Picture], points: Sequence[Floats]) -> None:
        self._feed_forward.prepare(photos, points)
        best = self._fitter.best(photos, points)
        self._feed_forward.head.wear(best.fitted)
        self.chosen.append(best.name)

    def render(self, points: Floats) -> Picture:
        return self._feed_forward.render(points)

    def follow(self) -> None:
        self._feed_forward.follow()


class Aimed:
    """Another contender, its landmarks corrected by what is seen, as `enliven animate` does.

    Frames that lie apart are rendered with what was learned from each at once, where a video learns it from the
    frames before.
    """

    def __init__(self, inner: Contender) -> None:
        """``inner``: who renders."""
        self.inner = inner
        self.name = inner.name
        self.reads_first_photo_only = inner.reads_first_photo_only
        self.whole = True
        """See :class:`Aim`; counts from the next person on."""
        self._aim: Aim | None = None
        self._following = False

    def prepare(self, photos: Sequence[Picture], points: Sequence[Floats]) -> None:
        self.inner.prepare(photos, points)
        height, width = photos[0].shape[:2]
        self._at_rest = Landmarks(points[0], (width, height))
        self._aim_anew(following=False)

    def follow(self) -> None:
        self.inner.follow()
        self._aim_anew(following=True)

    def render(self, points: Floats) -> Picture:
        assert self._aim is not None
        sent = self._aim.aimed(points)
        made = self.inner.render(sent)
        if not self._aim.is_new(points):
            return made
        self._aim.learn(points, sent, made)
        return made if self._following else self.inner.render(self._aim.aimed(points))

    def _aim_anew(self, *, following: bool) -> None:
        if self._aim:
            self._aim.close()
        self._following = following
        self._aim = Aim(self._at_rest, FOLLOWING if following else 1.0, whole=self.whole)


def aim_at(contender: Contender, *, whole_faces: bool) -> None:
    """Before :meth:`prepare`: whole faces, or as `animate` does with another person's motion eyes and mouth alone."""
    if isinstance(contender, Aimed):
        contender.whole = whole_faces


def contender_of(path: Path, size: int) -> Contender:
    """The contender in a file or folder, by its kind; ``size`` is the side of the databank's crops."""
    if path.suffix != ".safetensors" and not path.is_dir():
        raise ModelError(
            f"{path} is no weights file; give a .safetensors file that `enliven train` wrote, or a folder from "
            "`enliven export`."
        )
    return Weights(path, size)


def contenders_of(
    paths: Sequence[Path], size: int, *, fit: bool = False, aim: bool = True
) -> list[Contender]:
    """The two baselines, then the named files in order, each also fitted on wish; ModelError also for equal names.

    A folder that holds the graphs too, as `enliven export` writes it, stands in the table twice: the networks alone,
    which mix photos as training does, and as `enliven animate` uses them. ``aim``: all that move are :class:`Aimed`.
    """
    moving: list[Contender] = [Warp()]
    fitted: list[Contender] = []
    for path in paths:
        found: list[Contender] = [contender_of(path, size)]
        if (path / FRAME).is_file():
            found.append(Exported(path, size, f"{found[0].name} in animate"))
        if found[0].name in {contender.name for contender in moving}:
            raise ModelError(
                f"Two of the weights would both be called '{found[0].name}' in the table; rename or copy {path}."
            )
        moving += found
        if fit:
            fitted.extend(_fitted(path, size))
    moving += fitted
    return [StillPhoto(), *(Aimed(contender) if aim else contender for contender in moving)]


def _fitted(path: Path, size: int) -> list[Contender]:
    """The networks fitted to each person, and, where there are graphs, as a head in `animate`."""
    try:
        from enliven.evaluation.fitter import Fitter
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"Fitting (which imports '{error.name}')", "train") from None
    fitter = Fitter(path)
    alone = Fitted(path, size, fitter)
    if not (path / FRAME).is_file():
        return [alone]
    return [alone, FittedExported(path, size, f"{alone.name} in animate", fitter)]
