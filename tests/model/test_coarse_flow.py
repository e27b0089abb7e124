"""The flow carries each landmark to its place, and knows affine moves exactly."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.synthetic_face import draw_face

from enliven.model.coarse_flow import FLOW_POINTS, CoarseFlow, normalised
from enliven.model.hybrid import warp
from enliven.topology import mean_shape

SIZE = 128
FLOW = CoarseFlow(SIZE)


def face() -> torch.Tensor:
    """(478, 2) crop pixels."""
    return torch.from_numpy(mean_shape()[:, :2] * (0.22 * SIZE) + SIZE / 2).float()


@settings(max_examples=20, deadline=None)
@given(st.floats(-0.5, 0.5), st.floats(0.7, 1.4), st.floats(-20, 20), st.floats(-20, 20))
def test_an_affine_move_is_followed_exactly_everywhere(
    angle: float, scale: float, x: float, y: float
) -> None:
    target = face()
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    turn = torch.tensor([[c, s], [-s, c]], dtype=torch.float32)
    shift = torch.tensor([x, y], dtype=torch.float32)
    source = (target - SIZE / 2) @ turn + SIZE / 2 + shift
    flow = FLOW(source[None, None], target[None])[0, 0]  # (g, g, 2)
    places = (FLOW.grid + flow).flatten(0, 1)
    pixels = ((FLOW.grid + 1) * SIZE - 1) / 2
    expected = normalised((pixels.flatten(0, 1) - SIZE / 2) @ turn + SIZE / 2 + shift, SIZE)
    assert torch.allclose(places, expected, atol=2e-3)


def test_moved_lips_arrive_within_a_pixel_or_so() -> None:
    _, still = draw_face(SIZE)
    _, spoken = draw_face(SIZE, mouth_open=0.6, yaw_deg=8.0, smile=0.5)
    source, target = (torch.from_numpy(p[:, :2].astype(np.float32)) for p in (still, spoken))
    flow = FLOW(source[None, None], target[None])[0]  # (1, g, g, 2)
    at = normalised(target[list(FLOW_POINTS)], SIZE)[None, None]
    moved = torch.nn.functional.grid_sample(flow.permute(0, 3, 1, 2), at, align_corners=False)[0, :, 0].T
    reached = (at[0, 0] + moved + 1) * SIZE / 2 - 0.5
    before = (target - source)[list(FLOW_POINTS)].norm(dim=1)
    after = (reached - source[list(FLOW_POINTS)]).norm(dim=1)
    assert before.max() > 6.0
    assert after.mean() < 1.0


def test_several_photos_are_the_same_as_each_alone() -> None:
    sources = torch.stack([face() + 3.0, face() * 1.1, face().flip(0)])
    together = FLOW(sources[None], face()[None])[0]
    for k, source in enumerate(sources):
        assert torch.allclose(FLOW(source[None, None], face()[None])[0, 0], together[k], atol=1e-4)


def test_no_flow_reads_every_pixel_where_it_is() -> None:
    picture = torch.rand(1, 3, SIZE, SIZE)
    assert torch.allclose(warp(picture, torch.zeros(1, 32, 32, 2)), picture, atol=1e-4)


def test_a_flow_of_one_pixel_reads_the_neighbour() -> None:
    picture = torch.rand(1, 3, SIZE, SIZE)
    flow = torch.zeros(1, 32, 32, 2)
    flow[..., 0] = 2.0 / SIZE
    assert torch.allclose(warp(picture, flow)[..., :-1], picture[..., 1:], atol=1e-4)
