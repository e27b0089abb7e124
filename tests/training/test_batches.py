"""Batches carry what the episodes hold, weigh mouth and eyes, and come from a thread that ends."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from tests.synthetic_face import draw_face
from tests.training.drawn_stream import SIZE, DrawnStream

from enliven.training.batches import BatchLoader, importance, make_batch
from enliven.training.validation import measure, ssim


def test_a_batch_has_the_shapes_it_promises() -> None:
    batch = make_batch(next(DrawnStream(batch=2, shots=3)), emphasis=5.0, original_drawing=False)
    assert batch.photos.shape == batch.photo_drawings.shape == (2, 3, 3, SIZE, SIZE)
    assert batch.flow.shape == (2, 3, SIZE // 2, SIZE // 2, 2)
    assert batch.layers.shape == (2, 3, 4, SIZE, SIZE)
    assert batch.target.shape == batch.drawing.shape == (2, 3, SIZE, SIZE)
    assert batch.importance.shape == batch.paintable.shape == (2, 1, SIZE, SIZE)
    assert batch.drawing.min() == -1.0
    assert batch.target.abs().max() <= 1.0


def test_mouth_and_eyes_weigh_five_times_as_much() -> None:
    _, points = draw_face(128)
    weights = importance(points, 128, 5.0)
    x, y = points[13, :2].round().astype(int)
    assert weights[y, x] == pytest.approx(5.0, abs=0.1)
    assert weights[2, 2] == 1.0
    assert 0.01 < (weights > 2).mean() < 0.12
    assert np.all(importance(points, 128, 1.0) == 1.0)


def test_boxes_hold_their_part() -> None:
    batch = make_batch(next(DrawnStream()), emphasis=5.0, original_drawing=False)
    boxes = (batch.mouth_boxes() + 1) * SIZE / 2 - 0.5
    lips = batch.points[:, [61, 291, 13, 14]]
    assert torch.all(
        (lips - boxes[:, None, :2]).abs() < (batch.mouth_boxes()[:, 2] * SIZE / 2)[:, None, None]
    )


def test_the_loader_gives_the_streams_order_and_positions_and_ends() -> None:
    loader = BatchLoader(DrawnStream(), emphasis=5.0, original_drawing=False)
    direct = DrawnStream()
    for position in (1, 2, 3):
        loaded = loader.next()
        assert loaded.position["position"] == position
        assert np.array_equal(loaded.batch.identity.numpy(), next(direct).identity)
    loader.close()
    assert not [t for t in threading.enumerate() if t.name == "batches"]


def test_the_metrics_agree_with_known_implementations() -> None:
    skimage = pytest.importorskip("skimage.metrics")
    random = np.random.default_rng(0)
    a = random.uniform(0, 1, (48, 48, 3)).astype(np.float32)
    b = np.clip(a + random.normal(0, 0.1, a.shape), 0, 1).astype(np.float32)
    tensors = [torch.from_numpy(x).permute(2, 0, 1)[None] for x in (a, b)]
    expected = skimage.structural_similarity(
        a, b, channel_axis=2, data_range=1.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert float(ssim(*tensors)) == pytest.approx(expected, abs=2e-3)
    with torch.autocast("cpu", torch.bfloat16):
        found = measure(*(t * 2 - 1 for t in tensors))
    assert float(found["ssim"]) == pytest.approx(expected, abs=2e-3)
    assert float(found["psnr"]) == pytest.approx(
        skimage.peak_signal_noise_ratio(a, b, data_range=1.0), abs=1e-2
    )
    assert float(found["l1"]) == pytest.approx(np.abs(a - b).mean(), rel=1e-3)
