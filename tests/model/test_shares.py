"""Soft alphas: whole beside the outline, nothing beyond it."""

from __future__ import annotations

import numpy as np

from enliven.model.mesh_flow import closed_mesh
from enliven.model.shares import soft_alpha, softness, window_around
from enliven.topology import mean_shape


def test_a_triangle_at_the_outline_shows_its_whole_share() -> None:
    labels = np.full((90, 120), -1, np.int32)
    labels[:, 20:100] = 0
    labels[:, 50:100] = 1
    alpha = soft_alpha(np.array([0.8, 0.0], np.float32), labels, 4.0)
    np.testing.assert_allclose(alpha[10:80, 22:30], 0.8, atol=0.01)
    assert 0.3 < alpha[45, 49] < 0.5
    np.testing.assert_allclose(alpha[:, 70:], 0.0, atol=1e-3)
    np.testing.assert_array_equal(alpha[:, :20], 0.0)
    fading = soft_alpha(np.array([0.8, 0.0], np.float32), labels, 4.0, fading=True)
    assert fading[45, 22] < 0.65 < fading[45, 32]


def test_a_window_holds_all_that_its_triangles_and_their_edges_touch() -> None:
    size = 256
    target = np.asarray(mean_shape() * 40 + [128, 128, 0], np.float32)
    wanted = np.zeros(len(closed_mesh()), bool)
    wanted[5] = True
    x0, y0, x1, y1 = window_around(target, wanted, size)
    corners = target[closed_mesh()[5], :2]
    reach = 3 * softness(size)
    assert (corners.min(axis=0) - reach >= [x0, y0]).all()
    assert (corners.max(axis=0) + reach <= [x1, y1]).all()
    wider = window_around(target, wanted, size, 2)
    assert wider == (x0 - 2, y0 - 2, x1 + 2, y1 + 2)
