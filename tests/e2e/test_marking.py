"""Marking and telling, as a person does it: animate, verify, credentials, terms."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from tests.e2e.conftest import Run

from enliven.assets import builtin_motion, builtin_photo
from enliven.provenance.certificates import new_chain

PHOTO, MOTION = builtin_photo(), builtin_motion()
SHORT = ("--end", "0.2", "--size", "256")


@pytest.fixture
def somebody(tmp_path: Path) -> Path:
    """A photo that is not the built-in one, though it shows the same person."""
    Image.open(PHOTO).convert("RGB").save(tmp_path / "me.jpg")
    return tmp_path / "me.jpg"


def test_a_result_says_that_it_was_made_and_by_whose_consent(enliven: Run, somebody: Path) -> None:
    out = somebody.with_name("out.mp4")
    made = enliven("animate", somebody, "-d", MOTION, "-o", out, "--end", "0.5",
                   "--consent", "signed form of 3 May", "--subject", "Eileen Collins", "--label")  # fmt: skip
    assert made.returncode == 0, made.stderr
    told = enliven("verify", out)
    assert told.returncode == 0, told.stderr
    for words in ("made with enliven", "signed form of 3 May", "Eileen Collins", "me.jpg", "agrees"):
        assert words in told.stdout


def test_the_terms_are_needed_once_but_not_for_the_builtin_photo(
    enliven: Run, somebody: Path, tmp_path: Path
) -> None:
    new_user = {"ENLIVEN_ACCEPT_TERMS": "", "ENLIVEN_CONFIG": str(tmp_path / "new user")}
    words = ("animate", somebody, "-d", MOTION, "-o", tmp_path / "out.mp4", *SHORT, "--overwrite")
    refused = enliven(*words, **new_user)
    assert refused.returncode == 2
    assert "ENLIVEN_ACCEPT_TERMS=1" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "out.mp4").exists()
    builtin = enliven("animate", PHOTO, "-d", MOTION, "-o", tmp_path / "a.mp4", *SHORT, **new_user)
    assert builtin.returncode == 0, builtin.stderr
    accepted = enliven(*words, "--accept-terms", **new_user)
    assert accepted.returncode == 0, accepted.stderr
    again = enliven(*words, **new_user)
    assert again.returncode == 0, again.stderr


def test_ones_own_credentials_sign_and_are_checked_first(enliven: Run, tmp_path: Path) -> None:
    chain = new_chain("Studio Mond")
    cert, key, root = (tmp_path / name for name in ("cert.pem", "key.pem", "root.pem"))
    cert.write_bytes(chain.certificates)
    key.write_bytes(chain.key)
    root.write_bytes(chain.root)
    key.chmod(0o644)
    out = tmp_path / "out.gif"
    made = enliven("animate", PHOTO, "-d", MOTION, "-o", out, *SHORT, "--cert", cert, "--key", key)
    assert made.returncode == 0, made.stderr
    assert "chmod 600" in made.stderr
    assert json.loads(enliven("verify", "--json", out).stdout)["credentials"]["state"] == "untrusted"
    told = enliven("verify", "--json", out, ENLIVEN_TRUST=str(root))
    assert json.loads(told.stdout)["credentials"] | {"making": None} == {
        "state": "valid", "says_made": True, "signer": "Studio Mond", "generator": "enliven 0.1.0",
        "making": None, "problems": [], "sidecar": None, "pictures": {},
    }  # fmt: skip
    alone = enliven("animate", PHOTO, "-d", MOTION, "-o", tmp_path / "b.gif", *SHORT, "--cert", cert)
    assert alone.returncode == 2
    assert "--key" in alone.stderr


def test_credentials_are_shown_and_made_without_their_key(enliven: Run, tmp_path: Path) -> None:
    user = {"ENLIVEN_CONFIG": str(tmp_path / "user")}
    first = json.loads(enliven("credentials", "show", "--json", **user).stdout)
    assert first["local"]
    assert first["algorithm"] == "es256"
    kept = enliven("credentials", "new", **user)
    assert kept.returncode == 1
    assert "--overwrite" in kept.stderr
    renewed = enliven("credentials", "new", "--overwrite", "--name", "Studio Mond", "--json", **user)
    assert json.loads(renewed.stdout)["signer"] == "Studio Mond"
    shown = enliven("credentials", "show", **user)
    assert "PRIVATE KEY" not in shown.stdout + first["certificates"]


def test_verify_tells_by_its_exit_code(enliven: Run, tmp_path: Path) -> None:
    assert enliven("verify", PHOTO).returncode == 3
    missing = enliven("verify", tmp_path / "nothing.mp4")
    assert missing.returncode == 1
    assert missing.stderr.startswith("enliven: ")


def test_no_option_turns_the_marks_off(enliven: Run) -> None:
    told = enliven("animate", "--help").stdout.lower()
    assert "--label" in told
    for word in ("--no-watermark", "--unmarked", "--no-credentials", "--no-sign"):
        assert word not in told


UNPLUGGED = """
import socket, sys
def refuse(*words, **named):
    raise SystemExit('the program asked for the network')
socket.socket.connect = socket.socket.connect_ex = socket.create_connection = socket.getaddrinfo = refuse
from enliven.apps.cli.main import main
main()
"""


def test_verifying_asks_for_no_network(enliven: Run, tmp_path: Path) -> None:
    out = tmp_path / "out.webm"
    made = enliven("animate", PHOTO, "-d", MOTION, "-o", out, *SHORT)
    assert made.returncode == 0, made.stderr
    done = subprocess.run(
        [sys.executable, "-c", UNPLUGGED, "verify", str(out)],
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ),
    )
    assert done.returncode == 0, done.stderr


def test_a_result_that_moves_without_its_sidecar_is_still_known(enliven: Run, tmp_path: Path) -> None:
    out = tmp_path / "out.webm"
    # Five frames of 256 pixels leave VP9 too little of the mark to be sure of; half a second at 512 is plenty.
    assert enliven("animate", PHOTO, "-d", MOTION, "-o", out, "--end", "0.5").returncode == 0
    assert (tmp_path / "out.c2pa").exists()
    (tmp_path / "elsewhere").mkdir()
    moved = Path(shutil.move(out, tmp_path / "elsewhere" / "out.webm"))
    facts = json.loads(enliven("verify", "--json", moved).stdout)
    assert facts["credentials"]["state"] == "absent"
    assert facts["watermark"]["state"] == "found"
