"""The networks have the published sizes, take any number of photos, and start from sensible behaviour."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from enliven.errors import ModelError
from enliven.model.config import ModelConfig, preset
from enliven.model.discriminator import Discriminator, IdentityTable
from enliven.model.hybrid import laid_over, warp
from enliven.model.layers import DoublingConv, fold_spectral_norm
from enliven.model.talker import build_talker

SMALL_PAPER = replace(
    preset("paper"), size=64, channels=8, max_channels=32, embedding=32, discriminator_channels=8
)
SMALL_HYBRID = replace(
    preset("hybrid"), size=64, channels=8, max_channels=32, embedding=32,
    source_channels=(8, 16, 16), motion_channels=8, decoder_channels=(8, 16, 16),
)  # fmt: skip


def millions(network: nn.Module) -> float:
    return sum(parameter.numel() for parameter in network.parameters()) / 1e6


def episode(config: ModelConfig, batch: int = 2, shots: int = 3) -> tuple[torch.Tensor, ...]:
    torch.manual_seed(0)
    size = config.size
    pictures = torch.rand(batch, shots, 3, size, size) * 2 - 1
    flow = torch.rand(batch, shots, size // 2, size // 2, 2) * 0.1 - 0.05
    layers = torch.zeros(batch, shots, 4, size, size)
    layers[..., 20:30, 20:30] = 0.5
    return pictures, -pictures, pictures[:, 0].flip(-1), flow, layers


def test_the_paper_preset_has_the_published_parameter_counts() -> None:
    config = preset("paper")
    talker = build_talker(config)
    assert millions(talker.embedder) == pytest.approx(14.83, rel=0.01)
    assert millions(talker.generator) == pytest.approx(37.91, rel=0.01)
    assert millions(Discriminator(config)) == pytest.approx(19.54, rel=0.01)
    assert talker.generator.projection.bias.numel() == 13_056


@pytest.mark.parametrize(
    "config", [SMALL_PAPER, replace(SMALL_PAPER, attention=True), SMALL_HYBRID], ids=repr
)
@pytest.mark.parametrize("shots", [1, 3])
def test_a_frame_is_a_picture_and_every_weight_learns(config: ModelConfig, shots: int) -> None:
    talker = build_talker(config)
    person, frame = talker(*episode(config, shots=shots))
    for picture in (frame.result, frame.warped, frame.synthesis):
        assert picture.shape == (2, 3, config.size, config.size)
        assert picture.abs().max() < 1.2
    assert person.embedding.shape == (2, config.embedding)
    assert torch.allclose(frame.confidence.sum(dim=1), torch.ones_like(frame.confidence[:, 0]))
    frame.result.square().mean().backward()
    # Softmax over one source is constant, and zero-begun layers block what lies before them at first.
    silent = {name for name, p in talker.named_parameters() if p.grad is None}
    assert not silent


@pytest.mark.parametrize("config", [SMALL_PAPER, SMALL_HYBRID], ids=["paper", "hybrid"])
def test_the_order_of_the_photos_does_not_matter(config: ModelConfig) -> None:
    talker = build_talker(config).eval()
    photos, drawings, drawing, flow, layers = episode(config)
    photos_r, drawings_r, flow_r, layers_r = (x.flip(1) for x in (photos, drawings, flow, layers))
    with torch.no_grad():
        one = talker(photos, drawings, drawing, flow, layers)
        other = talker(photos_r, drawings_r, drawing, flow_r, layers_r)
    assert torch.allclose(one[0].embedding, other[0].embedding, atol=1e-4)
    assert torch.allclose(one[1].result, other[1].result, atol=1e-4)


@pytest.mark.parametrize("config", [SMALL_PAPER, SMALL_HYBRID], ids=["paper", "hybrid"])
def test_folding_spectral_norm_changes_no_pixel(config: ModelConfig) -> None:
    talker = build_talker(config).eval()
    with torch.no_grad():
        before = talker(*episode(config))[1].result
        fold_spectral_norm(talker)
        after = talker(*episode(config))[1].result
    assert torch.allclose(before, after, atol=1e-5)
    assert not any("parametrizations" in name for name in talker.state_dict())


def test_an_untrained_hybrid_shows_nearly_what_the_mesh_guessed() -> None:
    talker = build_talker(SMALL_HYBRID).eval()
    photos, drawings, drawing, flow, layers = episode(SMALL_HYBRID, shots=1)
    with torch.no_grad():
        frame = talker(photos, drawings, drawing, flow, layers)[1]
    assert (frame.flow - flow).abs().max() < 0.06 * flow.abs().max()
    moved = laid_over(warp(photos[:, 0], frame.flow[:, 0]), layers[:, 0])
    assert torch.allclose(frame.warped, moved, atol=1e-5)
    still = talker(photos, drawings, drawing, torch.zeros_like(flow), torch.zeros_like(layers))[1]
    assert torch.allclose(still.warped, photos[:, 0], atol=0.05)


def test_painting_shows_only_where_it_may_and_a_painted_picture_everywhere() -> None:
    with torch.no_grad():
        given = episode(SMALL_HYBRID, shots=2)
        hybrid = build_talker(SMALL_HYBRID).eval()
        free, nowhere = hybrid(*given)[1], hybrid(*given, torch.zeros(1, 1, 1, 1))[1]
        everywhere = hybrid(*given, torch.ones(1, 1, 1, 1))[1]
        given = episode(SMALL_PAPER, shots=2)
        paper = build_talker(SMALL_PAPER).eval()
        assert torch.equal(paper(*given)[1].result, paper(*given, torch.zeros(1, 1, 1, 1))[1].result)
    assert torch.equal(nowhere.result, nowhere.warped)
    assert torch.allclose(everywhere.result, free.result, atol=1e-6)
    assert not torch.equal(free.result, free.warped)


def test_no_flow_reads_every_pixel_where_it_is() -> None:
    picture = torch.rand(1, 3, 64, 64)
    assert torch.allclose(warp(picture, torch.zeros(1, 16, 16, 2)), picture, atol=1e-4)


def test_a_flow_of_one_pixel_reads_the_neighbour() -> None:
    picture = torch.rand(1, 3, 64, 64)
    flow = torch.zeros(1, 16, 16, 2)
    flow[..., 0] = 2.0 / 64
    assert torch.allclose(warp(picture, flow)[..., :-1], picture[..., 1:], atol=1e-4)


def test_the_projection_discriminator_scores_the_person_apart_from_realism() -> None:
    config = SMALL_HYBRID
    judge = Discriminator(config).eval()
    pictures, drawings = episode(config)[0][:, 0], episode(config)[1][:, 0]
    rows = torch.randn(2, config.embedding)
    plain, features = judge(pictures, drawings, torch.zeros_like(rows))
    once, twice = judge(pictures, drawings, rows)[0], judge(pictures, drawings, 2 * rows)[0]
    assert torch.allclose(twice - once, once - plain, atol=1e-3)
    assert len(features) == len(judge.blocks)


def test_the_identity_table_learns_only_the_rows_it_was_asked_for() -> None:
    table = IdentityTable(1000, 16)
    table(torch.tensor([3, 7])).sum().backward()
    gradient = table.rows.weight.grad
    assert gradient is not None
    assert gradient.is_sparse
    assert gradient.coalesce().indices().flatten().tolist() == [3, 7]


def test_attention_begins_as_the_identity() -> None:
    torch.manual_seed(1)
    with_attention = build_talker(replace(SMALL_PAPER, attention=True)).eval()
    without = build_talker(SMALL_PAPER).eval()
    assert millions(with_attention) > millions(without)
    inputs = episode(SMALL_PAPER)
    with torch.no_grad():
        before = with_attention(*inputs)[1].result
        with_attention.generator.attention.gain.fill_(1.0)
        after = with_attention(*inputs)[1].result
    assert not torch.allclose(before, after)


def test_configs_round_trip_and_unknown_keys_are_named() -> None:
    for name in ("paper", "hybrid"):
        config = preset(name)
        assert ModelConfig.from_json(config.to_json()) == config
    with pytest.raises(ModelError, match="chanels"):
        ModelConfig.from_json({"chanels": 3})
    with pytest.raises(ModelError, match="sketch"):
        ModelConfig.from_json({"preset": "sketch"})
    with pytest.raises(ModelError, match="power of two"):
        ModelConfig.from_json({"size": 250})


def test_the_same_seed_gives_the_same_networks() -> None:
    weights = []
    for _ in range(2):
        torch.manual_seed(5)
        weights.append(build_talker(SMALL_HYBRID).state_dict())
    for name, value in weights[0].items():
        assert np.array_equal(value.numpy(), weights[1][name].numpy()), name


def test_a_doubling_convolution_is_doubling_joining_and_convolving() -> None:
    layer = DoublingConv(5, 3, 4)
    small, beside = torch.randn(2, 5, 6, 7), torch.randn(2, 3, 12, 14)
    doubled = F.interpolate(small, scale_factor=2.0, mode="nearest")
    wanted = F.conv2d(torch.cat([doubled, beside], dim=1), layer.weight, layer.bias, padding=1)
    assert torch.allclose(layer(small, beside), wanted, atol=1e-5)
    wanted.square().sum().backward()
    plain = layer.weight.grad.clone()
    layer.weight.grad = None
    layer(small, beside).square().sum().backward()
    assert torch.allclose(layer.weight.grad, plain, rtol=1e-3, atol=1e-3)
