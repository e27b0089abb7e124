"""Building a databank: from drawn videos that MediaPipe sees, with everything that can be wrong with them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from tests.synthetic_face import ANNA, BEN, Person, draw_face

from enliven.databank import build as build_module
from enliven.databank.bank import open_bank
from enliven.databank.build import Labour, build_bank
from enliven.databank.build_settings import BuildSettings
from enliven.databank.crew import OwnProcess
from enliven.databank.episodes import EpisodeSettings, EpisodeStream
from enliven.databank.follow import thinned
from enliven.databank.judge import BLURRED, CUT_OFF, NO_FACE, NOT_LISTED, SEVERAL, STILL, TOO_SHORT, TOO_SMALL
from enliven.databank.process import Outcome, marker_of, process_video
from enliven.databank.sources import IdentityTable, SourceVideo, find_videos
from enliven.errors import DatabankError
from enliven.types import Frame, Picture

SIZE = 200
HERE = Labour(workers=0)
FEW = BuildSettings(size=128, min_frames=6, least_sharpness=0.0)


def talking(
    person: Person = ANNA, frames: int = 8, scale: float = 34.0, *, x: float = 100.0
) -> list[Picture]:
    moments = np.linspace(0, 1, frames)
    return [
        draw_face(
            SIZE, (x + 4 * float(t), 100.0), scale, yaw_deg=12 * float(t), mouth_open=float(t), person=person
        )[0]
        for t in moments
    ]


def write_video(path: Path, images: list[Picture], rate: int = 25) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "12", "preset": "ultrafast"})
        stream.height, stream.width, stream.pix_fmt = *images[0].shape[:2], "yuv420p"
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """VoxCeleb2's layout: two people, three clips."""
    root = tmp_path_factory.mktemp("vox") / "mp4"
    write_video(root / "id00001" / "aaa" / "00001.mp4", talking())
    write_video(root / "id00001" / "bbb" / "00001.mp4", talking(x=90))
    write_video(root / "id00002" / "ccc" / "00001.mp4", talking(BEN))
    return root


@pytest.fixture(scope="module")
def bank(videos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("built") / "bank"
    build_bank([videos], path, FEW, HERE)
    return path


def dropped(tmp_path: Path, images: list[Picture], settings: BuildSettings = FEW) -> dict[str, int]:
    report = build_bank([write_video(tmp_path / "v.mp4", images)], tmp_path / "b", settings, HERE)
    assert report.shots == 0
    return report.dropped


def test_voxceleb_folders_become_people_and_shots(bank: Path) -> None:
    opened = open_bank(bank)
    assert opened.identities == ("id00001", "id00002")
    assert [entry.facts.frames for entry in opened.shots] == [8, 8, 8]
    sources = {entry.facts.source for entry in opened.shots}
    assert "mp4/id00001/aaa/00001.mp4" in sources
    assert all(entry.times() == tuple(Fraction(i, 25) for i in range(8)) for entry in opened.shots)


def test_landmarks_in_the_crop_lie_where_the_face_was_drawn(bank: Path) -> None:
    entry = next(e for e in open_bank(bank).shots if "aaa" in e.facts.source)
    _, true = draw_face(SIZE, (100.0, 100.0), 34.0, yaw_deg=0, mouth_open=0, person=ANNA)
    found, scale = entry.points()[0], entry.facts.face_px / entry.facts.source_face_px
    span_true, span_found = (np.ptp(p[:, :2], axis=0) for p in (true, found))
    assert np.allclose(span_found / scale, span_true, rtol=0.08)
    assert 1.5 < entry.facts.size / entry.facts.face_px < 2.3


def test_a_built_databank_makes_episodes(bank: Path) -> None:
    stream = EpisodeStream(bank, EpisodeSettings(size=64, batch=3, shots_max=4), seed=0)
    assert next(stream).target.shape == (3, 64, 64, 3)


def test_a_second_run_does_nothing_again(videos: Path, bank: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path: path.read_bytes() for path in (bank / "shards").iterdir()}
    monkeypatch.setattr(OwnProcess, "process", lambda self, videos: pytest.fail("a video was done twice"))
    report = build_bank([videos], bank, FEW, HERE)
    assert report.videos == report.shots == 3
    assert {path: path.read_bytes() for path in (bank / "shards").iterdir()} == before


def test_a_stopped_build_goes_on_where_it_was(
    videos: Path, bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = OwnProcess.process

    def stopping(self: OwnProcess, window: list[SourceVideo]) -> Iterator[Outcome]:
        yield from whole(self, window[:2])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(OwnProcess, "process", stopping)
        with pytest.raises(KeyboardInterrupt):
            build_bank([videos], tmp_path / "b", FEW, HERE)
    assert not list((tmp_path / "b" / "shards").iterdir())
    done: list[tuple[int, int, int]] = []
    build_bank([videos], tmp_path / "b", FEW, HERE, progress=lambda *count: done.append(count))
    assert done == [(1, 3, 0), (2, 3, 0), (3, 3, 1)]
    shots, expected = (open_bank(path).shots for path in (tmp_path / "b", bank))
    assert [entry.facts for entry in shots] == [entry.facts for entry in expected]


def test_broken_videos_are_listed_and_the_others_kept(tmp_path: Path) -> None:
    good = write_video(tmp_path / "v" / "good.mp4", talking())
    (tmp_path / "v" / "bad.mp4").write_bytes(b"this is no video")
    (tmp_path / "v" / "half.mp4").write_bytes(good.read_bytes()[:900])
    (tmp_path / "v" / "empty.mp4").touch()
    report = build_bank([tmp_path / "v"], tmp_path / "b", FEW, HERE)
    assert (report.videos, report.videos_kept, report.unreadable) == (4, 1, 3)
    listed = [json.loads(line) for line in (tmp_path / "b" / "problems.jsonl").read_text().splitlines()]
    assert {entry["video"] for entry in listed} == {"v/bad.mp4", "v/half.mp4", "v/empty.mp4"}
    assert json.loads((tmp_path / "b" / "report.json").read_text()) == report.to_json()


def test_too_short(tmp_path: Path) -> None:
    assert dropped(tmp_path, talking(frames=4)) == {TOO_SHORT: 1}


def test_too_small(tmp_path: Path) -> None:
    assert dropped(tmp_path, talking(), replace(FEW, least_face_px=150)) == {TOO_SMALL: 1}


def test_too_little_motion(tmp_path: Path) -> None:
    assert dropped(tmp_path, talking()[:1] * 8) == {STILL: 1}


def test_too_blurred(tmp_path: Path) -> None:
    soft = [cv2.GaussianBlur(image, (0, 0), 3) for image in talking()]
    assert dropped(tmp_path, soft, replace(FEW, size=256, least_sharpness=0.14)) == {BLURRED: 1}
    sharp = build_bank(
        [write_video(tmp_path / "s.mp4", talking())],
        tmp_path / "s",
        replace(FEW, size=256, least_sharpness=0.14),
        HERE,
    )
    assert sharp.shots == 1


def test_at_the_edge(tmp_path: Path) -> None:
    cut = [np.ascontiguousarray(image[:, 92:]) for image in talking(scale=46)]
    assert dropped(tmp_path, cut, replace(FEW, most_outside=0.02)) == {CUT_OFF: 1}


def test_nobody_there(tmp_path: Path) -> None:
    assert dropped(tmp_path, [np.full((SIZE, SIZE, 3), 90, np.uint8)] * 8) == {NO_FACE: 1}


def test_several_faces(tmp_path: Path) -> None:
    pairs = []
    for t in np.linspace(0, 1, 8):
        first, _ = draw_face(300, (95.0 + 3 * float(t), 150), 27, mouth_open=float(t))
        pairs.append(draw_face(300, (215, 150), 24, person=BEN, onto=first)[0])
    wide = replace(FEW, size=256, crop_factor=3.4)
    assert dropped(tmp_path, pairs, wide) == {SEVERAL: 1}


def test_a_cut_makes_two_shots_and_scenes_can_be_people(tmp_path: Path) -> None:
    night = np.zeros((SIZE, SIZE, 3), np.uint8)
    night[:, :, 0] = np.linspace(120, 0, SIZE).astype(np.uint8)
    away = [
        draw_face(SIZE, (120.0 + float(t), 105.0), 30, mouth_open=float(t), person=BEN, onto=night)[0]
        for t in np.linspace(0, 1, 8)
    ]
    video = write_video(tmp_path / "v.mp4", talking() + away)
    for per_scene, people in ((False, ("v",)), (True, ("v#0", "v#1"))):
        bank = tmp_path / str(per_scene)
        build_bank([video], bank, replace(FEW, identity_per_scene=per_scene), HERE)
        opened = open_bank(bank)
        assert [entry.facts.frames for entry in opened.shots] == [8, 8]
        assert opened.identities == people


def test_long_shots_are_cut_into_pieces(tmp_path: Path) -> None:
    video = write_video(tmp_path / "v.mp4", talking(frames=20))
    build_bank([video], tmp_path / "b", replace(FEW, most_seconds=0.4), HERE)
    assert [entry.facts.frames for entry in open_bank(tmp_path / "b").shots] == [10, 10]


@pytest.mark.parametrize(("rate", "kept"), [(25, 50), (50, 50), (60, 50), (30, 50), (24, 48)])
def test_fast_videos_lose_frames_down_to_the_rate(rate: int, kept: int) -> None:
    image = np.zeros((1, 1, 3), np.uint8)
    frames = [Frame(image, Fraction(i, rate)) for i in range(2 * rate)]
    times = [frame.time for frame in thinned(frames, 25.0)]
    assert abs(len(times) - kept) <= 1
    assert set(times) <= {frame.time for frame in frames}


def test_folders_of_stills_are_read_without_asking_for_motion(tmp_path: Path) -> None:
    for name, person in (("anna_0", ANNA), ("ben_0", BEN)):
        folder = tmp_path / "v" / name
        folder.mkdir(parents=True)
        for number, image in enumerate(talking(person, frames=5)):
            cv2.imwrite(str(folder / f"{number}.jpg"), image[:, :, ::-1])
    report = build_bank([tmp_path / "v"], tmp_path / "b", replace(FEW, min_frames=5, stills=True), HERE)
    assert (report.shots, report.frames, report.identities) == (2, 10, 2)


def test_the_csv_names_people_and_splits_and_others_are_left_out(videos: Path, tmp_path: Path) -> None:
    table = videos.parent / "people.csv"
    table.write_text(
        "file,identity,split\nmp4/id00001/aaa/00001.mp4,Anna,train\nmp4/id00002/ccc/00001.mp4,Ben,val\n"
    )
    report = build_bank([videos], tmp_path / "b", FEW, HERE, identities=table)
    assert report.dropped == {NOT_LISTED: 1}
    assert report.splits == {"train": 1, "val": 1}
    assert open_bank(tmp_path / "b").identities == ("Anna", "Ben")


@pytest.mark.parametrize(
    ("text", "message"),
    [("name,who\na,b\n", "'identity' and 'file'"), ("file,identity,split\na,b,test\n", "the split 'test'")],
)
def test_a_csv_that_makes_no_sense_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "people.csv").write_text(text)
    with pytest.raises(DatabankError, match=message):
        IdentityTable(tmp_path / "people.csv", tmp_path / "db")


def test_lists_and_flat_folders_name_one_person_per_video(tmp_path: Path) -> None:
    for name in ("b.mp4", "a.mp4"):
        (tmp_path / name).touch()
    (tmp_path / "list.txt").write_text("# mine\n\nb.mp4\n/gone/c.mp4\n")
    assert [(v.name, v.identity) for v in find_videos([tmp_path])] == [
        (f"{tmp_path.name}/a.mp4", "a"),
        (f"{tmp_path.name}/b.mp4", "b"),
    ]
    listed = list(find_videos([tmp_path / "list.txt"]))
    assert [v.path for v in listed] == [str(tmp_path / "b.mp4"), "/gone/c.mp4"]


def test_no_video_and_no_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatabankError, match="There is no video"):
        build_bank([tmp_path], tmp_path / "b", FEW, HERE)
    with pytest.raises(DatabankError, match="There is no such file or folder"):
        build_bank([tmp_path / "gone"], tmp_path / "b", FEW, HERE)


def test_other_settings_for_the_same_databank_are_refused_by_name(videos: Path, bank: Path) -> None:
    with pytest.raises(DatabankError, match=r"crop_factor = 1\.9"):
        build_bank([videos], bank, replace(FEW, crop_factor=1.8), HERE)
    with pytest.raises(DatabankError, match="holds frames of 128 pixels"):
        build_bank([videos], bank, replace(FEW, size=256), HERE)


def test_a_video_that_killed_three_workers_is_given_up(videos: Path, tmp_path: Path) -> None:
    video = next(find_videos([videos]))
    (tmp_path / "parts").mkdir()
    tries = marker_of(tmp_path, video.digest).with_suffix(".tries")
    tries.parent.mkdir(parents=True)
    tries.write_bytes(b"...")
    outcome = process_video(video, FEW, tmp_path)
    assert "died 3 times" in outcome.error
    assert marker_of(tmp_path, video.digest).exists()


def test_a_full_disk_ends_the_build_with_one_sentence(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: object, shot: object) -> None:
        raise DatabankError("x.tar could not be written: No space left on device.")

    monkeypatch.setattr("enliven.databank.shards.ShardWriter.add", full)
    with pytest.raises(DatabankError, match="No space left"):
        build_bank([videos], tmp_path / "b", FEW, HERE)
    assert not list((tmp_path / "b" / "parts").iterdir())


def test_ray_gives_what_one_process_gives(videos: Path, bank: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray.data", reason="Ray Data does not load", exc_type=ImportError)
    build_bank([videos], tmp_path / "b", FEW, Labour(workers=2))
    ours, theirs = (
        {path.name: path.read_bytes() for path in (folder / "shards").iterdir()}
        for folder in (tmp_path / "b", bank)
    )
    assert ours == theirs


def test_names_are_streamed_in_windows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No more names than a window are taken from the source before the first outcome."""
    taken = 0

    def endless() -> Iterator[SourceVideo]:
        nonlocal taken
        for number in range(1000):
            taken += 1
            yield SourceVideo(f"/v/{number}.mp4", str(number), str(number), "")

    class Watching(OwnProcess):
        def process(self, videos: list[SourceVideo]) -> Iterator[Outcome]:
            assert taken <= 16
            raise KeyboardInterrupt
            yield

    with pytest.raises(KeyboardInterrupt):
        build_module._work_through(endless(), 1000, tmp_path, Watching(FEW, tmp_path), None)


def test_a_listed_video_behind_a_link_is_found_in_the_csv(videos: Path, tmp_path: Path) -> None:
    (tmp_path / "linked").symlink_to(videos)
    video = next(p for p in sorted(videos.rglob("*.mp4")))
    inside = video.relative_to(videos)
    (tmp_path / "list.txt").write_text(str(tmp_path / "linked" / inside))
    (videos / "linked.csv").write_text(f"file,identity,split\n{inside},somebody,train\n")
    named = list(named_sources(tmp_path / "list.txt", videos / "linked.csv", tmp_path / "people.sqlite"))
    assert [video.identity for video in named] == ["somebody"]


def named_sources(listing: Path, csv_file: Path, database: Path) -> Iterator[SourceVideo]:
    with IdentityTable(csv_file, database) as table:
        yield from map(table.name, find_videos([listing]))


SHARED = Path(__file__).parents[2].parent / "shared" / "databank"


@pytest.mark.databank
@pytest.mark.skipif(not SHARED.exists(), reason="../shared/databank is not there")
def test_real_clips_and_stills_pass_with_the_people_of_their_csv(tmp_path: Path) -> None:
    (tmp_path / "clips.txt").write_text(
        "\n".join(str(p) for p in sorted((SHARED / "clips").glob("grid*"))[:2])
    )
    stills = sorted(p for p in (SHARED / "ytf").iterdir() if p.is_dir())[:3]
    settings = BuildSettings()
    build_bank([tmp_path / "clips.txt"], tmp_path / "b", settings, HERE, identities=SHARED / "clips.csv")
    few = replace(settings, stills=True, min_frames=5)
    report = build_bank(stills, tmp_path / "b", few, HERE, identities=SHARED / "ytf.csv")
    assert report.videos == report.shots == 5
    assert not report.dropped
    assert set(report.splits) <= {"train", "val"}
