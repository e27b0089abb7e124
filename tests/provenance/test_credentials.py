"""What signs: made on first use, kept for the owner alone, and refused clearly when it cannot sign."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from tests.provenance.results import made, opened

from enliven.errors import ProvenanceError, UsageError
from enliven.provenance.certificates import Chain, new_chain
from enliven.provenance.credential_reader import CredentialReader
from enliven.provenance.credentials import (
    find_credentials,
    has_local_credentials,
    known_folder,
    local_folder,
    local_key_id,
    make_local_credentials,
)
from enliven.provenance.outlet import Provenance

pytestmark = pytest.mark.usefixtures("user")


def kept(chain: Chain, folder: Path) -> tuple[Path, Path]:
    """The chain as a pair of files of one's own."""
    folder.mkdir(parents=True, exist_ok=True)
    cert, key = folder / "cert.pem", folder / "key.pem"
    cert.write_bytes(chain.certificates)
    key.write_bytes(chain.key)
    key.chmod(0o600)
    return cert, key


def test_the_first_use_makes_credentials_for_the_owner_alone(user: Path) -> None:
    assert not user.exists()
    found = find_credentials()
    assert found.local
    assert found.algorithm == "es256"
    assert found.warnings == ()
    for path in (user, local_folder(), *local_folder().iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_the_second_use_finds_the_same_credentials() -> None:
    first = find_credentials()
    assert find_credentials() == first
    assert local_key_id() == first.key_id


def test_users_who_start_twice_at_once_get_one_pair(user: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = [future.result() for future in [pool.submit(find_credentials) for _ in range(4)]]
    assert len({credentials.key_id for credentials in found}) == 1
    assert sorted(path.name for path in user.iterdir()) == ["credentials"]


def test_a_pair_that_another_process_made_since_one_looked_is_used(
    user: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = find_credentials()
    looks = iter([False])
    monkeypatch.setattr(
        "enliven.provenance.credentials.has_local_credentials", lambda: next(looks, has_local_credentials())
    )
    assert find_credentials() == first
    assert sorted(path.name for path in user.iterdir()) == ["credentials"]


def test_new_credentials_replace_old_ones_only_when_asked(tmp_path: Path) -> None:
    old = made(tmp_path / "old", frames=1)
    key_id = find_credentials().key_id
    with pytest.raises(ProvenanceError, match="--overwrite"):
        make_local_credentials()
    assert make_local_credentials("Studio Mond", overwrite=True).key_id != key_id
    assert CredentialReader().read(old / "000001.png").state == "valid", (
        "what the old ones signed stays known"
    )
    assert len(list(known_folder().iterdir())) == 1


def test_ones_own_pair_is_found_by_argument_and_by_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cert, key = kept(new_chain("Studio Mond"), tmp_path)
    by_argument = find_credentials(cert, key)
    assert (by_argument.name, by_argument.local) == ("Studio Mond", False)
    monkeypatch.setenv("ENLIVEN_CERT", str(cert))
    monkeypatch.setenv("ENLIVEN_KEY", str(key))
    assert find_credentials() == by_argument
    assert not local_folder().exists(), "none are made when there are others"


def test_a_certificate_without_its_key_is_a_mistake_in_use(tmp_path: Path) -> None:
    cert, key = kept(new_chain("Studio Mond"), tmp_path)
    with pytest.raises(UsageError, match="--key"):
        find_credentials(cert, None)
    with pytest.raises(UsageError, match="--cert"):
        find_credentials(None, key)


def test_a_key_that_belongs_to_another_certificate_is_refused(tmp_path: Path) -> None:
    cert, _ = kept(new_chain("one"), tmp_path / "one")
    _, key = kept(new_chain("two"), tmp_path / "two")
    with pytest.raises(ProvenanceError, match="does not belong"):
        find_credentials(cert, key)


def test_an_expired_certificate_is_refused_before_the_work(tmp_path: Path) -> None:
    cert, key = kept(new_chain("old", lifetime=timedelta(minutes=-1)), tmp_path)
    with pytest.raises(ProvenanceError, match="expired on"):
        opened(tmp_path / "out.mp4", Provenance(cert=cert, key=key))
    assert not (tmp_path / "out.mp4").exists()


def test_a_locked_key_is_refused_with_the_way_to_unlock_it(tmp_path: Path) -> None:
    chain = new_chain("locked")
    locked = load_pem_private_key(chain.key, None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )
    cert, key = kept(Chain(chain.certificates, locked, chain.root), tmp_path)
    with pytest.raises(ProvenanceError, match="passphrase"):
        find_credentials(cert, key)


@pytest.mark.parametrize("broken", ["cert", "key"])
def test_files_that_hold_neither_certificate_nor_key_are_refused(tmp_path: Path, broken: str) -> None:
    cert, key = kept(new_chain("one"), tmp_path)
    {"cert": cert, "key": key}[broken].write_text("no PEM at all")
    with pytest.raises(ProvenanceError, match="PEM"):
        find_credentials(cert, key)
    {"cert": cert, "key": key}[broken].unlink()
    with pytest.raises(ProvenanceError, match="cannot be read"):
        find_credentials(cert, key)


def test_a_key_that_others_may_read_is_warned_of(tmp_path: Path) -> None:
    cert, key = kept(new_chain("one"), tmp_path)
    key.chmod(0o644)
    assert any("chmod 600" in warning for warning in find_credentials(cert, key).warnings)
    with opened(tmp_path / "frames", Provenance(cert=cert, key=key)) as outlet:
        assert any("chmod 600" in note for note in outlet.notes)


def test_a_root_may_not_sign_results_itself(tmp_path: Path) -> None:
    """Its key was forgotten, so a leaf whose chain is turned around does not fit its key."""
    chain = new_chain("one")
    cert, key = kept(Chain(chain.root + chain.certificates, chain.key, chain.root), tmp_path)
    with pytest.raises(ProvenanceError, match="must come first"):
        find_credentials(cert, key)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("ENLIVEN_CONFIG", str(tmp_path / "file" / "enliven"))
    with pytest.raises(ProvenanceError, match="ENLIVEN_CONFIG"):
        find_credentials()
