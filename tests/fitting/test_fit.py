"""Small networks learn a drawn person; what comes of it is compared, kept, resumed and animated."""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from tests.synthetic_face import draw_face

import enliven
from enliven.assets import builtin_motion, builtin_photo
from enliven.errors import ModelError, OutputError, UsageError
from enliven.fitting.base import Base, load_base
from enliven.fitting.candidates import BASE
from enliven.fitting.fit import fit
from enliven.fitting.learn import Record, learn
from enliven.fitting.pictures import Crop, mirrored, split
from enliven.fitting.settings import FitSettings
from enliven.geometry import Similarity
from enliven.measure import head_pose
from enliven.media.image import read_photo
from enliven.model.head_file import Head, HeadPhoto, read_head, write_head
from enliven.model.revealed import Revealed
from enliven.model.runtime import JUDGE
from enliven.model.sway import CELLS, MOVES, Sway
from enliven.model.tensor_file import read_arrays, write_arrays
from enliven.types import FaceCrop, Landmarks

pytestmark = pytest.mark.filterwarnings("ignore")
QUICK = FitSettings(steps=4, candidates=(0.5, 1.0), minutes=5)


def crops(count: int) -> list[Crop]:
    return [Crop(*draw_face(64, mouth_open=n / 8, yaw_deg=3.0 * n)) for n in range(count)]


def test_what_is_compared_on_was_never_learned_from() -> None:
    for count in (3, 8, 32):
        parts = split(crops(count), seed=0)
        assert len(parts.learned) + len(parts.held_back) == count
        assert 1 <= len(parts.held_back) <= 6
        assert not {id(c) for c in parts.learned} & {id(c) for c in parts.held_back}
    alone = split(crops(1), seed=0)
    assert len(alone.learned) > 2
    held = [c.picture for c in alone.held_back]
    assert not any(np.array_equal(h, c.picture) for h in held for c in alone.learned)


def test_time_goes_by_photos_a_gpu_has_twenty_seconds_and_what_is_asked_for_counts() -> None:
    assert [FitSettings().minutes_for(count) for count in (1, 2, 8, 9, 32)] == [2.0, 4.0, 4.0, 8.0, 8.0]
    assert [60 * FitSettings().minutes_for(count, gpu=True) for count in (1, 32)] == [20.0, 20.0]
    assert FitSettings(minutes=3.0).minutes_for(32, gpu=True) == 3.0


def test_of_one_photo_poses_are_looked_at_that_it_does_not_show() -> None:
    one, five = split(crops(1), 0), split(crops(5), 0)
    assert five.strange == ()
    left, right = one.strange
    yaws = [head_pose(Landmarks(crop.points, (64, 64))).yaw_deg for crop in (left, one.learned[0], right)]
    assert np.allclose(np.diff(yaws), 15.0, atol=1.0) or np.allclose(np.diff(yaws), -15.0, atol=1.0)
    middles = [float(crop.points[:, 0].mean()) for crop in (left, one.learned[0], right)]
    assert middles[0] != pytest.approx(middles[1], abs=1.0)


def test_a_variant_keeps_its_landmarks_on_the_face() -> None:
    (plain,) = crops(1)
    for variant in split([plain], seed=1).learned[1:]:
        eye = np.rint(variant.points[[468, 473], :2]).astype(int)
        pupils = [variant.picture[y - 1 : y + 2, x - 1 : x + 2].min() for x, y in eye]
        assert max(pupils) < 100, "the irises' middles are dark"
    twice = mirrored(mirrored(plain))
    assert np.array_equal(twice.picture, plain.picture)
    assert np.abs(twice.points - plain.points).max() < 1e-4


@pytest.mark.parametrize("count", [1, 5])
def test_fitting_learns_and_always_compares_with_the_base(base: Base, count: int) -> None:
    told: list[tuple[int, int]] = []

    def progress(step: int, steps: int, rates: Mapping[str, float]) -> None:
        told.append((step, steps))
        assert rates["steps_per_second"] > 0
        assert rates["seconds_left"] >= 0

    done = fit(crops(count), base, QUICK, progress=progress)
    assert [c.name for c in done.candidates] == [BASE, "step 2", "step 4"]
    assert told == [(n, 4) for n in range(1, 5)]
    assert sum(c.verdict == "chosen" for c in done.candidates) == 1
    assert np.isfinite([c.marks.realism for c in done.candidates]).all()
    drifts = [c.marks.drift for c in done.candidates]
    if count == 1:
        assert drifts[0] == 0.0 < drifts[1] < drifts[2], "farther from the base in poses that no photo shows"
    else:
        assert np.isnan(drifts).all()
    moved = done.candidates[2].fitted
    assert any(name.startswith("synthesis.") for name in moved)
    assert not torch.equal(moved["psi"], done.candidates[1].fitted["psi"])


def test_the_picture_gets_nearer_to_the_person(base: Base) -> None:
    torch.manual_seed(0)
    settings = FitSettings(steps=25, candidates=(1.0,), mean=0.6, minutes=5)
    done = fit(crops(4), base, settings)
    assert done.candidates[1].marks.picture < done.candidates[0].marks.picture


def test_a_fitting_that_was_stopped_goes_on_where_it_was(base: Base, tmp_path: Path) -> None:
    whole = fit(crops(3), base, QUICK)
    state = tmp_path / "x.head.fitting"

    def stop(step: int, steps: int, rates: Mapping[str, float]) -> None:
        if step == 3:
            signal.raise_signal(signal.SIGINT)

    half = fit(crops(3), base, QUICK, progress=stop, state=state)
    assert half.reason == "interrupted"
    assert half.step == 3
    assert [c.name for c in half.candidates] == [BASE, "step 2", "step 3"], "the best so far can be chosen"
    rest = fit(crops(3), base, QUICK, state=state, resume=True)
    assert rest.step == 4
    for name, value in whole.candidates[-1].fitted.items():
        assert torch.allclose(value, rest.candidates[-1].fitted[name], atol=1e-5), name
    with pytest.raises(ModelError, match="other photos"):
        fit(crops(4), base, QUICK, state=state, resume=True)


def test_without_a_discriminator_it_says_so(exported: Path, tmp_path: Path) -> None:
    for file in exported.iterdir():
        if file.name != JUDGE:
            (tmp_path / file.name).write_bytes(file.read_bytes())
    lonely = load_base(tmp_path)
    assert lonely.judge is None
    done = fit(crops(3), lonely, QUICK)
    assert any("No discriminator" in note for note in done.notes)
    assert np.isnan(done.candidates[0].marks.realism)


@pytest.fixture(scope="module")
def learned(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("learned")
    photo = read_photo(builtin_photo())
    for number in range(3):
        shown = (255 * (photo / 255.0) ** (1 + 0.1 * number)).astype(np.uint8)
        cv2.imwrite(str(folder / f"{number}.png"), shown[..., ::-1])
    out = folder / "anna.head"
    pictures = [folder / f"{number}.png" for number in range(3)]
    done = learn(pictures, out, weights=exported, settings=QUICK, record=Record("she agreed", "Anna"))
    assert done.sheet.is_file()
    assert cv2.imread(str(done.sheet)).shape[1] == 64 * 4, "truth, base and two candidates"
    assert not out.with_name(out.name + ".fitting").exists()
    return out


def test_a_head_says_whose_it_is_and_from_what(learned: Path) -> None:
    head = read_head(learned)
    assert head.about["consent"] == "she agreed"
    assert head.about["subject"] == "Anna"
    assert [source["title"] for source in head.about["sources"]] == ["0.png", "1.png", "2.png"]
    assert len(head.shots) == 3
    assert learned.stat().st_size < 1_000_000
    with pytest.raises(OutputError, match="exists"):
        learn([learned], learned)


def test_a_fitted_head_moves_and_differs_from_the_unfitted_one(
    learned: Path, exported: Path, tmp_path: Path
) -> None:
    head = read_head(learned)
    fitted = load_base(exported).checkpoint.weights["synthesis.out.bias"].float().numpy() + 0.3
    changed = replace(head, weights={"synthesis.out.bias": fitted})
    other = tmp_path / "other.head"
    write_head(other, changed)
    plain = tmp_path / "plain.head"
    write_head(plain, replace(head, weights={}, psi=None))
    shown = []
    for path in (plain, other):
        settings = enliven.AnimateSettings(engine="hybrid", weights=exported, head=path)
        frames = enliven.Animator(settings=settings).frames(builtin_motion(), end=Fraction(1, 5))
        shown.append([frame.image for frame in frames])
    assert len(shown[0]) == 5
    assert np.abs(shown[0][3].astype(int) - shown[1][3]).mean() > 0.05, "the fitted weights reach the graph"


def test_a_head_of_another_version_base_or_length_is_refused(
    learned: Path, exported: Path, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.head"
    for length in (4, 900, learned.stat().st_size - 50):
        cut.write_bytes(learned.read_bytes()[:length])
        with pytest.raises(ModelError, match="truncated"):
            read_head(cut)
    arrays, metadata = read_arrays(learned)
    for key, value, word in (("version", 99, "version 99"), ("format", "else", "no head")):
        about = json.loads(metadata["enliven"]) | {key: value}
        write_arrays(tmp_path / "new.head", arrays, {"enliven": json.dumps(about)})
        with pytest.raises(ModelError, match=word):
            read_head(tmp_path / "new.head")
    head = read_head(learned)
    write_head(tmp_path / "else.head", replace(head, about={**head.about, "model_sha256": "0"}))
    settings = enliven.AnimateSettings(engine="hybrid", weights=exported, head=tmp_path / "else.head")
    with pytest.raises(ModelError, match="another base model"):
        enliven.Animator(settings=settings)
    with pytest.raises(UsageError, match="one of them"):
        enliven.Animator(builtin_photo(), replace(settings, head=learned))


def test_a_head_survives_its_file(tmp_path: Path) -> None:
    picture, points = draw_face(128)
    photo = HeadPhoto("a.png", picture, points)
    table = np.full((MOVES, CELLS, CELLS, 2), 0.25, np.float32)
    sway = Sway(table, np.full(MOVES, -2.0, np.float32), np.full(MOVES, 3.0, np.float32))
    weights = {"w": np.ones((2, 3), np.float32)}
    written = Head(photo, (photo,), np.arange(5, dtype=np.float32), weights, None, sway, None, {"x": 1})
    write_head(tmp_path / "a.head", written)
    read = read_head(tmp_path / "a.head")
    assert np.array_equal(read.photo.points, points)
    assert np.abs(read.photo.picture.astype(int) - picture).mean() < 2.0
    assert read.weights["w"].tolist() == [[1, 1, 1], [1, 1, 1]]
    assert read.about["x"] == 1
    assert read.sway is not None
    assert [np.array_equal(getattr(read.sway, n), getattr(sway, n)) for n in ("table", "least", "most")] == [
        True
    ] * 3
    write_head(tmp_path / "a.head", replace(written, sway=replace(sway, table=table[:2])))
    with pytest.raises(ModelError, match="hair and shoulders"):
        read_head(tmp_path / "a.head")
    write_head(tmp_path / "a.head", replace(written, sway=None))
    assert read_head(tmp_path / "a.head").sway is None


def test_where_shots_lie_in_the_animated_pictures_scene_survives_the_file(tmp_path: Path) -> None:
    photo = HeadPhoto("a.png", *draw_face(128))
    placed = replace(photo, place=Similarity(1.5, 0.0, (-3.25, 8.5)))
    write_head(tmp_path / "a.head", Head(photo, (photo, placed), None))
    read = read_head(tmp_path / "a.head")
    assert [shot.place for shot in read.shots] == [None, placed.place]
    arrays, metadata = read_arrays(tmp_path / "a.head")
    broken = {**arrays, "shots/01/place": np.zeros(3, np.float32)}
    write_arrays(tmp_path / "a.head", broken, metadata)
    with pytest.raises(ModelError, match="damaged"):
        read_head(tmp_path / "a.head")


def test_the_background_behind_a_person_survives_the_file(tmp_path: Path) -> None:
    picture, points = draw_face(64)
    photo = HeadPhoto("a.png", picture, points)
    known = np.zeros((64, 64), np.float32)
    known[10:30, 5:20] = 1.0
    behind = Revealed(picture, known, FaceCrop(Similarity(1.5, 0.0, (3.0, -4.0)), 64))
    written = Head(photo, (photo,), None, behind=behind)
    write_head(tmp_path / "a.head", written)
    read = read_head(tmp_path / "a.head").behind
    assert read is not None
    assert np.array_equal(read.known, known)
    assert read.crop == behind.crop
    assert np.abs(read.picture.astype(int) - picture).mean() < 2.0
    arrays, metadata = read_arrays(tmp_path / "a.head")
    write_arrays(tmp_path / "a.head", {**arrays, "behind/known": known[0].astype(np.uint8)}, metadata)
    with pytest.raises(ModelError, match="background"):
        read_head(tmp_path / "a.head")
    write_head(tmp_path / "a.head", replace(written, behind=None))
    assert read_head(tmp_path / "a.head").behind is None
