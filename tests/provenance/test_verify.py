"""What a file says about its making, after all that may happen to it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import av
import c2pa
import numpy as np
import pytest
from PIL import Image
from tests.provenance.results import SIZE_WH, flipped, made, opened, picture, reencoded
from tests.provenance.test_credentials import kept
from typer.testing import CliRunner

from enliven.apps.cli.main import app
from enliven.assets import builtin_photo
from enliven.errors import MediaError, ProvenanceError
from enliven.media import file_reader
from enliven.provenance.certificates import new_chain
from enliven.provenance.credentials import find_credentials, local_folder
from enliven.provenance.manifest import Provenance, making_of
from enliven.provenance.outlet import Marker
from enliven.provenance.verdict import NOTHING
from enliven.provenance.verify import LATER_FRAMES, LATER_PLACES, MOST_FRAMES, Verification, verify
from enliven.provenance.watermark import WatermarkReading
from enliven.types import Frame, Picture

pytestmark = pytest.mark.usefixtures("user")


def verified(path: Path) -> Verification:
    """Also: what programs get is plain JSON, and people get one sentence."""
    found = verify(path)
    assert json.loads(json.dumps(found.facts()))["says_made"] == found.says_made
    assert found.sentence().endswith(".")
    assert "proof" not in found.sentence().lower()
    return found


def test_an_untouched_result_is_valid_and_its_watermark_agrees(tmp_path: Path) -> None:
    found = verified(made(tmp_path / "out.mp4", Provenance(subject="Frida Muster", consent="by letter")))
    assert found.credentials.state == "valid"
    assert found.agreement is True
    assert found.own_key is True
    assert found.facts()["credentials"]["making"]["subject"] == "Frida Muster"
    assert "nothing was changed since" in found.sentence()


@pytest.mark.parametrize("name", ["out.mp4", "out.webm", "out.gif"])
def test_one_flipped_bit_in_the_picture_data_is_tampering(tmp_path: Path, name: str) -> None:
    out = made(tmp_path / name)
    found = verified(flipped(out, out))
    assert found.credentials.state == "tampered"
    assert found.says_made, "what it says still counts, though not what it shows"
    assert "changed after it was signed" in found.sentence()


def test_a_tampered_picture_that_cannot_be_shown_any_more_is_still_told(tmp_path: Path) -> None:
    out = made(tmp_path / "frames", frames=1) / "000001.png"
    found = verified(flipped(out, out))
    assert found.credentials.state == "tampered"
    assert found.facts()["watermark"]["state"] == "not searched"
    assert "damaged" in found.picture_problem


def test_what_lost_its_credentials_is_known_by_its_watermark(tmp_path: Path) -> None:
    out = made(tmp_path / "out.mp4", frames=8)
    payload = verified(out).credentials.payload
    found = verified(reencoded(out, tmp_path / "again.mp4"))
    assert found.credentials.state == "absent"
    assert found.watermark.payload == payload
    assert found.agreement is None
    assert found.own_key is True
    assert "removed or lost" in found.sentence()


def test_credentials_by_somebody_else_are_untrusted_until_their_root_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: Path
) -> None:
    monkeypatch.setenv("ENLIVEN_CONFIG", str(tmp_path / "somebody"))
    out = made(tmp_path / "out.gif", frames=12)
    root = local_folder() / "root.pem"
    monkeypatch.setenv("ENLIVEN_CONFIG", str(user))
    find_credentials()
    found = verified(out)
    assert found.credentials.state == "untrusted"
    assert found.own_key is False
    assert "not known on this computer" in found.sentence()
    monkeypatch.setenv("ENLIVEN_TRUST", str(root))
    assert verified(out).credentials.state == "valid"


def test_a_list_of_roots_that_cannot_be_read_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENLIVEN_TRUST", str(tmp_path / "nowhere.pem"))
    with pytest.raises(ProvenanceError, match=r"nowhere\.pem"):
        verify(builtin_photo())


def test_credentials_whose_certificate_ran_out_are_expired_not_tampered(tmp_path: Path) -> None:
    lifetime = timedelta(seconds=3)
    began = time.monotonic()
    cert, key = kept(new_chain("short", lifetime=lifetime), tmp_path / "short")
    out = made(tmp_path / "frames", Provenance(cert=cert, key=key), frames=1) / "000001.png"
    time.sleep(max(0.0, lifetime.total_seconds() + 1 - (time.monotonic() - began)))
    found = verified(out)
    assert found.credentials.state == "expired", found.credentials.problems
    assert found.says_made
    assert "expired" in found.sentence()


def test_a_file_of_unknown_origin_says_nothing_and_is_not_cleared(tmp_path: Path) -> None:
    found = verified(builtin_photo())
    assert (found.credentials.state, found.watermark.found, found.says_made) == ("absent", False, False)
    assert found.sentence() == NOTHING
    assert "does not mean" in NOTHING


def test_credentials_of_a_camera_do_not_say_that_it_was_made(tmp_path: Path) -> None:
    chain = new_chain("Camera")
    kind = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
    actions = {"actions": [{"action": "c2pa.created", "digitalSourceType": kind}]}
    builder = c2pa.Builder(
        {
            "claim_generator_info": [{"name": "Camera"}],
            "assertions": [{"label": "c2pa.actions.v2", "data": actions}],
        }
    )
    signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo(b"es256", chain.certificates, chain.key, None))
    Image.fromarray(picture()).save(tmp_path / "plain.png")
    builder.sign_file(tmp_path / "plain.png", tmp_path / "photo.png", signer)
    found = verified(tmp_path / "photo.png")
    assert found.credentials.state == "untrusted"
    assert not found.says_made
    assert "Camera" in found.sentence()
    assert "nothing in the file says that it was made" in found.sentence()


def test_pictures_and_credentials_put_together_afterwards_disagree(tmp_path: Path) -> None:
    other = Marker(making_of(Provenance(), key_id=0x1234), SIZE_WH)
    with opened(tmp_path / "frames") as outlet:
        outlet._marker = other
        outlet.write(Frame(picture(), Fraction(0)))
    found = verified(tmp_path / "frames")
    assert found.credentials.state == "valid"
    assert found.agreement is False
    assert "another result" in found.sentence()


def test_a_folder_tells_the_worst_of_its_pictures_and_how_many(tmp_path: Path) -> None:
    out = made(tmp_path / "frames", frames=5)
    Image.open(out / "000002.png").save(out / "000002.png")
    found = verified(out)
    assert found.credentials.state == "valid"
    assert found.pictures == {"valid": 4, "absent": 1}
    assert "1 have none" in found.sentence()
    manifest = bytearray((out / "000004.png").read_bytes())
    manifest[manifest.index(b"Made with enliven") + 3] ^= 1
    (out / "000004.png").write_bytes(bytes(manifest))
    assert verified(out).credentials.state == "tampered"


@pytest.mark.parametrize("size", [(4, 4), (1, 1), (300, 20)])
def test_a_picture_of_a_few_pixels_is_not_searched(tmp_path: Path, size: tuple[int, int]) -> None:
    Image.new("RGB", size, (80, 90, 100)).save(tmp_path / "tiny.png")
    found = verified(tmp_path / "tiny.png")
    assert not found.watermark.found
    assert "too small" in found.picture_problem


def test_of_a_video_of_two_hours_only_a_few_pictures_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / "long.mp4"
    with av.open(str(long), "w") as container:
        stream = container.add_stream(
            "libx264", rate=Fraction(1, 2), options={"preset": "ultrafast", "g": "30"}
        )
        stream.width = stream.height = 96
        stream.pix_fmt = "yuv420p"
        for number in range(3600):
            shown = av.VideoFrame.from_ndarray(np.full((96, 96, 3), number % 200, np.uint8), format="rgb24")
            container.mux(stream.encode(shown))
        container.mux(stream.encode())
    decoded = []
    upright = file_reader.FileReader._upright

    def counted(reader: file_reader.FileReader, frame: av.VideoFrame) -> object:
        decoded.append(float(frame.time or 0))
        return upright(reader, frame)

    def all_of(pictures: Iterable[Picture]) -> WatermarkReading:
        """The worst case: never sure before the last picture."""
        return WatermarkReading(False, None, 0.0, sum(1 for _ in pictures))

    monkeypatch.setattr(file_reader.FileReader, "_upright", counted)
    monkeypatch.setattr("enliven.provenance.verify.read_watermark", all_of)
    assert not verified(long).says_made
    assert len(decoded) <= MOST_FRAMES + len(LATER_PLACES) * LATER_FRAMES
    assert max(decoded) > 3600, "and also far from the beginning"


def test_ours_is_found_in_the_middle_of_a_longer_video(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("enliven.provenance.verify.MOST_FRAMES", 5)
    monkeypatch.setattr("enliven.provenance.verify.LATER_FRAMES", 5)
    with opened(tmp_path / "out") as outlet:
        marker = outlet._marker
        outlet.write(Frame(picture(), Fraction(0)))
    with av.open(str(tmp_path / "cut.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast", "crf": "20"})
        stream.width, stream.height = SIZE_WH
        stream.pix_fmt = "yuv420p"
        for number in range(45):
            shown = picture(number)
            shown = marker.mark(shown) if number >= 28 else shown
            container.mux(stream.encode(av.VideoFrame.from_ndarray(shown, format="rgb24")))
        container.mux(stream.encode())
    assert verified(tmp_path / "cut.mp4").watermark.found


def test_damaged_credentials_are_called_unreadable(tmp_path: Path) -> None:
    out = made(tmp_path / "out.mp4")
    body = bytearray(out.read_bytes())
    body[body.index(b"jumb") + 8 : body.index(b"jumb") + 12] = b"\xff\xff\xff\xff"
    out.write_bytes(bytes(body))
    found = verified(out)
    assert found.credentials.state in {"unreadable", "tampered"}
    assert found.watermark.found
    assert found.says_made


def test_a_file_beside_that_belongs_to_another_kind_of_the_same_name_is_not_read_as_tampering(
    tmp_path: Path,
) -> None:
    made(tmp_path / "out.webm")
    Image.fromarray(picture()).save(tmp_path / "out.png")
    assert verified(tmp_path / "out.png").credentials.state == "absent"
    assert verified(tmp_path / "out.webm").credentials.state == "valid"


@pytest.mark.parametrize("kind", ["missing", "text", "empty"])
def test_what_is_no_picture_is_an_error(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "file.mp4"
    if kind != "missing":
        path.write_text("words " * 40 if kind == "text" else "")
    with pytest.raises(MediaError):
        verify(path)


def test_the_command_tells_by_its_exit_code(tmp_path: Path) -> None:
    out = made(tmp_path / "frames", Provenance(engine="warp", consent="by letter"), frames=1)
    told = CliRunner().invoke(app, ["verify", str(out)])
    assert told.exit_code == 0, told.output
    for words in ("made with enliven", "credentials: valid", "engine: warp", "consent: by letter", "agrees"):
        assert words in told.output
    asked = CliRunner().invoke(app, ["verify", "--json", str(out)])
    assert json.loads(asked.output)["watermark_agrees_with_credentials"] is True
    Image.fromarray(picture()).save(tmp_path / "plain.png")
    assert CliRunner().invoke(app, ["verify", str(tmp_path / "plain.png")]).exit_code == 3
