"""Each loss is zero for the truth, grows with the error, and lets the gradient through to the picture."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from enliven.training import losses

TARGET = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1
EVEN = torch.ones(2, 1, 64, 64)
BOXES = torch.tensor([[0.1, 0.0, 0.4], [-0.2, 0.1, 0.3]])

PICTURE_LOSSES: dict[str, Callable[[Tensor], Tensor]] = {
    "pixels": lambda x: losses.pixels(x, TARGET, EVEN),
    "weighed_l1": lambda x: losses.weighed_l1(x, TARGET, EVEN),
    "crop_of": lambda x: losses.crop_of(x, TARGET, BOXES),
}


@pytest.mark.parametrize("name", PICTURE_LOSSES)
def test_picture_losses_vanish_for_the_truth_and_grow_with_the_error(name: str) -> None:
    loss = PICTURE_LOSSES[name]
    assert float(loss(TARGET)) == pytest.approx(0.0, abs=1e-6)
    values = [float(loss(TARGET + error)) for error in (0.1, 0.2, 0.4)]
    assert values == sorted(values)
    assert values[1] == pytest.approx(2 * values[0], rel=0.01)
    picture = (TARGET + 0.1).requires_grad_()
    loss(picture).backward()
    assert picture.grad is not None
    assert picture.grad.abs().sum() > 0


def test_importance_counts_as_many_times_as_it_says() -> None:
    heavy = EVEN.clone()
    heavy[..., :32] = 5.0
    wrong_left, wrong_right = TARGET.clone(), TARGET.clone()
    wrong_left[..., :32] += 0.3
    wrong_right[..., 32:] += 0.3
    left, right = (losses.weighed_l1(x, TARGET, heavy) for x in (wrong_left, wrong_right))
    assert float(left / right) == pytest.approx(5.0, rel=1e-4)


def test_a_crop_sees_only_what_is_inside() -> None:
    wrong = TARGET.clone()
    wrong[..., :2] += 1.0
    assert float(losses.crop_of(wrong, TARGET, torch.tensor([[0.5, 0.0, 0.3]] * 2))) == pytest.approx(
        0.0, abs=1e-6
    )


def test_cutting_the_whole_picture_at_its_own_size_changes_nothing() -> None:
    whole = torch.tensor([[0.0, 0.0, 1.0]] * 2)
    assert torch.allclose(losses.cut(TARGET, whole, 64), TARGET, atol=1e-4)


def test_hinge_losses_are_two_and_nothing_at_chance_and_at_certainty() -> None:
    undecided, sure = torch.zeros(4), torch.full((4,), 3.0)
    assert float(losses.hinge_for_discriminator(undecided, undecided)) == 2.0
    assert float(losses.hinge_for_discriminator(sure, -sure)) == 0.0
    assert float(losses.hinge_for_generator(sure)) == -3.0


def test_match_moves_the_embedding_and_not_the_table() -> None:
    e, rows = torch.zeros(2, 8, requires_grad=True), torch.ones(2, 8, requires_grad=True)
    losses.match(e, rows).backward()
    assert e.grad is not None
    assert rows.grad is None


def test_feature_losses_know_relative_from_absolute() -> None:
    a, b = [torch.full((1, 2), 3.0)], [torch.full((1, 2), 2.0)]
    assert float(losses.relative_features(a, b)) == pytest.approx(0.5, rel=1e-4)
    assert float(losses.absolute_features(a * 3, b * 3)) == pytest.approx(3.0)
    assert float(losses.feature_matching(a * 3, b * 3)) == pytest.approx(1.0)
