"""Who may import whom. The table is the plan of the house; change it in the commit that changes the plan."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "enliven"

GROUND = {"types", "geometry", "topology", "measure", "errors", "stopwatch", "pixels"}

MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "geometry": set(),
    "types": {"geometry"},
    "topology": {"types"},
    "measure": {"types", "geometry", "topology"},
    "pixels": {"types", "geometry"},
    "stopwatch": set(),
    "assets": set(),
    "media": GROUND,
    "face": GROUND,
    "motion": GROUND,
    "model": GROUND,
    "compositing": GROUND,
    "provenance": GROUND | {"media", "face", "assets"},
    "settings": {"errors"},
    "prefetch": set(),
    "quiet": set(),
    "lost": GROUND,
    "portrait": GROUND | {"media", "face", "settings"},
    # Many pictures of one person become one portrait and its lenders.
    "gallery": GROUND | {"media", "face", "settings", "portrait"},
    # A head is photos with fitted parameters: it stands where photos stand.
    "heads": GROUND | {"gallery", "model", "portrait", "settings"},
    "engines": GROUND | {"assets", "face", "gallery", "heads", "model", "settings"},
    "driving": GROUND | {"media", "face", "motion", "prefetch"},
    "recorder": GROUND | {"driving", "motion"},
    "contact_sheet": GROUND | {"media"},
    "aim": GROUND | {"face"},
    "renderings": GROUND | {"aim", "compositing", "model", "portrait", "settings"},
    "animator": GROUND
    | {"media", "motion", "compositing", "provenance", "renderings"}
    | {"settings", "portrait", "gallery", "heads", "engines", "driving", "lost", "prefetch", "quiet"},
    "databank": GROUND | {"media", "face"},
    "training": GROUND | {"databank", "face", "motion", "model", "media"},
    "fitting": GROUND
    | {"assets", "face", "gallery", "media", "model", "portrait", "quiet", "settings", "training"},
    "evaluation": GROUND
    | {"databank", "face", "motion", "model", "media", "aim", "animator", "compositing"}
    | {"fitting", "gallery"},
    "apps": GROUND
    | {"animator", "recorder", "training", "evaluation", "databank", "provenance", "media", "motion"}
    | {"assets", "settings", "contact_sheet", "model", "fitting"},
}
"""Room -> the rooms it may import. ``enliven/__init__.py`` may name anything, lazily."""

WRITER_ONLY_IN = "provenance"
"""The only room that may import ``enliven.media.writer``: nothing leaves unmarked."""

TORCH_ONLY_IN = {"model", "training", "fitting", "evaluation"}


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def modules() -> list[Path]:
    return sorted(p for p in SOURCE.rglob("*.py") if room_of(p) not in {"__init__", "__main__"})


def imported_names(path: Path) -> Iterator[str]:
    """Every module that a file imports, also inside functions and under TYPE_CHECKING."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; name the room in full"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(SOURCE)))
def test_no_room_oversteps(path: Path) -> None:
    room = room_of(path)
    assert room in MAY_IMPORT, f"room '{room}' is not in the table"
    for name in imported_names(path):
        parts = name.split(".")
        if parts[0] == "torch":
            assert room in TORCH_ONLY_IN, f"room '{room}' imports torch in {path.name}"
        if parts[0] != "enliven" or len(parts) == 1:
            continue
        other = parts[1]
        if other == room or other.startswith("__"):
            continue
        assert other in MAY_IMPORT[room], f"room '{room}' oversteps into '{other}' in {path.name}"


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(SOURCE)))
def test_only_provenance_writes_pictures(path: Path) -> None:
    if room_of(path) in {WRITER_ONLY_IN, "media"}:
        return
    for name in imported_names(path):
        assert not name.startswith("enliven.media.writer"), f"{path} writes around provenance.outlet"


def test_depth_never_exceeds_three() -> None:
    too_deep = [p for p in modules() if len(p.relative_to(SOURCE).parts) > 3]
    assert not too_deep
