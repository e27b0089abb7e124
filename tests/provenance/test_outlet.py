"""The one way out: marked and signed, or absent."""

from __future__ import annotations

import errno
import hashlib
import io
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import c2pa
import numpy as np
import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from PIL import Image
from tests.provenance.results import SIZE_WH, made, opened, picture

from enliven.assets import builtin_motion, builtin_photo
from enliven.errors import OutputError, ProvenanceError
from enliven.media.reader import open_video
from enliven.provenance import signing
from enliven.provenance.credential_reader import CredentialReader, CredentialReading
from enliven.provenance.label import Label
from enliven.provenance.manifest import SOURCE_TYPE, Provenance, sha256_of
from enliven.provenance.outlet import sidecar_of
from enliven.provenance.watermark import read_watermark
from enliven.types import Frame

pytestmark = pytest.mark.usefixtures("user")


def credentials_of(path: Path) -> CredentialReading:
    return CredentialReader().read(path)


def manifest_of(path: Path) -> dict[str, Any]:
    with c2pa.Reader(path) as reader:
        store = json.loads(reader.json())
    active: dict[str, Any] = store["manifests"][store["active_manifest"]]
    return active


def assertion(manifest: dict[str, Any], label: str) -> Any:
    return next(a["data"] for a in manifest["assertions"] if a["label"] == label)


@pytest.mark.parametrize("name", ["out.mp4", "out.webm", "out.gif", "frames"])
def test_every_kind_of_result_is_signed_and_marked(tmp_path: Path, name: str) -> None:
    out = made(tmp_path / name)
    files = sorted(out.glob("*.png")) if out.is_dir() else [out]
    readings = [credentials_of(file) for file in files]
    assert {reading.state for reading in readings} == {"valid"}
    assert all(reading.says_made for reading in readings)
    with open_video(out) as video:
        found = read_watermark(frame.image for frame in video)
    assert found.payload == readings[0].payload
    left = {path.name for path in tmp_path.iterdir()} - {"user"}
    assert left == ({name, "out.c2pa"} if name == "out.webm" else {name})


def test_the_manifest_says_what_was_made_from_what_by_what(tmp_path: Path) -> None:
    about = Provenance(
        engine="hybrid",
        model_sha256="ab" * 32,
        consent="signed form of 3 May",
        subject="Frida Muster",
        inputs=(("photo", builtin_photo()), ("driving", builtin_motion())),
    )
    manifest = manifest_of(made(tmp_path / "out.mp4", about))
    created = assertion(manifest, "c2pa.actions.v2")["actions"][0]
    assert (created["action"], created["digitalSourceType"]) == ("c2pa.created", SOURCE_TYPE)
    assert manifest["claim_generator_info"][0]["name"] == "enliven"
    assert manifest["title"] == "out.mp4"
    digest = hashlib.sha256(builtin_photo().read_bytes()).hexdigest()
    titles = {i["title"]: i["description"] for i in manifest["ingredients"]}
    assert digest in titles["astronaut.png"]
    assert set(titles) == {"astronaut.png", "speech.motion"}
    record = assertion(manifest, "org.enliven.making")
    assert record["ingredients"][0] == {"role": "photo", "title": "astronaut.png", "sha256": digest}
    assert (record["engine"], record["model_sha256"]) == ("hybrid", "ab" * 32)
    assert (record["consent"], record["subject"]) == ("signed form of 3 May", "Frida Muster")


def test_the_manifest_holds_no_thumbnail_and_no_name_of_user_or_folder(tmp_path: Path) -> None:
    about = Provenance(inputs=(("photo", builtin_photo()),))
    out = made(tmp_path / "out.mp4", about)
    spelled = json.dumps(manifest_of(out))
    assert "thumbnail" not in spelled
    assert str(tmp_path) not in spelled
    assert str(builtin_photo().parent) not in spelled


def test_an_input_with_credentials_of_its_own_keeps_them(tmp_path: Path) -> None:
    first = made(tmp_path / "first", frames=1) / "000001.png"
    second = made(
        tmp_path / "second.mp4", Provenance(inputs=(("photo", first), ("driving", builtin_motion())))
    )
    ingredients = {i["title"]: i for i in manifest_of(second)["ingredients"]}
    assert ingredients["000001.png"]["active_manifest"]
    assert "active_manifest" not in ingredients["speech.motion"]
    assert sha256_of(first) in ingredients["000001.png"]["description"]
    assert credentials_of(second).state == "valid"


def test_two_results_never_carry_the_same_number(tmp_path: Path) -> None:
    files = [made(tmp_path / f"{i}", frames=1) / "000001.png" for i in range(4)]
    payloads = {credentials_of(file).payload for file in files}
    assert len(payloads) > 1
    assert len({payload >> 16 for payload in payloads if payload is not None}) == 1, "but the same key"


@pytest.mark.parametrize("name", ["out.mp4", "out.webm", "frames"])
def test_a_replaced_result_has_its_own_credentials(tmp_path: Path, name: str) -> None:
    def record() -> Any:
        out = tmp_path / name
        reading = credentials_of(out / "000001.png" if out.is_dir() else out)
        assert reading.state == "valid"
        assert reading.record
        return reading.record

    made(tmp_path / name, Provenance(subject="one"))
    before = record()
    made(tmp_path / name, Provenance(subject="two"), overwrite=True)
    assert (before["subject"], record()["subject"]) == ("one", "two")
    assert before["id"] != record()["id"]


def test_credentials_beside_another_file_are_not_replaced_unasked(tmp_path: Path) -> None:
    sidecar_of(tmp_path / "out.webm").write_text("of another file")
    with pytest.raises(OutputError, match=r"out\.c2pa exists"):
        made(tmp_path / "out.webm")
    assert sidecar_of(tmp_path / "out.webm").read_text() == "of another file"


@pytest.mark.parametrize("name", ["out.mp4", "out.webm", "out.gif", "frames"])
def test_what_cannot_be_signed_does_not_appear(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise ProvenanceError("no signature today")

    with pytest.raises(ProvenanceError, match="no signature"), opened(tmp_path / name) as outlet:  # noqa: PT012
        outlet.write(Frame(picture(), Fraction(0)))
        monkeypatch.setattr(signing.Signatory, "_sign", refused)
    assert {path.name for path in tmp_path.iterdir()} == {"user"}


@pytest.mark.parametrize("name", ["out.mp4", "frames"])
def test_a_disk_that_is_full_while_signing_is_told_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def full(stream: signing._Recording, data: bytes) -> int:
        stream.error = OSError(errno.ENOSPC, "No space left on device")
        raise stream.error

    with pytest.raises(OutputError, match="disk is full"), opened(tmp_path / name) as outlet:  # noqa: PT012
        outlet.write(Frame(picture(), Fraction(0)))
        monkeypatch.setattr(signing._Recording, "write", full)
    assert {path.name for path in tmp_path.iterdir()} == {"user"}


def test_a_signed_video_keeps_its_exact_times(tmp_path: Path) -> None:
    times = [Fraction(n, 25) for n in (0, 1, 3, 4, 9)]
    with opened(tmp_path / "out.mp4") as outlet:
        for number, time in enumerate(times):
            outlet.write(Frame(picture(number), time))
    with open_video(tmp_path / "out.mp4") as video:
        read = [frame.time for frame in video]
    assert read == times


def test_a_certificate_that_c2pa_refuses_is_known_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ExtendedKeyUsageOID, "EMAIL_PROTECTION", ExtendedKeyUsageOID.CODE_SIGNING)
    with pytest.raises(ProvenanceError, match="extended key usage"):
        opened(tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


def test_a_time_stamp_server_that_does_not_answer_is_known_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENLIVEN_TIMESTAMP_SERVER", "http://127.0.0.1:9/nobody")
    with pytest.raises(ProvenanceError, match="ENLIVEN_TIMESTAMP_SERVER"):
        opened(tmp_path / "out.mp4")


@pytest.mark.parametrize("ground", [0, 90, 255])
@pytest.mark.parametrize("size_wh", [(64, 64), (512, 512), (1920, 1080)])
def test_the_label_can_be_read_on_light_and_on_dark(ground: int, size_wh: tuple[int, int]) -> None:
    plain = np.full((size_wh[1], size_wh[0], 3), ground, np.uint8)
    shown = Label(size_wh).show(plain).astype(int)
    changed = np.argwhere(np.abs(shown - ground).max(axis=2) > 20)
    top, left = changed.min(axis=0)
    corner = shown[top : changed[:, 0].max() + 1, left : changed[:, 1].max() + 1]
    inner = corner[
        corner.shape[0] // 4 : -(corner.shape[0] // 4), corner.shape[1] // 4 : -(corner.shape[1] // 4)
    ]
    assert np.percentile(inner, 97) - np.percentile(inner, 20) > 100, "ink against its paper"
    assert top > size_wh[1] * 0.6, "in the lower right corner"
    assert left > size_wh[0] * 0.5
    assert len(changed) < 0.08 * size_wh[0] * size_wh[1], "and small"
    assert (plain == ground).all(), "the picture that was given is left alone"


def test_the_label_is_shown_only_when_asked_for(tmp_path: Path) -> None:
    def corner(about: Provenance) -> Any:
        out = made(tmp_path / ("with" if about.label else "without"), about, frames=1)
        return np.asarray(Image.open(out / "000001.png"), int)[-40:, -50:]

    plain = picture()[-40:, -50:].astype(int)
    assert np.abs(corner(Provenance()) - plain).max() < 12
    assert np.abs(corner(Provenance(label=True)) - plain).max() > 60


def test_the_watermark_is_read_from_a_labelled_picture(tmp_path: Path) -> None:
    out = made(tmp_path / "frames", Provenance(label=True), frames=1) / "000001.png"
    assert read_watermark([np.asarray(Image.open(out))]).payload == credentials_of(out).payload


def test_pictures_of_the_python_interface_are_marked_unless_a_reason_is_given() -> None:
    from enliven.animator import Animator
    from enliven.provenance.credentials import local_key_id

    animator = Animator(builtin_photo())
    marked = [frame.image for frame in animator.frames(builtin_motion(), end=Fraction(1, 5))]
    payload = read_watermark(marked).payload
    assert payload is not None
    assert payload >> 16 == local_key_id()
    bare = animator.frames(builtin_motion(), end=Fraction(1, 5), unmarked_because="compared in a test")
    assert not read_watermark(frame.image for frame in bare).found


def test_a_small_file_in_memory_can_be_signed_too(tmp_path: Path) -> None:
    from enliven.provenance.credentials import find_credentials
    from enliven.provenance.manifest import making_of

    credentials = find_credentials()
    signatory = signing.Signatory(credentials, making_of(Provenance(), credentials.key_id))
    held = io.BytesIO()
    Image.fromarray(picture()).save(held, "JPEG")
    (tmp_path / "still.jpg").write_bytes(signatory.signed(held.getvalue(), ".jpg", title="still.jpg"))
    assert credentials_of(tmp_path / "still.jpg").state == "valid"
    assert Image.open(tmp_path / "still.jpg").size == SIZE_WH
