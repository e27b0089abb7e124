"""From what the user named to the pictures that are used: looked at, told apart, chosen, and told about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from enliven.errors import FaceError
from enliven.gallery.choose import most_different, most_fitting
from enliven.gallery.look import Aside, Looker
from enliven.gallery.people import distances, largest_person, person_around
from enliven.gallery.places import Source, frame_at, sights, sources_of
from enliven.gallery.shot import Candidate, Shot, cut
from enliven.media.image import read_photo
from enliven.portrait import Portrait, portrait_of, read_portrait
from enliven.settings import AnimateSettings
from enliven.types import Picture

MOST_SHOTS = 32
"""Pictures of a person that are used at most, as in the paper."""
MOST_LOOKED_AT = 192
"""Pictures that are looked at; of more, evenly spread ones."""
_BELIEVED_FROM = 8
"""Frames of a video that are looked at, of which more than one must show the face."""
_NAMED = 8
"""Names in a sentence before it says how many more there are."""

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, eq=False)
class Gallery:
    """One person's pictures."""

    portrait: Portrait
    """The picture that is animated and whose background is kept."""
    shots: tuple[Shot, ...]
    """1 to 32; the first is the portrait's."""
    notes: tuple[str, ...] = ()
    """What the user should know: chosen, set aside, not checked."""


def gather(paths: Sequence[Path], settings: AnimateSettings, progress: Progress | None = None) -> Gallery:
    """The gallery in photos, folders of photos and videos of one person.

    One photo is read as ever. Raises MediaError for what is missing or, named itself, cannot be read; FaceError
    when no picture can be used and, unless ``settings.allow_mixed``, when some show somebody else.
    """
    sources = sources_of(paths)
    if len(sources) == 1 and sources[0].is_photo:
        portrait = read_portrait(sources[0].path, settings)
        shot = Shot(paths[0].name, paths[0], *cut(portrait.picture, portrait.landmarks))
        return Gallery(portrait, (shot,))
    return _Gathering(sources, settings, progress).gallery()


class _Gathering:
    """Goes from many pictures to the few."""

    def __init__(
        self, sources: Sequence[Source], settings: AnimateSettings, progress: Progress | None
    ) -> None:
        self._sources, self._settings, self._progress = sources, settings, progress
        self._candidates: list[Candidate] = []
        self._aside: list[Aside] = []
        self._notes: list[str] = []

    def gallery(self) -> Gallery:
        self._look()
        self._drop_ghosts()
        if not self._candidates:
            raise FaceError(
                f"None of the {len(self._aside)} pictures can be used: {self._why_none()}. "
                "One sharp picture with a face of at least 64 pixels is needed."
            )
        base = self._base()
        base = self._of_one_person(base)
        chosen = self._chosen(base)
        self._tell_aside()
        picture = self._whole(base)
        return Gallery(
            portrait_of(picture, base.face, self._settings),
            tuple(candidate.shot(same_scene=self._same_scene(candidate, base)) for candidate in chosen),
            tuple(self._notes),
        )

    def _same_scene(self, one: Candidate, base: Candidate) -> bool:
        """Frames of one video are; of photos nobody knows."""
        return one.source == base.source and self._sources[base.source].is_video

    def _why_none(self) -> str:
        """Each picture with its reason; of many the reasons alone."""
        if len(self._aside) <= _NAMED:
            return ", ".join(map(str, self._aside))
        reasons = sorted({a.reason for a in self._aside})
        return ", ".join(f"of {sum(a.reason == r for a in self._aside)}, {r}" for r in reasons)

    def _look(self) -> None:
        counts = [len(source.photos) for source in self._sources]
        videos = counts.count(0)
        rest = max(MOST_LOOKED_AT - sum(min(c, MOST_LOOKED_AT) for c in counts), MOST_LOOKED_AT // 2)
        share = _shares(counts, rest // max(videos, 1))
        total = None if videos else sum(share)
        with Looker(self._settings.photo_face) as looker:
            for number, source in enumerate(self._sources):
                for sight in sights(source, share[number]):
                    found = looker.look(sight, number)
                    (self._candidates if isinstance(found, Candidate) else self._aside).append(found)  # type: ignore[arg-type]
                    if self._progress:
                        self._progress(len(self._candidates) + len(self._aside), total)
            self._notes += looker.notes
        looked_at = len(self._candidates) + len(self._aside)
        if not videos and looked_at < sum(counts):
            self._notes.append(f"Of {sum(counts)} pictures, {looked_at} were looked at, evenly spread.")

    def _drop_ghosts(self) -> None:
        """A face that a whole video shows in a single frame is a pattern that looks like one."""
        for number, source in enumerate(self._sources):
            seen = [c for c in self._candidates if c.source == number]
            looked_at = len(seen) + sum(a.source == number for a in self._aside)
            if source.is_video and len(seen) == 1 and looked_at >= _BELIEVED_FROM:
                self._candidates.remove(seen[0])
                self._aside.append(Aside(seen[0].name, number, "no face was found"))

    def _base(self) -> Candidate:
        """The first usable photo that was named; of a folder or video the most fitting one."""
        first = min(candidate.source for candidate in self._candidates)
        group = [candidate for candidate in self._candidates if candidate.source == first]
        if self._sources[first].is_photo:
            return group[0]
        if all(candidate.descriptor is not None for candidate in group):
            between = distances([c.descriptor for c in group if c.descriptor is not None])
            group = [c for c, own in zip(group, largest_person(between), strict=True) if own]
        return group[most_fitting([c.face for c in group], [c.sharpness for c in group])]

    def _of_one_person(self, base: Candidate) -> Candidate:
        """Leaves only the pictures of the base's person, or refuses."""
        if any(candidate.descriptor is None for candidate in self._candidates):
            return base
        between = distances([c.descriptor for c in self._candidates if c.descriptor is not None])
        same = person_around(between, self._candidates.index(base))
        strangers = [c for c, own in zip(self._candidates, same, strict=True) if not own]
        if not strangers:
            return base
        if self._settings.allow_mixed:
            self._notes.append(
                f"{len(strangers)} of {len(same)} pictures seem to show somebody else than {base.name} and are used "
                f"all the same (--allow-mixed): {_listed(c.name for c in strangers)}."
            )
            return base
        self._refuse(base, strangers)
        self._aside += [Aside(c.name, c.source, "it shows somebody else") for c in strangers]
        self._candidates = [c for c, own in zip(self._candidates, same, strict=True) if own]
        return base

    def _refuse(self, base: Candidate, strangers: list[Candidate]) -> None:
        """Raises FaceError, but not for passers-by in a video that mostly shows the person."""
        wrong = []
        for number, source in enumerate(self._sources):
            of_source = [c for c in self._candidates if c.source == number]
            theirs = [c for c in strangers if c.source == number]
            if theirs and source.is_video and 2 * len(theirs) < len(of_source):
                continue
            wrong += [source.path.name] if theirs and source.is_video else [c.name for c in theirs]
        if wrong:
            raise FaceError(
                f"{_listed(wrong)} {'shows' if len(wrong) == 1 else 'show'} somebody else than {base.name}. "
                "All pictures must be of one person; leave the others out, or say --allow-mixed if they are the same."
            )

    def _chosen(self, base: Candidate) -> list[Candidate]:
        """At most 32, the base first."""
        all_of_them = self._candidates
        order = most_different(
            [c.looks for c in all_of_them],
            [c.sharpness for c in all_of_them],
            all_of_them.index(base),
            MOST_SHOTS,
        )
        chosen = [all_of_them[index] for index in order]
        kind = "chosen because they differ most" if len(chosen) < len(all_of_them) else "all that can be used"
        names = ", ".join(self._places(chosen))
        self._notes.insert(
            0,
            f"{base.name} is animated; {len(chosen)} of {len(all_of_them)} pictures are used, {kind}: {names}.",
        )
        return chosen

    def _places(self, chosen: list[Candidate]) -> list[str]:
        """Names of photos; of a video its name once and the times."""
        told = []
        for number, source in enumerate(self._sources):
            mine = sorted((c for c in chosen if c.source == number), key=lambda c: c.time or 0)
            if mine and source.is_video:
                times = " ".join(f"{float(c.time):.2f}" for c in mine if c.time is not None)
                told.append(f"{source.path.name} at {times} s")
            else:
                told += [c.name for c in mine]
        return told

    def _tell_aside(self) -> None:
        for number, source in enumerate(self._sources):
            aside = [a for a in self._aside if a.source == number]
            if aside and source.is_video:
                reasons = sorted({a.reason for a in aside})
                counted = ", ".join(f"{sum(a.reason == r for a in aside)} because {r}" for r in reasons)
                self._notes.append(f"Frames of {source.path.name} were set aside: {counted}.")
            elif aside:
                self._notes.append(f"Set aside: {_listed(map(str, aside))}.")

    def _whole(self, base: Candidate) -> Picture:
        return read_photo(base.file) if base.time is None else frame_at(base.file, base.time)


def _shares(counts: Sequence[int], per_video: int) -> list[int]:
    """How many pictures of each source are looked at; a photo counts as one, a video as 0 in ``counts``."""
    photos = sum(counts)
    factor = min(1.0, MOST_LOOKED_AT / max(photos, 1))
    return [max(1, round(count * factor)) if count else max(per_video, 1) for count in counts]


def _listed(names: Iterable[str], most: int = _NAMED) -> str:
    all_names = list(names)
    text = ", ".join(all_names[:most])
    return text if len(all_names) <= most else f"{text} and {len(all_names) - most} more"
