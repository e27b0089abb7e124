"""Stills of every kind people have, and colours that survive."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from enliven.errors import MediaError, OutputError
from enliven.media.image import read_photo, write_picture
from enliven.media.reader import open_video
from enliven.media.writer import check_output, open_writer
from enliven.types import Frame, Picture


def gradient(width: int = 40, height: int = 24) -> Picture:
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 5, y * 9, (x + y) * 3], axis=2).astype(np.uint8)


def test_exif_rotation_is_applied(tmp_path: Path) -> None:
    image = Image.fromarray(gradient())
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "phone.png", exif=exif)
    np.testing.assert_array_equal(read_photo(tmp_path / "phone.png"), np.rot90(gradient(), -1))


def test_alpha_lies_over_white(tmp_path: Path) -> None:
    rgba = np.dstack([gradient(), np.zeros((24, 40), np.uint8)])
    Image.fromarray(rgba).save(tmp_path / "alpha.png")
    assert (read_photo(tmp_path / "alpha.png") == 255).all()


def test_grey_16_bit_palette_and_cmyk_become_rgb(tmp_path: Path) -> None:
    grey = np.linspace(0, 65535, 24 * 40).reshape(24, 40).astype(np.uint16)
    Image.fromarray(grey).save(tmp_path / "deep.png")
    deep = read_photo(tmp_path / "deep.png")
    assert deep.shape == (24, 40, 3)
    assert np.abs(deep[..., 0].astype(float) - grey / 257).max() <= 1
    Image.fromarray(gradient()).convert("P").save(tmp_path / "palette.png")
    Image.fromarray(gradient()).convert("CMYK").save(tmp_path / "cmyk.jpg")
    Image.fromarray(gradient()[..., 0]).save(tmp_path / "grey.png")
    for name in ("palette.png", "cmyk.jpg", "grey.png"):
        assert read_photo(tmp_path / name).shape == (24, 40, 3)


def test_a_picture_written_is_read_back(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png", gradient())
    np.testing.assert_array_equal(read_photo(tmp_path / "a.png"), gradient())
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize("colour", [(200, 40, 40), (30, 180, 60), (50, 60, 210), (128, 128, 128)])
def test_colours_survive_the_codec(tmp_path: Path, colour: tuple[int, int, int]) -> None:
    image = np.full((64, 64, 3), colour, np.uint8)
    with open_writer(tmp_path / "c.mp4", size_wh=(64, 64), rate=Fraction(25)) as writer:
        writer.write(Frame(image, Fraction(0)))
    with open_video(tmp_path / "c.mp4") as reader:
        back = next(iter(reader)).image
    assert np.abs(back.astype(float).mean(axis=(0, 1)) - colour).max() < 2.5


def test_odd_sizes_are_made_even_and_told(tmp_path: Path) -> None:
    with open_writer(tmp_path / "odd.mp4", size_wh=(65, 47), rate=Fraction(25)) as writer:
        writer.write(Frame(gradient(65, 47), Fraction(0)))
        assert writer.size_wh == (66, 48)
        assert "66 x 48" in writer.notes[0]
    with open_video(tmp_path / "odd.mp4") as reader:
        assert reader.info.size_wh == (66, 48)


@contextlib.contextmanager
def open_stopped(path: Path) -> Iterator[None]:
    """A writer that is left by an exception after one frame."""
    with open_writer(path, size_wh=(64, 64), rate=None) as writer:
        writer.write(Frame(np.zeros((64, 64, 3), np.uint8), Fraction(0)))
        yield
        raise ValueError("times must rise")


def test_an_exception_leaves_nothing_behind(tmp_path: Path) -> None:
    for name in ("a.mp4", "a.webm", "a.gif", "frames"):
        with pytest.raises(ValueError, match="rise"), open_stopped(tmp_path / name):
            pass
    assert list(tmp_path.iterdir()) == []


def test_an_output_folder_with_other_things_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(OutputError, match="other things"):
        check_output(tmp_path / "mine", overwrite=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_refused_early(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="may not"):
        check_output(tmp_path / "a.mp4", overwrite=False)


def test_images_of_a_folder_must_have_one_size_and_sort_by_number(tmp_path: Path) -> None:
    for number in (10, 2, 1):
        Image.fromarray(np.full((20, 20, 3), number * 10, np.uint8)).save(tmp_path / f"f{number}.png")
    with open_video(tmp_path) as reader:
        assert [int(frame.image[0, 0, 0]) for frame in reader] == [10, 20, 100]
    Image.fromarray(gradient()).save(tmp_path / "f3.png")
    with open_video(tmp_path) as reader, pytest.raises(MediaError, match=r"f3\.png"):
        list(reader)


def test_an_animated_gif_keeps_its_durations(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (32, 32), (60 * i, 10, 10)) for i in range(3)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=[40, 200, 70])
    with open_video(tmp_path / "a.gif") as reader:
        assert [frame.time for frame in reader] == [Fraction(0), Fraction(40, 1000), Fraction(240, 1000)]
