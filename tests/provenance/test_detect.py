"""Judging faces: the shipped network, pooling, sampling, pictures, words and the command."""

from __future__ import annotations

import csv
import itertools
import json
import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from enliven.apps.cli.detect import detect as detect_command
from enliven.assets import builtin_photo
from enliven.errors import EnlivenError, FaceError, MediaError, OutputError, ProvenanceError, UsageError
from enliven.geometry import Box
from enliven.media.image import read_photo, write_picture
from enliven.provenance.detect import (
    CAVEAT,
    LIKELY,
    UNLIKELY,
    Detection,
    FaceJudgement,
    Judged,
    detect,
    per_second,
    sigmoid,
)
from enliven.provenance.detect_faces import MOST_LOOKS, _People, interval_of, is_photo, look_at_photo
from enliven.provenance.detect_model import CROP_SIZE, MAP_SIZE, DetectionModel
from enliven.provenance.detect_picture import curve, heat_map, write_curve, write_heat_map
from enliven.types import Picture

app = typer.Typer()
app.command()(detect_command)
FORBIDDEN = "pro" + "of"


def run(*words: str | Path) -> tuple[int, str]:
    """The command's exit code, as `enliven` would give it, and its output or message."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    if isinstance(result.exception, EnlivenError):
        return result.exception.exit_code, str(result.exception)
    return result.exit_code, result.output


@pytest.fixture(scope="module")
def model() -> DetectionModel:
    return DetectionModel()


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two and a half seconds of the built-in photo, sliding and breathing."""
    photo = cv2.resize(read_photo(builtin_photo()), (320, 320), interpolation=cv2.INTER_AREA)
    path = tmp_path_factory.mktemp("detect") / "video.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"crf": "20"})
        stream.width = stream.height = 320
        stream.pix_fmt = "yuv420p"
        for n in range(25):
            grow = 1 + 0.02 * math.sin(n / 3)
            matrix = np.array([[grow, 0, n / 3.0], [0, grow, 0.0]])
            picture = cv2.warpAffine(photo, matrix, (320, 320), borderMode=cv2.BORDER_REPLICATE)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def judged(video: Path, model: DetectionModel) -> Detection:
    return detect(video, model=model)


# The network


def test_the_shipped_network_is_small() -> None:
    from enliven.provenance.detect_model import _shipped

    assert len(_shipped()) < 3_000_000


def test_the_map_covers_the_crop_with_finite_numbers(model: DetectionModel) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (CROP_SIZE, CROP_SIZE, 3), np.uint8)
    for crop in (noise, np.zeros_like(noise), np.full_like(noise, 255)):
        evidence = model.judge(crop)
        assert evidence.shape == (MAP_SIZE, MAP_SIZE)
        assert np.isfinite(evidence).all()


def test_a_judgement_depends_on_the_crop_alone(model: DetectionModel) -> None:
    one = np.random.default_rng(1).integers(0, 256, (CROP_SIZE, CROP_SIZE, 3), np.uint8)
    first = model.judge(one).copy()
    model.judge(255 - one)
    np.testing.assert_array_equal(model.judge(one), first)


def test_a_crop_of_another_size_is_refused(model: DetectionModel) -> None:
    with pytest.raises(ValueError, match="192"):
        model.judge(np.zeros((64, 64, 3), np.uint8))


def test_damaged_weights_are_named() -> None:
    with pytest.raises(ProvenanceError, match="damaged"):
        DetectionModel(b"no network")


# Pooling


@given(st.floats(-1e6, 1e6))
def test_probabilities_lie_between_0_and_1_and_mirror(logit: float) -> None:
    assert 0.0 < sigmoid(logit) < 1.0
    assert sigmoid(logit) + sigmoid(-logit) == pytest.approx(1.0)


LOOKS = st.lists(
    st.builds(Judged, st.fractions(0, 20, max_denominator=30), st.floats(-9, 9)), min_size=1, max_size=30
).map(tuple)


def face_of(looks: tuple[Judged, ...], number: int = 0, logit: float = 0.0) -> FaceJudgement:
    crop = np.full((CROP_SIZE, CROP_SIZE, 3), 90, np.uint8)
    evidence = np.full((MAP_SIZE, MAP_SIZE), logit, np.float32)
    return FaceJudgement(number, looks, Box(0, 0, 100, 100), crop, evidence)


def detection_of(*faces: FaceJudgement, photo: bool = False) -> Detection:
    return Detection(Path("x"), photo, faces, 3, 0, Fraction(1, 5), "abc")


@given(LOOKS)
def test_a_face_is_as_suspect_as_its_seconds_on_average(looks: tuple[Judged, ...]) -> None:
    seconds, face = per_second(looks), face_of(looks)
    assert sum(second.looks for second in seconds) == len(looks)
    assert [s.second for s in seconds] == sorted({math.floor(look.time) for look in looks})
    lowest, highest = min(s.probability for s in seconds), max(s.probability for s in seconds)
    assert lowest - 1e-9 <= face.probability <= highest + 1e-9


@given(LOOKS)
def test_many_alike_looks_do_not_make_a_face_more_certain(looks: tuple[Judged, ...]) -> None:
    assert face_of(looks * 3).probability == pytest.approx(face_of(looks).probability)


def test_one_made_face_makes_the_file_suspect() -> None:
    calm, made = face_of((Judged(Fraction(0), -4.0),), 0), face_of((Judged(Fraction(0), 3.0),), 1)
    assert detection_of(calm, made).probability == made.probability
    assert "At least one face" in detection_of(calm, made).sentence()


@pytest.mark.parametrize(
    ("probability", "verdict"),
    [(LIKELY, "looks made"), (UNLIKELY, "nothing noticed"), (0.5, "undecided"), (0.99, "looks made")],
)
def test_verdicts_change_at_their_thresholds(probability: float, verdict: str) -> None:
    logit = math.log(probability / (1 - probability)) + (1e-9 if probability > 0.5 else -1e-9)
    assert detection_of(face_of((Judged(Fraction(0), logit),))).verdict == verdict


# Words


@pytest.mark.parametrize("logit", [-3.0, 0.0, 3.0])
def test_the_words_promise_nothing(logit: float) -> None:
    found = detection_of(face_of((Judged(Fraction(0), logit),)))
    assert "estimated probability" in found.sentence()
    assert "estimate" in CAVEAT
    assert "mislead it either way" in CAVEAT
    assert FORBIDDEN not in json.dumps(found.facts()).lower()


def test_no_text_of_detection_uses_the_forbidden_word() -> None:
    root = Path(__file__).parents[2]
    files = [*root.glob("src/enliven/provenance/detect*.py"), *root.glob("src/enliven/apps/cli/detect*.py")]
    files.append(root / "docs" / "detection.md")
    assert len(files) >= 6
    for file in files:
        assert FORBIDDEN not in file.read_text().lower(), file


# Faces and sampling


def test_the_built_in_photo_has_one_crop_of_the_face() -> None:
    look = look_at_photo(builtin_photo(), every_face=True)
    assert [face.number for face in look.faces] == [0]
    assert look.faces[0].crop.shape == (CROP_SIZE, CROP_SIZE, 3)


def test_a_video_is_looked_at_five_times_a_second(judged: Detection) -> None:
    assert judged.interval == Fraction(1, 5)
    assert judged.looks == pytest.approx(13, abs=1)
    times = [look.time for look in judged.faces[0].looks]
    assert all(0.15 < float(b - a) < 0.45 for a, b in itertools.pairwise(times))


def test_every_face_and_the_main_face_agree_on_a_video_of_one(video: Path, judged: Detection) -> None:
    every = detect(video, every_face=True)
    assert len(every.faces) == 1
    assert every.probability == pytest.approx(judged.probability, abs=0.1)


def test_long_videos_are_looked_at_less_often(monkeypatch: pytest.MonkeyPatch, video: Path) -> None:
    from enliven.media.file_reader import FileReader

    interval, length = interval_of(video)
    assert interval == Fraction(1, 5)
    assert length == Fraction(5, 2)
    made = FileReader.__init__

    def two_hours(self: FileReader, *words: object) -> None:
        made(self, *words)  # type: ignore[arg-type]
        object.__setattr__(self.info, "duration", Fraction(7200))

    monkeypatch.setattr(FileReader, "__init__", two_hours)
    assert 7200 / interval_of(video)[0] == MOST_LOOKS


def test_people_keep_their_numbers_until_a_cut() -> None:
    people = _People()
    left, right = Box(0, 0, 10, 10), Box(50, 0, 60, 10)
    assert people.numbers([left, right]) == [0, 1]
    assert people.numbers([Box(51, 0, 61, 10), Box(1, 0, 11, 10)]) == [1, 0]
    assert people.numbers([Box(20, 20, 30, 30), left]) == [2, 0]
    people.leave()
    assert people.numbers([left]) == [3]


def test_photos_and_videos_are_told_apart_by_content(video: Path, tmp_path: Path) -> None:
    assert is_photo(builtin_photo())
    assert not is_photo(video)
    assert not is_photo(tmp_path)
    disguised = tmp_path / "photo.jpg"
    disguised.write_bytes(video.read_bytes())
    with pytest.raises(MediaError):
        detect(disguised)


# Results to look at


def test_the_heat_map_is_red_where_the_evidence_is(tmp_path: Path) -> None:
    face = face_of((Judged(Fraction(0), 1.0),), logit=-6.0)
    face.evidence[:6, :6] = 6.0
    picture = heat_map(face).astype(int)
    assert picture.shape == (384, 768, 3)
    corner, opposite = picture[40, 384 + 40], picture[330, 384 + 330]
    assert corner[0] > corner[2] + 40
    assert opposite[2] > opposite[0] + 40


def test_the_curve_has_a_place_for_every_second(judged: Detection) -> None:
    seconds = judged.faces[0].seconds()
    assert [s.second for s in seconds] == [0, 1, 2]
    drawn = curve(judged)
    assert drawn.shape == (320, 960, 3)
    assert (drawn != 255).any(axis=2)[20:280, 60:].sum() > 500


def test_results_are_written_whole_and_not_over_others(judged: Detection, tmp_path: Path) -> None:
    write_heat_map(tmp_path / "map.png", judged)
    assert read_photo(tmp_path / "map.png").shape == (384 + 44, 768, 3)
    write_curve(tmp_path / "curve.csv", judged)
    with (tmp_path / "curve.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["second"]) for row in rows] == [0, 1, 2]
    assert all(0 <= float(row["probability"]) <= 1 for row in rows)
    with pytest.raises(OutputError, match="--overwrite"):
        write_curve(tmp_path / "curve.csv", judged)
    write_curve(tmp_path / "curve.csv", judged, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["curve.csv", "map.png"]


def test_a_photo_has_no_curve(tmp_path: Path) -> None:
    photo = detection_of(face_of((Judged(Fraction(0), 0.0),)), photo=True)
    with pytest.raises(UsageError, match="video"):
        write_curve(tmp_path / "curve.png", photo)


# The command


def test_the_command_judges_a_photo_and_says_what_it_cannot_tell() -> None:
    code, output = run(builtin_photo())
    assert code == 0
    assert "estimated probability" in output
    assert CAVEAT in output.replace("\n", " ").replace("  ", " ") or CAVEAT in output
    assert FORBIDDEN not in output.lower()


def test_the_command_gives_json_map_and_curve_of_a_video(video: Path, tmp_path: Path) -> None:
    code, output = run(video, "--json", "--heat-map", tmp_path / "m.png", "--curve", tmp_path / "c.png")
    assert code == 0
    facts = json.loads(output)
    assert facts["kind"] == "video"
    assert 0.0 < facts["probability"] < 1.0
    assert facts["probability"] == facts["faces"][0]["probability"]
    assert [s["second"] for s in facts["faces"][0]["seconds"]] == [0, 1, 2]
    assert (tmp_path / "m.png").exists()
    assert (tmp_path / "c.png").exists()


def noise(size: int) -> Picture:
    return np.random.default_rng(2).integers(0, 256, (size, size, 3), np.uint8)


@pytest.fixture
def bad_files(tmp_path: Path) -> Iterator[dict[str, Path]]:
    write_picture(tmp_path / "noise.png", noise(200))
    write_picture(tmp_path / "tiny.png", noise(4))
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 nothing")
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "text.mp4").write_text("no video")
    return {path.name: path for path in tmp_path.iterdir()}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("noise.png", "No face was found"),
        ("tiny.png", "No face was found"),
        ("broken.jpg", "broken.jpg"),
        ("empty.mp4", "empty"),
        ("text.mp4", "text.mp4"),
    ],
)
def test_bad_input_ends_with_one_sentence_and_code_1(
    bad_files: dict[str, Path], name: str, said: str
) -> None:
    code, message = run(bad_files[name])
    assert code == 1
    assert said in message


def test_a_missing_file_ends_with_code_1(tmp_path: Path) -> None:
    assert run(tmp_path / "nothing.mp4")[0] == 1


def test_contradictions_end_with_code_2(tmp_path: Path) -> None:
    assert run(builtin_photo(), "--curve", tmp_path / "c.png")[0] == 2
    assert run(builtin_photo(), "--heat-map", tmp_path / "map.gif")[0] == 2
    assert run(builtin_photo(), "--nonsense")[0] == 2
    assert list(tmp_path.iterdir()) == []


def test_a_face_that_never_comes_is_said_with_the_number_of_looks(tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for n in range(3):
        write_picture(folder / f"{n:03d}.png", noise(64))
    with pytest.raises(FaceError, match="frames of"):
        detect(folder)
