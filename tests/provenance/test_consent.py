"""The terms: asked for once, kept, and never for the built-in photo."""

from __future__ import annotations

import json
import shutil
import stat
from pathlib import Path

import pytest

from enliven.apps.cli import terms
from enliven.assets import builtin_photo
from enliven.errors import ConsentError, ProvenanceError
from enliven.provenance import consent

PHOTO = Path("me.jpg")

pytestmark = pytest.mark.usefixtures("user")


@pytest.fixture
def at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terms, "somebody_is_there", lambda: True)


def answered(monkeypatch: pytest.MonkeyPatch, answer: bool) -> list[str]:
    asked: list[str] = []

    def confirm(question: str, **_: object) -> bool:
        asked.append(question)
        return answer

    monkeypatch.setattr("typer.confirm", confirm)
    return asked


@pytest.mark.usefixtures("at_a_terminal")
def test_the_terms_are_asked_for_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = answered(monkeypatch, True)
    terms.require_terms([PHOTO], accept_terms=False)
    assert len(asked) == 1
    assert "consent" in capsys.readouterr().err
    terms.require_terms([PHOTO], accept_terms=False)
    assert len(asked) == 1
    assert stat.S_IMODE(consent.terms_file().stat().st_mode) == 0o600


@pytest.mark.usefixtures("at_a_terminal")
def test_who_declines_makes_nothing_and_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answered(monkeypatch, False)
    for _ in range(2):
        with pytest.raises(ConsentError, match="not accepted"):
            terms.require_terms([PHOTO], accept_terms=False)
    assert len(asked) == 2
    assert not consent.terms_file().exists()


def test_where_nobody_can_be_asked_it_is_a_mistake_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terms, "somebody_is_there", lambda: False)
    with pytest.raises(ConsentError, match="ENLIVEN_ACCEPT_TERMS") as raised:
        terms.require_terms([PHOTO], accept_terms=False)
    assert raised.value.exit_code == 2


def test_the_option_is_kept_and_the_environment_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENLIVEN_ACCEPT_TERMS", "1")
    terms.require_terms([PHOTO], accept_terms=False)
    assert not consent.terms_file().exists()
    monkeypatch.delenv("ENLIVEN_ACCEPT_TERMS")
    terms.require_terms([PHOTO], accept_terms=True)
    terms.require_terms([PHOTO], accept_terms=False)
    assert consent.terms_file().exists()


def test_the_builtin_photo_never_asks_and_a_copy_of_it_neither(tmp_path: Path) -> None:
    copy = Path(shutil.copy(builtin_photo(), tmp_path / "copy.png"))
    for photo in (builtin_photo(), copy):
        terms.require_terms([photo], accept_terms=False)
    assert not consent.accepted()


@pytest.mark.parametrize("content", ["", "{", "[]", json.dumps({"edition": 0}), json.dumps({"edition": "x"})])
def test_a_file_that_says_nothing_of_this_edition_counts_for_nothing(content: str) -> None:
    consent.accept()
    consent.terms_file().write_text(content)
    assert consent.needs_asking(PHOTO)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("ENLIVEN_CONFIG", str(tmp_path / "file" / "enliven"))
    with pytest.raises(ProvenanceError, match="ENLIVEN_CONFIG"):
        consent.accept()
