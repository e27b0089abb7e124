"""The guess is the mesh engine's rendering, seen through a crop of any scale."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from tests.synthetic_face import draw_face

from enliven.geometry import Similarity
from enliven.model.guess import Guess, Guesser, GuessReader, grid_to_crop
from enliven.model.warp_engine import WarpEngine
from enliven.types import FaceCrop, Floats, Landmarks, Picture

SIZE = 128


def shown(photo: Picture, guess: Guess) -> Floats:
    """(S, S, 3) in [-1, 1]: the photo moved by the guess's flow, its layers on top."""
    size = photo.shape[0]
    flow = cv2.resize(guess.flow, (size, size), interpolation=cv2.INTER_LINEAR) * (size / 2)
    at = np.stack(np.meshgrid(np.arange(size), np.arange(size)), axis=-1).astype(np.float32) + flow
    moved = cv2.remap(photo, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    rgb, alpha = guess.layers[:3].transpose(1, 2, 0), guess.layers[3][..., None]
    return (moved / 127.5 - 1.0) * (1.0 - alpha) + rgb


def test_a_face_driven_by_itself_is_not_moved() -> None:
    photo, points = draw_face(SIZE)
    assert np.abs(Guesser(photo, points).guess(points).flow).max() < 0.2 * 2 / SIZE


def test_the_guess_comes_closer_to_the_truth_than_the_photo() -> None:
    photo, points = draw_face(SIZE)
    truth, target = draw_face(SIZE, yaw_deg=12.0, mouth_open=0.5)
    wanted = truth / 127.5 - 1.0
    guessed = np.abs(shown(photo, Guesser(photo, points).guess(target)) - wanted).mean()
    assert guessed < 0.7 * np.abs(photo / 127.5 - 1.0 - wanted).mean()


@pytest.mark.parametrize("factor", [2, 3])
def test_a_larger_photo_seen_through_its_crop_gives_the_same_guess(factor: int) -> None:
    photo, points = draw_face(SIZE)
    _, target = draw_face(SIZE, yaw_deg=10.0, mouth_open=0.4)
    large = np.repeat(np.repeat(photo, factor, axis=0), factor, axis=1)
    grow = Similarity(float(factor), 0.0, (factor / 2 - 0.5, factor / 2 - 0.5))
    side = (SIZE * factor, SIZE * factor)
    engine = WarpEngine(large, Landmarks(points.astype(np.float32), (SIZE, SIZE)).moved(grow, side))
    moved = Landmarks(target.astype(np.float32), (SIZE, SIZE)).moved(grow, side).points
    through = GuessReader(FaceCrop(grow, SIZE)).read(engine.render(moved))
    own = Guesser(photo, points).guess(target)
    assert np.abs(through.flow - own.flow).mean() * SIZE / 2 < 0.15
    assert np.abs(shown(photo, through) - shown(photo, own)).mean() < 0.03


def test_cells_of_the_grid_lie_between_their_pixels() -> None:
    assert np.allclose(grid_to_crop().apply(np.array([[0.0, 3.0]])), [[0.5, 6.5]])
