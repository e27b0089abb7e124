"""The whole protocol on drawn people: what it writes, that it repeats, and that it is whole or absent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from enliven.databank.bank import Bank
from enliven.errors import ModelError, OutputError
from enliven.evaluation import evaluate as module
from enliven.evaluation.clip import TrueClip
from enliven.evaluation.contenders import PHOTO, WARP, Aimed, StillPhoto, Warp, contenders_of
from enliven.evaluation.cross_driven import transferred
from enliven.evaluation.evaluate import evaluate
from enliven.evaluation.exported import Exported
from enliven.evaluation.metrics import CROSS_METRICS, SELF_METRICS
from enliven.evaluation.observer import Observer
from enliven.evaluation.plan import driving_frames, flicker_frames, source_frames
from enliven.evaluation.self_driven import render_clip, rendered_frames
from enliven.evaluation.settings import EvaluationSettings
from enliven.fitting.fit import Fitted, fit
from enliven.fitting.pictures import Crop
from enliven.fitting.settings import FitSettings
from enliven.gallery.choose import most_fitting
from enliven.media.image import read_photo
from enliven.model.checkpoint import load_checkpoint
from enliven.model.export import export_onnx
from enliven.model.hybrid_engine import HybridEngine
from enliven.types import Floats, JsonObject, Landmarks, Picture

QUICK = EvaluationSettings(shots=(1, 4), every=4, cross=1, threads=1)


@pytest.fixture(scope="module")
def report(bank: Bank, weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("reports") / "report"
    evaluate(bank.path, [weights], out, QUICK, command="enliven evaluate ...")
    return out


def stored(report: Path) -> JsonObject:
    found: JsonObject = json.loads((report / "report.json").read_text())
    return found


def test_every_contender_is_measured_with_every_number_of_photos(report: Path) -> None:
    facts = stored(report)
    names = [PHOTO, WARP, "hybrid fresh"]
    for kind, figures in (("self", SELF_METRICS), ("cross", CROSS_METRICS)):
        cases = facts[kind]
        assert [(c["shots"], c["contender"]) for c in cases] == [(t, name) for t in (1, 4) for name in names]
        for case in cases:
            assert set(case["mean"]) == set(case["against_warp"]) == {metric.key for metric in figures}
            assert len(case["per_clip"]) == case["clips"] == (2 if kind == "self" else 1)


def test_means_are_those_of_the_clips_and_differences_those_to_the_warp(report: Path) -> None:
    photo, warp = stored(report)["self"][:2]
    l1 = [clip["l1"] for clip in photo["per_clip"]]
    assert photo["mean"]["l1"]["mean"] == pytest.approx(np.mean(l1))
    assert photo["mean"]["l1"]["low"] <= np.mean(l1) <= photo["mean"]["l1"]["high"]
    against = [
        clip["l1"] - other["l1"] for clip, other in zip(photo["per_clip"], warp["per_clip"], strict=True)
    ]
    assert photo["against_warp"]["l1"]["mean"] == pytest.approx(np.mean(against))
    assert set(warp["against_warp"]["l1"].values()) == {0.0, 2}
    assert photo["groups"]["synthetic, seed 0"]["l1"] == pytest.approx(np.mean(l1))


def test_the_warp_follows_the_driver_and_the_photo_does_not(report: Path) -> None:
    photo, warp = stored(report)["self"][:2]
    assert warp["mean"]["akd"]["mean"] < photo["mean"]["akd"]["mean"]
    assert photo["mean"]["flicker"]["mean"] == 0.0
    crossed = stored(report)["cross"][0]["mean"]
    assert crossed["identity_distance"]["mean"] == pytest.approx(0.0)  # a still photo is its own person


def test_photos_beyond_the_first_change_the_networks_alone(report: Path) -> None:
    one, four = ([c["per_clip"] for c in stored(report)["self"] if c["shots"] == t] for t in (1, 4))
    assert one[:2] == four[:2]
    assert one[2] != four[2]


def test_what_more_photos_bring_is_the_mean_difference_of_the_clips(report: Path) -> None:
    cases = {(case["shots"], case["contender"]): case for case in stored(report)["self"]}
    one, four = cases[1, "hybrid fresh"], cases[4, "hybrid fresh"]
    apart = [b["l1"] - a["l1"] for a, b in zip(one["per_clip"], four["per_clip"], strict=True)]
    assert one["against_fewer_photos"] is None
    assert four["against_fewer_photos"]["l1"]["mean"] == pytest.approx(np.mean(apart))
    assert cases[4, WARP]["against_fewer_photos"]["akd"]["mean"] == 0.0


def test_the_same_command_gives_the_same_numbers_and_says_how_far_it_is(
    bank: Bank, weights: Path, report: Path, tmp_path: Path
) -> None:
    told: list[tuple[int, int]] = []
    again = evaluate(
        bank.path, [weights], tmp_path / "again", QUICK, progress=lambda *count: told.append(count)
    )
    first = stored(report)
    del first["circumstances"]
    assert json.loads(json.dumps(again.to_json())) == first
    total = told[-1][1]
    assert told == [(done, total) for done in range(1, total + 1)]


def test_the_text_names_command_machine_date_sample_and_all_contenders(report: Path) -> None:
    text = (report / "report.md").read_text()
    about = stored(report)["circumstances"]
    assert "`enliven evaluate ...`" in text
    assert about["date"] in text
    assert about["machine"] in text
    assert "2 clips of 2 people" in text
    for shots in (1, 4):
        assert f"## Self-reenactment, T = {shots}: 2 clips, 4 frames" in text
        assert f"## Cross-reenactment, T = {shots}: 1 pairs, 2 frames" in text
    assert "What T = 4 changes against T = 1" in text
    tables = [block for block in text.split("\n\n") if block.startswith("|")]
    assert all(len({line.count("|") for line in table.splitlines()}) == 1 for table in tables)
    assert "nan" not in text


def test_a_sheet_per_clip_shows_truth_and_every_contender(bank: Bank, report: Path) -> None:
    keys = [entry.facts.key for entry in bank.of_split("val")]
    names = {path.stem for path in (report / "sheets").iterdir()}
    assert {name for name in names if not name.startswith("cross")} == set(keys)
    sheet = read_photo(report / "sheets" / f"{keys[0]}.png")
    rows = 1 + 2 + 2  # the truth, both baselines once, the networks for both numbers of photos
    assert (sheet.shape[0] - 24) == rows * 64
    assert (sheet.shape[1] - 150) == (1 + 2) * 64


def test_contenders_give_pictures_of_the_crop_and_leave_the_photo_alone(bank: Bank, weights: Path) -> None:
    shot = bank.of_split("val")[0].shot()
    photos, points = [*shot.images[:2].copy()], [*shot.points[:2]]
    for contender in contenders_of([weights], 64):
        contender.prepare(photos, points)
        made = contender.render(shot.points[9])
        assert (made.shape, made.dtype) == ((64, 64, 3), np.uint8)
        assert np.array_equal(photos, shot.images[:2])
    still, warp = StillPhoto(), Warp()
    for baseline in (still, warp):
        baseline.prepare(photos, points)
    assert np.array_equal(still.render(shot.points[9]), photos[0])
    unmoved = warp.render(points[0]).astype(int)
    assert np.abs(unmoved - photos[0]).mean() < 2.0


def test_exported_weights_are_also_measured_as_animate_uses_them(
    bank: Bank, weights: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    export_onnx(load_checkpoint(weights), folder)
    alone, product = contenders_of([folder], 64, aim=False)[2:]
    assert product.name == f"{alone.name} in animate"
    shot = bank.of_split("val")[0].shot()
    photos, points = [*shot.images[:3]], [*shot.points[:3]]
    for contender in (alone, product):
        contender.prepare(photos, points)
        unmoved = contender.render(points[0])
        assert np.abs(unmoved.astype(int) - photos[0]).mean() < 20.0
    again = product.render(shot.points[9])
    product.render(points[0])
    assert np.array_equal(product.render(shot.points[9]), again), (
        "frames that lie apart know nothing of each other"
    )


def test_a_folder_is_measured_fitted_as_a_head_in_animate_too(
    bank: Bank, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mine"
    export_onnx(load_checkpoint(weights), folder)
    fits: list[int] = []

    def counted(crops: list[Crop], *rest: object) -> Fitted:
        fits.append(len(crops))
        return fit(crops, *rest[:1], FitSettings(steps=2))  # type: ignore[arg-type]

    monkeypatch.setattr("enliven.evaluation.fitter.fit", counted)
    contenders = contenders_of([folder], 64, fit=True, aim=False)
    names = [contender.name for contender in contenders[-2:]]
    assert names == [f"{contenders[2].name} fitted", f"{contenders[2].name} fitted in animate"]
    shot = bank.of_split("val")[0].shot()
    for contender in contenders[-2:]:
        contender.prepare([*shot.images[:3]], [*shot.points[:3]])
        unmoved = contender.render(shot.points[0])
        assert np.abs(unmoved.astype(int) - shot.images[0]).mean() < 20.0
    assert fits == [3], "both wear what was fitted once"


def test_transferred_motion_keeps_the_photos_size_and_moves_with_the_driver(bank: Bank) -> None:
    source, driver = bank.of_split("val")
    photo = source.points()[0]
    motion = transferred(photo, driver, 4)
    assert list(motion) == [8, 12]
    for points in motion.values():
        assert points.shape == (478, 3)
        assert np.ptp(points[:, 0]) == pytest.approx(np.ptp(photo[:, 0]), rel=0.25)
    assert not np.array_equal(motion[8], motion[12])


def test_stopping_leaves_nothing_behind(bank: Bank, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(bank.path, [], tmp_path / "report", QUICK, progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_a_report_is_replaced_only_when_asked_and_other_folders_never(
    bank: Bank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, quick = tmp_path / "report", EvaluationSettings(shots=(1,), every=8, clips=1, cross=0, sheets=False)
    evaluate(bank.path, [], out, quick)
    assert {path.name for path in out.iterdir()} == {"report.json", "report.md"}
    before = (out / "report.json").read_text()
    with pytest.raises(OutputError, match="give --overwrite"):
        evaluate(bank.path, [], out, quick)

    def fail(*_: object, **__: object) -> Sequence[tuple[Picture, Floats]]:
        raise ModelError("broken")

    with monkeypatch.context() as patched:
        patched.setattr(module, "contenders_of", fail)
        with pytest.raises(ModelError):
            evaluate(bank.path, [], out, quick, overwrite=True)
    assert (out / "report.json").read_text() == before
    evaluate(bank.path, [], out, quick, overwrite=True, command="anew")
    assert stored(out)["circumstances"]["command"] == "anew"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "diary.txt").write_text("dear")
    with pytest.raises(OutputError, match="never replaced"):
        evaluate(bank.path, [], tmp_path / "mine", quick, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "report"]


def test_frames_for_flicker_are_made_after_the_others_and_as_a_video_is(bank: Bank) -> None:
    told: list[str] = []

    class Noted(StillPhoto):
        def render(self, points: Floats) -> Picture:
            told.append("frame")
            return super().render(points)

        def follow(self) -> None:
            told.append("follow")

    entry = bank.of_split("val")[0]
    count = entry.facts.frames
    with Observer() as observer:
        clip = TrueClip(entry, [*source_frames(count, 1), *rendered_frames(count, 4)], observer)
        made = render_clip(Aimed(Noted()), clip, 1, 4, lambda: None)
    apart = told[: told.index("follow")]
    assert list(made.apart) == driving_frames(count, 4)
    afterwards = len(told) - len(apart) - 1
    assert len(made.run) == len(flicker_frames(count)) == afterwards  # nothing is rendered twice


def test_a_clips_photos_begin_with_the_one_that_animate_would_animate(bank: Bank) -> None:
    entry = bank.of_split("val")[0]
    frames = source_frames(entry.facts.frames, 4)
    with Observer() as observer:
        clip = TrueClip(entry, frames, observer)
    pictures, points = clip.photos_of_a_video(frames)
    own = clip.photos(frames)[1]
    order = [next(n for n, each in enumerate(own) if np.array_equal(each, at)) for at in points]
    assert sorted(order) == [0, 1, 2, 3]
    assert order[1:] == sorted(order[1:])
    assert all(np.array_equal(p, clip.images[frames[n]]) for p, n in zip(pictures, order, strict=True))
    faces = [Landmarks(at, (clip.side, clip.side)) for at in own]
    assert order[0] == most_fitting(faces, [1.0] * 4)  # drawn faces are all as sharp
    assert len(clip.photos_of_a_video(frames[:1])[0]) == 1


def test_graphs_go_on_as_in_a_video_when_frames_follow(
    bank: Bank, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apart: list[bool] = []

    class Noted(HybridEngine):
        def __init__(self, *given: Any, at_once: bool, **named: Any) -> None:
            apart.append(at_once)
            super().__init__(*given, at_once=at_once, **named)

    monkeypatch.setattr("enliven.evaluation.exported.HybridEngine", Noted)
    export_onnx(load_checkpoint(weights), tmp_path)
    entry = bank.of_split("val")[0]
    with Observer() as observer:
        clip = TrueClip(entry, range(entry.facts.frames), observer)
    contender = Exported(tmp_path, bank.size, "graphs")
    contender.prepare(*clip.photos([0, 5]))
    before = contender.render(clip.points[9])
    contender.render(clip.points[12])
    assert np.array_equal(contender.render(clip.points[9]), before)  # frames that lie apart know of no others
    contender.follow()
    assert contender.render(clip.points[9]).shape == before.shape
    assert apart == [True, False]
