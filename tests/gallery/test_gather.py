"""Photos, folders and videos of a drawn person become one portrait and its lenders."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.synthetic_face import draw_face
from tests.videos import write_video

from enliven.assets import builtin_photo
from enliven.errors import FaceError, MediaError
from enliven.face.crop import crop_for, take
from enliven.face.landmarker import MediaPipeLandmarker
from enliven.face.matte import matte_of
from enliven.gallery import look as look_module
from enliven.gallery.gather import MOST_LOOKED_AT, gather
from enliven.gallery.places import sights, sources_of, spread
from enliven.gallery.scene import at_square, scene_of
from enliven.media.image import read_photo
from enliven.settings import AnimateSettings
from enliven.types import Floats, Picture

SETTINGS = AnimateSettings()


def save(path: Path, picture: Picture) -> Path:
    cv2.imwrite(str(path), picture[..., ::-1])
    return path


@pytest.fixture(scope="module")
def astronaut() -> Picture:
    return read_photo(builtin_photo())


def changed(photo: Picture, gamma: float) -> Picture:
    return (255 * (photo / 255.0) ** gamma).astype(np.uint8)


class Colour:
    """Tells people apart by the blue of their pictures, so that tests can make strangers."""

    def describe(self, image: Picture, points: Floats) -> Floats:
        stranger = float(image[..., 2].mean() > 1.15 * image[..., 0].mean())
        return np.full(128, stranger, np.float32)


@pytest.fixture
def by_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look_module, "FaceDescriptor", Colour)


def blue(photo: Picture) -> Picture:
    return np.ascontiguousarray(np.stack([photo[..., 0] // 2, photo[..., 1] // 2, photo[..., 2]], axis=2))


def test_unusable_pictures_are_set_aside_with_the_reason(
    tmp_path: Path, astronaut: Picture, by_colour: None
) -> None:
    good = save(tmp_path / "good.png", astronaut)
    save(tmp_path / "soft.png", cv2.GaussianBlur(astronaut, (0, 0), 4))
    save(tmp_path / "tiny.png", cv2.resize(astronaut, (140, 140), interpolation=cv2.INTER_AREA))
    save(tmp_path / "wall.png", np.full((200, 200, 3), 90, np.uint8))
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    gallery = gather([good, tmp_path], SETTINGS)
    told = " ".join(gallery.notes)
    for name, reason in (
        ("soft", "blurred"),
        ("tiny", "too small"),
        ("wall", "no face"),
        ("broken", "cannot be read"),
    ):
        assert f"{name}." in told
        assert reason in told
    assert [shot.name for shot in gallery.shots] == ["good.png", f"{tmp_path.name}/good.png"]
    assert gallery.portrait.picture.shape == astronaut.shape


def test_when_nothing_is_usable_the_error_says_why(tmp_path: Path, by_colour: None) -> None:
    for number in range(2):
        save(tmp_path / f"{number}.png", np.full((100, 100, 3), 50 * number, np.uint8))
    with pytest.raises(FaceError, match=r"None of the 2 pictures can be used.*no face"):
        gather([tmp_path], SETTINGS)


def test_somebody_else_is_refused_by_name_and_allowed_on_wish(
    tmp_path: Path, astronaut: Picture, by_colour: None
) -> None:
    first = save(tmp_path / "alice.png", astronaut)
    second = save(tmp_path / "bob.png", blue(astronaut))
    with pytest.raises(FaceError, match=r"bob\.png shows somebody else than alice\.png.*--allow-mixed"):
        gather([first, second], SETTINGS)
    gallery = gather([first, second], AnimateSettings(allow_mixed=True))
    assert len(gallery.shots) == 2
    assert any("bob.png" in note and "--allow-mixed" in note for note in gallery.notes)


def test_where_nobody_can_tell_people_apart_it_is_said(
    tmp_path: Path, astronaut: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> None:
        from enliven.errors import MissingExtraError

        raise MissingExtraError("x", "evaluation")

    monkeypatch.setattr(look_module, "FaceDescriptor", missing)
    paths = [save(tmp_path / "a.png", astronaut), save(tmp_path / "b.png", blue(astronaut))]
    assert any("was not checked" in note for note in gather(paths, SETTINGS).notes)


def test_the_first_usable_photo_is_animated(tmp_path: Path, astronaut: Picture, by_colour: None) -> None:
    wall = save(tmp_path / "wall.png", np.full((200, 200, 3), 90, np.uint8))
    dark, plain = (
        save(tmp_path / "dark.png", changed(astronaut, 1.5)),
        save(tmp_path / "plain.png", astronaut),
    )
    gallery = gather([wall, dark, plain], SETTINGS)
    assert gallery.shots[0].name == "dark.png"
    assert np.abs(gallery.portrait.picture.astype(int) - changed(astronaut, 1.5)).max() == 0


def test_a_video_of_the_person_is_a_source_and_passers_by_are_left_out(
    tmp_path: Path, astronaut: Picture, by_colour: None
) -> None:
    frames = [changed(astronaut, 1.0 + 0.1 * n) for n in range(6)] + [blue(astronaut)] * 2
    gallery = gather([write_video(tmp_path / "me.mp4", frames)], SETTINGS)
    assert len(gallery.shots) == 6
    assert all(shot.name.startswith("me.mp4 at ") for shot in gallery.shots)
    assert any("2 because it shows somebody else" in note for note in gallery.notes)


def test_a_video_of_another_person_is_refused_by_its_name(
    tmp_path: Path, astronaut: Picture, by_colour: None
) -> None:
    photo = save(tmp_path / "alice.png", astronaut)
    other = write_video(tmp_path / "bob.mp4", [blue(astronaut)] * 3)
    with pytest.raises(FaceError, match=r"bob\.mp4 shows somebody else than alice\.png"):
        gather([photo, other], SETTINGS)


def test_of_five_thousand_pictures_an_even_part_is_looked_at(tmp_path: Path) -> None:
    for number in range(5000):
        (tmp_path / f"{number}.jpg").touch()
    (source,) = sources_of([tmp_path])
    assert len(source.photos) == 5000
    assert [photo.stem for photo in source.photos[:3]] == ["0", "1", "2"], "by number, not by letter"
    assert len(list(sights(source, MOST_LOOKED_AT))) == MOST_LOOKED_AT
    assert spread(5000, 3) == [0, 2500, 4999]


def test_a_folder_without_photos_and_a_missing_file_are_errors(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no photo in the folder"):
        gather([tmp_path], SETTINGS)
    with pytest.raises(MediaError, match="no such file"):
        gather([tmp_path / "gone.jpg", tmp_path], SETTINGS)


def test_one_photo_is_read_as_ever(tmp_path: Path) -> None:
    picture, _ = draw_face(300)
    path = save(tmp_path / "drawn.png", picture)
    gallery = gather([path], SETTINGS)
    assert gallery.notes == ()
    assert len(gallery.shots) == 1
    with MediaPipeLandmarker() as landmarker:
        (face,) = landmarker.detect(picture)
    assert np.abs(gallery.portrait.landmarks.xy - face.xy).max() < 1e-3


def test_frames_of_a_video_lie_where_the_animated_one_lies_and_photos_nobody_knows_where(
    tmp_path: Path, astronaut: Picture, by_colour: None
) -> None:
    moved = [np.roll(astronaut, 3 * n, axis=1) for n in range(4)]
    other = save(tmp_path / "other.png", changed(astronaut, 1.6))
    gallery = gather([write_video(tmp_path / "me.mp4", moved), other], SETTINGS)
    scene = scene_of(gallery)
    crop, views = scene.crop, scene.views
    assert len(gallery.shots) == 5
    assert len(views) == 3, "the animated frame itself and the photo are no further views"
    shifts = [float((view.points[:, 0] - gallery.portrait.landmarks.xy[:, 0]).mean()) for view in views]
    assert np.allclose(np.diff(sorted([0.0, *shifts])), 3.0, atol=1.0)
    own = take(gallery.portrait.picture, crop).astype(float)
    for view, shift in zip(views, shifts, strict=True):
        back = np.array([[1.0, 0.0, -round(shift / 3) * 3 / crop.to_picture.scale], [0.0, 1.0, 0.0]])
        shown, known = (cv2.warpAffine(each, back, own.shape[:2]) for each in (view.picture, view.known))
        assert known.mean() > 0.7
        assert np.abs(shown - own)[known > 0.99].mean() < 8.0


def test_a_scenes_shot_is_cut_out_again_at_the_animated_pictures_square(
    tmp_path: Path, astronaut: Picture, by_colour: None
) -> None:
    moved = [np.roll(astronaut, 9 * n, axis=1) for n in range(3)]
    gallery = gather([write_video(tmp_path / "me.mp4", moved)], SETTINGS)
    view = scene_of(gallery).views[0]
    shot = gallery.shots[1]
    assert shot.place is not None
    picture, points = at_square(gallery, shot, shot.place)
    assert 256 <= picture.shape[0] <= 512
    small = cv2.resize(picture, view.picture.shape[:2], interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(float) - view.picture)[view.known > 0.99].mean() < 4.0
    crop = crop_for(gallery.portrait.landmarks, size=picture.shape[0])
    assert np.abs(crop.to_picture.apply(points[:, :2]) - view.points[:, :2]).max() < 0.5


def test_outlines_of_a_scenes_pictures_go_with_the_person(
    tmp_path: Path, astronaut: Picture, by_colour: None
) -> None:
    moved = [np.roll(astronaut, 12 * n, axis=1) for n in range(3)]
    gallery = gather([write_video(tmp_path / "me.mp4", moved)], SETTINGS)
    portrait = gallery.portrait
    scene = scene_of(gallery, matte_of(portrait.picture, portrait.landmarks))
    assert scene.person is not None
    assert all(view.person is None for view in scene_of(gallery).views)
    for view in scene.views:
        assert view.person is not None
        shift = float((view.points[:, 0] - portrait.landmarks.xy[:, 0]).mean()) / scene.crop.to_picture.scale
        back = np.array([[1.0, 0.0, -shift], [0.0, 1.0, 0.0]])
        shown, known = (cv2.warpAffine(each, back, view.known.shape) for each in (view.person, view.known))
        assert np.abs(shown - scene.person)[known > 0.99].mean() < 0.1
