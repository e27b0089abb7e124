"""Shards and clips: what is written comes back, and damage is named."""

from __future__ import annotations

import tarfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from enliven.databank.bank import create_bank, open_bank
from enliven.databank.clip import decode_planes, encode_clip, to_rgb
from enliven.databank.pack import groups, pack, tidy
from enliven.databank.shards import ShardWriter, index_of, read_index
from enliven.databank.synthetic import SyntheticSettings, draw_shot
from enliven.errors import DatabankError

SMALL = SyntheticSettings(identities=4, shots=2, frames=20, size=64)


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    path = tmp_path / "one.tar"
    with ShardWriter(path) as writer:
        for number in range(3):
            writer.add(draw_shot(SMALL, number, 0))
    return path


def test_a_shot_comes_back_from_its_shard(shard: Path) -> None:
    for number, entry in enumerate(read_index(shard)):
        true, read = draw_shot(SMALL, number, 0), entry.shot()
        assert read.facts == true.facts
        assert np.array_equal(read.points, true.points)
        assert np.array_equal(read.measures, true.measures)
        assert read.times == true.times == tuple(Fraction(i, 25) for i in range(20))
        assert np.abs(read.images.astype(int) - true.images).mean() < 6  # H.264 with quarter colour


def test_any_frame_decoded_alone_is_the_frame_decoded_in_order() -> None:
    shot = draw_shot(SMALL, 0, 0)
    clip = encode_clip(shot.images, shot.times)
    whole = decode_planes(clip, range(20), "it")
    for wanted in ([0], [19], [7, 8], [3, 12, 13], [1, 2, 18]):
        for number, planes in zip(wanted, decode_planes(clip, wanted, "it"), strict=True):
            assert np.array_equal(planes, whole[number])
            assert np.abs(to_rgb(planes).astype(int) - shot.images[number]).mean() < 6


def test_webdataset_reads_our_shards(shard: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    samples = list(webdataset.WebDataset(str(shard), shardshuffle=False, empty_check=False))
    assert [sample["__key__"] for sample in samples] == [entry.facts.key for entry in read_index(shard)]
    assert {"mp4", "landmarks.npy", "measures.npy", "json"} <= set(samples[0])


def test_a_shard_is_a_plain_tar_and_its_index_points_into_it(shard: Path) -> None:
    with tarfile.open(shard) as tar:
        for entry in read_index(shard):
            for member, (start, size) in entry.members.items():
                info = tar.getmember(f"{entry.facts.key}.{member}")
                assert (info.offset_data, info.size) == (start, size)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.95])
def test_a_shard_cut_off_anywhere_is_named(shard: Path, kept: float) -> None:
    data = shard.read_bytes()
    shard.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(DatabankError, match=r"one\.tar is cut off"):
        list(read_index(shard))


def test_a_damaged_clip_is_named(shard: Path) -> None:
    entry = next(read_index(shard))
    start, size = entry.members["mp4"]
    data = bytearray(shard.read_bytes())
    data[start : start + size] = bytes(size)
    shard.write_bytes(bytes(data))
    with pytest.raises(DatabankError, match=r"p00000-000\.mp4 in .*one\.tar cannot be decoded"):
        entry.shot()


def test_a_shard_without_its_index_is_refused(shard: Path) -> None:
    index_of(shard).unlink()
    with pytest.raises(DatabankError, match="belong together"):
        list(read_index(shard))


def test_a_failure_leaves_no_shard_behind(tmp_path: Path) -> None:
    def fail() -> None:
        with ShardWriter(tmp_path / "half.tar") as writer:
            writer.add(draw_shot(SMALL, 0, 0))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_packing_keeps_every_shot_and_removes_the_parts(tmp_path: Path) -> None:
    shards, parts = create_bank(tmp_path, 64), tmp_path / "parts"
    parts.mkdir()
    for number in range(4):
        with ShardWriter(parts / f"p{number:05d}.tar") as writer:
            writer.add(draw_shot(SMALL, number, 0))
    assert list(groups(parts, full_only=True)) == []  # far from a full shard
    (group,) = groups(parts, full_only=False)
    pack(group, shards)
    assert list(parts.iterdir()) == []
    assert [entry.facts.key for entry in open_bank(tmp_path).shots] == [f"p{n:05d}-000" for n in range(4)]


def test_a_stop_between_packing_and_removing_parts_doubles_nothing(tmp_path: Path) -> None:
    shards, parts = create_bank(tmp_path, 64), tmp_path / "parts"
    parts.mkdir()
    part = parts / "p00000.tar"
    with ShardWriter(part) as writer:
        writer.add(draw_shot(SMALL, 0, 0))
    kept = {path: path.read_bytes() for path in (part, index_of(part))}
    pack([part], shards)
    for path, data in kept.items():
        path.write_bytes(data)
    (parts / ".p00001.tar.abc.part").write_bytes(b"half")
    tidy(parts, shards)
    assert list(parts.iterdir()) == []
    assert len(open_bank(tmp_path).shots) == 1


def test_an_unwritable_folder_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(DatabankError, match="could not be written"), ShardWriter(tmp_path / "no" / "x.tar"):
        pass
