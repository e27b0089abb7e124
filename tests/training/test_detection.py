"""Learning to tell made faces: pictures, ways to the viewer, scores, the network and its run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.synthetic_face import draw_face

from enliven.compositing.paste import Paster
from enliven.databank.synthetic import SyntheticSettings, synthesise
from enliven.errors import TrainingError
from enliven.model.detection_net import (
    CROP_SIZE,
    STRIDE,
    SUSPECT,
    DetectionConfig,
    DetectionNet,
    export_detector,
    parameter_count,
    pooled,
)
from enliven.provenance import detect_model
from enliven.training import detection_batches, detection_chain
from enliven.training.detection_batches import BatchMaker, Disturbance, disturbed
from enliven.training.detection_chain import (
    SHARES_SIZE,
    STORED_SIZE,
    Chain,
    changed_shares,
    draw_chain,
    recoded,
    stored_crop,
    to_rgb,
)
from enliven.training.detection_crops import Crops, load_crops
from enliven.training.detection_data import CLIP_FRAMES, KEPT, Recipe, prepare
from enliven.training.detection_fakes import (
    BLEND,
    TRUE,
    WARP,
    WarpMaker,
    blend,
    difference,
    draw_blend,
    transferred,
)
from enliven.training.detection_patches import blended, stretched
from enliven.training.detection_report import as_text, measure
from enliven.training.detection_scores import fit_calibration, score, separation
from enliven.training.detection_train import (
    DetectorSettings,
    kept_apart,
    load_detector,
    train_detector,
)
from enliven.types import Floats, Picture, Rendering

TINY = DetectionConfig((8, 8, 8, 8))
NAMES = [f"person {n}" for n in range(40)]


@pytest.fixture(scope="module")
def small_bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three drawn people to learn from, of eight frames each."""
    drawn = SyntheticSettings(identities=4, shots=1, frames=8, size=64, val_share=0.25)
    return synthesise(tmp_path_factory.mktemp("banks") / "bank", drawn).path


def paste(photo: Picture, rendering: Rendering) -> Picture:
    return Paster(photo).paste(rendering)


def faces(count: int) -> tuple[list[Picture], list[Floats]]:
    drawn = [draw_face(256, (128, 120), 34, yaw_deg=4 * n, mouth_open=n / count) for n in range(count)]
    return [picture for picture, _ in drawn], [points for _, points in drawn]


def drawn_crops(people: int = 40, seed: int = 0) -> Crops:
    """Noise pictures; in made ones every second column is dark."""
    random = np.random.default_rng(seed)
    planes, changed, engine, identity, clip, draw = [], [], [], [], [], []
    for number in range(people):
        for kind in (TRUE, WARP if number % 2 else BLEND):
            picture = random.integers(60, 200, (STORED_SIZE, STORED_SIZE, 3), np.uint8)
            if kind != TRUE:
                picture[:, ::2] //= 2
            planes.append(cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420))
            changed.append(np.full((SHARES_SIZE, SHARES_SIZE), 255 * (kind != TRUE), np.uint8))
            engine.append(kind)
            identity.append(NAMES[number % len(NAMES)])
            clip.append(len(clip))
            draw.append(number)
    way = np.full(len(planes), "plain")
    columns = np.array(engine), np.array(identity), way, np.array(clip), np.array(draw)
    return Crops(np.stack(planes), np.stack(changed), *columns)


# The network


@pytest.mark.parametrize("size", [128, 144, CROP_SIZE])
def test_the_map_has_a_place_for_every_16_pixels(size: int) -> None:
    logits = DetectionNet(TINY).eval()(torch.rand(2, 3, size, size) * 255)
    assert logits.shape == (2, size // STRIDE, size // STRIDE)
    assert pooled(logits).shape == (2,)


def test_the_network_is_under_a_million_parameters() -> None:
    assert parameter_count(DetectionNet()) < 1_000_000


def test_a_crop_is_as_suspect_as_its_most_suspect_quarter() -> None:
    logits = torch.full((1, 12, 12), -3.0)
    logits[0, 4:7, :] = 2.0  # 36 of 144 places
    assert pooled(logits).item() == 2.0
    assert detect_model.pooled(logits[0].numpy()) == 2.0
    logits[0, 4, :] = -1.0
    assert pooled(logits).item() == detect_model.pooled(logits[0].numpy()) == 1.0


def test_calibration_scales_and_shifts_logits() -> None:
    network, crops = DetectionNet(TINY).eval(), torch.rand(1, 3, 64, 64) * 255
    before = network(crops)
    network.calibrate(2.0, -0.5)
    torch.testing.assert_close(network(crops), 2 * before - 0.5)


def test_run_time_and_training_agree_on_the_crop() -> None:
    assert detect_model.CROP_SIZE == CROP_SIZE
    assert detect_model.CROP_FACTOR == detection_chain.CROP_FACTOR
    assert detect_model.MAP_SIZE * STRIDE == CROP_SIZE
    assert detect_model.SUSPECT == SUSPECT


def test_the_exported_graph_judges_like_the_network(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    torch.manual_seed(3)
    network = DetectionNet()
    with torch.no_grad():
        for _ in range(3):
            network.train()(torch.rand(4, 3, 96, 96) * 255)
    network.calibrate(1.7, 0.3)
    export_detector(network, tmp_path / "d.onnx", [("made", "in a test")])
    assert [path.name for path in tmp_path.iterdir()] == ["d.onnx"]
    crop = np.random.default_rng(0).integers(0, 256, (CROP_SIZE, CROP_SIZE, 3), np.uint8)
    evidence = detect_model.DetectionModel((tmp_path / "d.onnx").read_bytes()).judge(crop)
    same = torch.from_numpy(detect_model.as_video(crop)).permute(2, 0, 1)[None].float()
    with torch.no_grad():
        np.testing.assert_allclose(evidence, network.eval()(same)[0].numpy(), atol=1e-3)


# Pictures


def test_every_engine_gives_a_changed_picture_per_motion() -> None:
    pictures, points = faces(3)
    made = WarpMaker(paste).make(pictures[0], points[0], points[1:])
    assert [picture.shape for picture in made] == [(256, 256, 3)] * 2
    assert all((picture != pictures[0]).any() for picture in made)


def test_a_still_driver_leaves_the_source_where_it_is() -> None:
    _, points = faces(2)
    moved = transferred(points[1], [points[0]] * 3, 256)
    assert np.abs(moved[-1][:, :2] - points[1][:, :2]).mean() < 2.0


@pytest.mark.parametrize("seed", range(6))
def test_a_blend_changes_the_face_and_nothing_around_it(seed: int) -> None:
    pictures, points = faces(3)
    donor = np.ascontiguousarray(pictures[2][:, :, ::-1])
    mixed = blend(pictures[0], points[0], donor, points[2], draw_blend(np.random.default_rng(seed)))
    changed = np.abs(mixed.astype(int) - pictures[0]).max(axis=2) > 8
    assert changed.any()
    ys, xs = np.nonzero(changed)
    lowest, highest = points[0][:, :2].min(axis=0) - 30, points[0][:, :2].max(axis=0) + 30
    assert xs.min() >= lowest[0]
    assert ys.min() >= lowest[1]
    assert xs.max() <= highest[0]
    assert ys.max() <= highest[1]


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**31))
def test_landmarks_follow_the_picture_on_any_way(seed: int) -> None:
    _, points = faces(1)
    dots = np.zeros((256, 256, 3), np.uint8)
    nose = points[0][1, :2]
    cv2.circle(dots, tuple(int(v) for v in np.round(nose)), 5, (255, 255, 255), -1)
    seen, places = draw_chain(np.random.default_rng(seed)).apply([dots] * CLIP_FRAMES, points * CLIP_FRAMES)
    ys, xs = np.nonzero(seen[0].mean(axis=2) > 100)
    np.testing.assert_allclose([xs.mean(), ys.mean()], places[0][1, :2], atol=1.5)


def test_h264_keeps_the_number_of_frames_and_loses_detail() -> None:
    pictures, _ = faces(CLIP_FRAMES)
    good, poor = recoded(pictures, 18), recoded(pictures, 34)
    assert len(good) == len(poor) == CLIP_FRAMES
    errors = [np.abs(np.asarray(c, int) - pictures).mean() for c in (good, poor)]
    assert errors[0] < errors[1]


def test_stored_crops_come_back() -> None:
    (picture,), (points,) = faces(1)
    planes = stored_crop(picture, points)
    assert planes.shape == (STORED_SIZE * 3 // 2, STORED_SIZE)
    assert to_rgb(planes).shape == (STORED_SIZE, STORED_SIZE, 3)


def test_what_was_changed_is_known_place_by_place() -> None:
    pictures, points = faces(2)
    other = pictures[0].copy()
    other[100:140, 100:160] = 255 - other[100:140, 100:160]
    black_and_white = difference(other, pictures[0])
    assert set(np.unique(black_and_white).tolist()) == {0, 255}
    shares = changed_shares(stored_crop(black_and_white, points[0]))
    assert shares.shape == (SHARES_SIZE, SHARES_SIZE)
    assert 0 < shares.mean() < 128
    assert not changed_shares(stored_crop(difference(other, other), points[0])).any()


def test_the_plain_way_moves_nothing() -> None:
    pictures, points = faces(2)
    seen, places = Chain().apply(pictures, points)
    np.testing.assert_array_equal(seen[1], pictures[1])
    np.testing.assert_allclose(places[1][:, :2], points[1][:, :2], atol=1e-3)


# Batches


def test_batches_pair_true_and_made_of_one_draw_and_repeat_exactly() -> None:
    maker = BatchMaker(drawn_crops(6), 8, seed=1)
    one, again = maker.at(3), maker.at(3)
    assert one.made.tolist() == [False, True] * 4
    assert one.changed.mean(dim=(1, 2)).tolist() == [0.0, 1.0] * 4
    assert torch.equal(one.crops, again.crops)
    assert not torch.equal(one.crops, maker.at(4).crops)


def test_places_of_a_true_crop_are_those_where_its_made_partner_was_changed() -> None:
    batch = BatchMaker(drawn_crops(6), 4, seed=1, patches=1.0).at(0)
    assert not batch.changed[0::2].any()
    assert batch.changed[1::2].any()
    assert torch.equal(batch.changed_in_partner[0::2], batch.changed[1::2])
    assert not batch.changed_in_partner[1::2].any()


@pytest.mark.parametrize(("left_out", "kind"), [(BLEND, "blended"), (WARP, "stretched")])
def test_without_an_engine_nothing_of_its_kind_is_drawn(
    left_out: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object) -> None:
        raise AssertionError(f"{kind} was drawn")

    monkeypatch.setattr(detection_batches, kind, forbidden)
    crops = drawn_crops(6)
    BatchMaker(crops.where(crops.engine != left_out), 16, seed=1, patches=1.0).at(0)
    with pytest.raises(AssertionError, match="was drawn"):
        BatchMaker(crops, 64, seed=1, patches=1.0).at(0)


@pytest.mark.parametrize("seed", range(4))
def test_a_stretched_crop_is_as_resampled_as_the_true_one_and_differs_where_it_was_moved(seed: int) -> None:
    picture = np.random.default_rng(9).integers(0, 256, (STORED_SIZE, STORED_SIZE, 3), np.uint8)
    true, moved, share = stretched(picture, np.random.default_rng(seed))
    differs = cv2.resize(np.abs(true.astype(int) - moved).max(axis=2).astype(np.float32), share.shape)
    assert share.any()
    assert differs[share == 255].mean() > 20
    far = cv2.dilate(share, np.ones((25, 25), np.uint8)) == 0
    assert differs[far].size == 0 or differs[far].max() < 40
    assert (true != picture).any()


@pytest.mark.parametrize("seed", range(4))
def test_a_blended_crop_is_the_true_one_outside_its_part(seed: int) -> None:
    picture, donor = np.random.default_rng(9).integers(0, 256, (2, STORED_SIZE, STORED_SIZE, 3), np.uint8)
    mixed, share = blended(picture, donor, np.random.default_rng(seed))
    differs = cv2.resize(np.abs(picture.astype(int) - mixed).max(axis=2).astype(np.float32), share.shape)
    assert differs[share == 255].mean() > 20
    assert differs[cv2.dilate(share, np.ones((15, 15), np.uint8)) == 0].max() == 0


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**31))
def test_a_disturbed_crop_is_a_window_of_bytes_and_its_map_goes_along(seed: int) -> None:
    amounts = Disturbance(window=96, jpeg=0.5, blur=0, noise=0, scale=0)
    picture = np.full((STORED_SIZE, STORED_SIZE, 3), 60, np.uint8)
    changed = np.zeros((SHARES_SIZE, SHARES_SIZE), np.uint8)
    picture[80:144, 64:128], changed[20:36, 16:32] = 180, 255
    result, share = disturbed(picture, changed, amounts, np.random.default_rng(seed))
    assert (result.shape, result.dtype) == ((96, 96, 3), np.uint8)
    light = cv2.resize(result[..., 1], share.shape, interpolation=cv2.INTER_AREA).astype(float)
    assert share.std() == 0 or np.corrcoef(light.ravel(), share.ravel())[0, 1] > 0.98


# Scores


def test_perfect_and_reversed_order_are_the_ends_of_the_scale() -> None:
    made = np.array([False, False, True, True])
    scores = np.array([0.0, 1.0, 2.0, 3.0])
    assert (separation(scores, made).auc, separation(scores, made).eer) == (1.0, 0.0)
    assert separation(-scores, made).auc == 0.0
    assert separation(np.zeros(4), made).auc == 0.5


@settings(deadline=None)
@given(st.integers(0, 1000), st.floats(0.1, 5), st.floats(-5, 5))
def test_separation_does_not_change_under_calibration(seed: int, slope: float, offset: float) -> None:
    random = np.random.default_rng(seed)
    made = np.arange(40) % 2 == 0
    scores = np.round(random.normal(size=40) + made, 3)
    one, other = separation(scores, made), separation(slope * scores + offset, made)
    assert one.auc == pytest.approx(other.auc)
    assert one.eer == pytest.approx(other.eer)


def test_calibration_finds_the_odds_that_drew_the_labels() -> None:
    random = np.random.default_rng(0)
    scores = random.normal(0, 3, 20_000)
    made = random.random(20_000) < 1 / (1 + np.exp(-(0.7 * scores + 0.4)))
    slope, offset = fit_calibration(scores, made)
    assert slope == pytest.approx(0.7, abs=0.05)
    assert offset == pytest.approx(0.4 - np.log(made.mean() / (1 - made.mean())), abs=0.1)


# The run


SMALL = DetectorSettings(
    steps=60,
    batch=8,
    rate=5e-3,
    save_every=20,
    patches=0.0,
    network=TINY,
    disturbance=Disturbance(64, 0, 0, 0, 0),
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return train_detector(drawn_crops(), tmp_path_factory.mktemp("run"), SMALL)


def test_the_network_learns_a_plain_trace_on_people_it_never_saw(trained: Path) -> None:
    network, crops = load_detector(trained), drawn_crops(20, seed=9)
    assert separation(score(network, crops), crops.made).auc > 0.95
    rows = measure(network, crops)
    assert [row.engine for row in rows] == [BLEND, WARP, "all"]
    assert as_text(rows).count("\n") == 4


def test_people_who_calibrate_are_not_learned_from() -> None:
    crops = drawn_crops()
    apart = kept_apart(crops)
    assert 0 < apart.sum() < len(apart)
    assert not set(crops.identity[apart]) & set(crops.identity[~apart])


def test_a_stopped_run_goes_on_where_it_was(trained: Path, tmp_path: Path) -> None:
    seen: list[int] = []

    def stop_at_7(step: int, _: int, __: object) -> None:
        seen.append(step)
        if step == 7:
            raise KeyboardInterrupt

    crops = drawn_crops()
    train_detector(crops, tmp_path, SMALL, minutes=0)
    train_detector(crops, tmp_path, SMALL, lambda step, *_: seen.append(step))
    assert seen == list(range(1, 61))
    one, other = load_detector(trained).state_dict(), load_detector(tmp_path / trained.name).state_dict()
    for name, value in one.items():
        torch.testing.assert_close(other[name], value, msg=name)


def test_a_run_may_begin_with_the_weights_of_another(trained: Path, tmp_path: Path) -> None:
    few = replace(SMALL, steps=1, rate=1e-9)
    begun = load_detector(train_detector(drawn_crops(), tmp_path, few, begin=trained))
    network = load_detector(trained)
    torch.testing.assert_close(begun.head.weight, network.head.weight, rtol=0, atol=1e-6)


def test_another_setting_does_not_go_on_in_the_same_folder(trained: Path) -> None:
    with pytest.raises(TrainingError, match="other settings"):
        train_detector(drawn_crops(), trained.parent, DetectorSettings(steps=5, network=TINY))


def test_one_kind_of_pictures_is_refused(tmp_path: Path) -> None:
    crops = drawn_crops()
    with pytest.raises(TrainingError, match="both are needed"):
        train_detector(crops.where(crops.made), tmp_path, SMALL)


def test_preparing_goes_on_where_it_stopped_and_pairs_people(tmp_path: Path, small_bank: Path) -> None:
    recipe = Recipe("train", 4, (BLEND, WARP))
    prepare(small_bank, tmp_path, recipe, {WARP: WarpMaker(paste)})
    written = (tmp_path / "part-00000.npz").stat().st_mtime_ns
    prepare(small_bank, tmp_path, recipe, {WARP: WarpMaker(paste)})
    assert (tmp_path / "part-00000.npz").stat().st_mtime_ns == written
    crops = load_crops([tmp_path])
    assert len(crops.planes) == 4 * 2 * len(KEPT)
    for draw in set(crops.draw.tolist()):
        of_draw = crops.draw == draw
        assert crops.made[of_draw].sum() * 2 == of_draw.sum()
        assert len(set(crops.identity[of_draw].tolist())) == 1
    assert crops.changed.shape == (len(crops.planes), SHARES_SIZE, SHARES_SIZE)
    assert not crops.changed[~crops.made].any()
    assert crops.changed[crops.made].any(axis=(1, 2)).mean() > 0.7  # shut eyes on shut eyes change nothing
    with pytest.raises(TrainingError, match="another recipe"):
        prepare(small_bank, tmp_path, Recipe("train", 4, (BLEND,)), {})


def test_an_engine_without_maker_is_named(tmp_path: Path, small_bank: Path) -> None:
    with pytest.raises(TrainingError, match="nothing"):
        prepare(small_bank, tmp_path, Recipe("train", 1, ("nothing",)), {})


def test_missing_pictures_are_said(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="prepare"):
        load_crops([tmp_path])
