"""A video as the source: its frames stand in for the animated one, and a head learned from it keeps them."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from tests.videos import write_video

import enliven
from enliven.assets import builtin_motion, builtin_photo, builtin_weights
from enliven.engines import load_engine
from enliven.fitting.learn import learn
from enliven.fitting.settings import FitSettings
from enliven.gallery.gather import Gallery, gather
from enliven.heads import gallery_of
from enliven.model.head_file import read_head
from enliven.model.hybrid_engine import HybridEngine
from enliven.settings import AnimateSettings


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lively = AnimateSettings(engine="warp", strength=1.8)
    frames = enliven.Animator(builtin_photo(), lively).frames(builtin_motion(), end=Fraction(2))
    return write_video(tmp_path_factory.mktemp("film") / "me.mp4", [frame.image for frame in frames][::9])


def stand_ins(gallery: Gallery, settings: AnimateSettings) -> list[bool]:
    engine, notes = load_engine(settings, gallery)
    assert notes == ()
    assert isinstance(engine, HybridEngine)
    return [lender.lends_around for lender in engine._lenders]


@pytest.mark.filterwarnings("ignore")
def test_frames_of_a_video_and_of_a_head_made_from_it_lend_the_whole_person(
    film: Path, tmp_path: Path
) -> None:
    settings = AnimateSettings(threads=1)
    gallery = gather([film], settings)
    assert len(gallery.shots) > 3
    assert all(stand_ins(gallery, settings))
    nowhere = tuple(replace(shot, place=None) for shot in gallery.shots)
    assert not any(stand_ins(Gallery(gallery.portrait, nowhere), settings)), "photos of nobody knows where"
    head = tmp_path / "me.head"
    learn([film], head, weights=builtin_weights(), settings=FitSettings(steps=1, minutes=5))
    assert [shot.place is not None for shot in read_head(head).shots] == [True] * len(gallery.shots)
    worn = AnimateSettings(threads=1, head=head)
    assert all(stand_ins(gallery_of(head, (), worn), worn))
