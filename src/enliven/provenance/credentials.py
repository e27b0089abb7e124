"""The certificate and key that sign results: the user's own, or a local pair made on first use."""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from enliven.errors import ProvenanceError, UsageError
from enliven.provenance.user_folder import (
    OWNER_ONLY_FOLDER,
    make_user_folder,
    not_kept,
    user_folder,
    write_owner_only,
)

if TYPE_CHECKING:
    from cryptography import x509

LOCAL_NAME = "enliven, local credentials"
CERTIFICATES_FILE, KEY_FILE, ROOT_FILE = "certificates.pem", "key.pem", "root.pem"


@dataclass(frozen=True)
class Credentials:
    """Checked: the key belongs to the certificate, which is valid now."""

    certificates: bytes
    """PEM, the signer's first."""
    key: bytes = field(repr=False)
    """PEM, not encrypted."""
    algorithm: str
    """C2PA's name of it, such as es256."""
    name: str
    """Of the signer, as others read it."""
    issuer: str
    """Who vouches for the signer."""
    expires: datetime
    key_id: int
    """16 bits of the SHA-256 of the public key; the first half of the watermark's payload."""
    path: Path
    """Of the certificates."""
    local: bool
    """True for the pair that enliven made itself."""
    warnings: tuple[str, ...] = ()


def find_credentials(cert: Path | None = None, key: Path | None = None) -> Credentials:
    """What signs: ``cert`` and ``key``, else ENLIVEN_CERT and ENLIVEN_KEY, else the local pair, made if absent.

    Raises UsageError for a certificate without its key and ProvenanceError for what cannot be used.
    """
    if cert is None and key is None:
        cert, key = (_path_in_environment(name) for name in ("ENLIVEN_CERT", "ENLIVEN_KEY"))
    if cert is None and key is None:
        if not has_local_credentials():
            _keep_new_pair(LOCAL_NAME, overwrite=False)
        return _local_pair()
    if cert is None or key is None:
        given, lacking = ("--cert", "--key") if key is None else ("--key", "--cert")
        raise UsageError(
            f"{given} (or its environment variable) was given without {lacking}; signing needs both."
        )
    return read_credentials(cert, key)


def local_folder() -> Path:
    """Where the local pair lies."""
    return user_folder() / "credentials"


def known_folder() -> Path:
    """PEM files in it are roots that `enliven verify` trusts besides the local one."""
    return user_folder() / "known"


def has_local_credentials() -> bool:
    """Whether the local pair was made already."""
    return (local_folder() / CERTIFICATES_FILE).exists()


def local_key_id() -> int | None:
    """Of the local certificate, expired or not; None when there is none that can be read."""
    from cryptography import x509

    try:
        return _key_id(x509.load_pem_x509_certificate((local_folder() / CERTIFICATES_FILE).read_bytes()))
    except (OSError, ValueError):
        return None


def make_local_credentials(name: str = LOCAL_NAME, *, overwrite: bool = False) -> Credentials:
    """A new local pair; the root of one that is replaced stays known, so that its results stay trusted.

    Raises ProvenanceError when there is one already and ``overwrite`` is false, or when it cannot be kept.
    """
    if has_local_credentials() and not overwrite:
        raise ProvenanceError(
            f"There are credentials in {local_folder()} already. Pass --overwrite to replace them; what they "
            "signed stays recognised."
        )
    _keep_new_pair(name, overwrite=overwrite)
    return _local_pair()


def _local_pair() -> Credentials:
    folder = local_folder()
    return read_credentials(folder / CERTIFICATES_FILE, folder / KEY_FILE, local=True)


def _keep_new_pair(name: str, *, overwrite: bool) -> None:
    """Make a pair and put it into its place whole; one that another process put there meanwhile stays."""
    from enliven.provenance.certificates import new_chain

    chain, parent, folder = new_chain(name), make_user_folder(), local_folder()
    fresh = parent / f".credentials.{uuid.uuid4().hex[:8]}.part"
    try:
        fresh.mkdir(mode=OWNER_ONLY_FOLDER)
        write_owner_only(fresh / KEY_FILE, chain.key)
        write_owner_only(fresh / CERTIFICATES_FILE, chain.certificates)
        write_owner_only(fresh / ROOT_FILE, chain.root)
        if overwrite:
            _retire(folder)
        if not folder.exists():
            fresh.rename(folder)
    except OSError as error:
        if not has_local_credentials():
            raise not_kept(parent, error) from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _retire(folder: Path) -> None:
    """Remember the root and remove the rest."""
    root = folder / ROOT_FILE
    if root.exists():
        known_folder().mkdir(exist_ok=True, mode=OWNER_ONLY_FOLDER)
        name = hashlib.sha256(root.read_bytes()).hexdigest()[:16]
        write_owner_only(known_folder() / f"{name}.pem", root.read_bytes())
    shutil.rmtree(folder, ignore_errors=True)


def trusted_roots() -> bytes:
    """PEM of every root that this user trusts: the local one, known ones, and the file in ENLIVEN_TRUST.

    Raises ProvenanceError when the file in ENLIVEN_TRUST cannot be read.
    """
    files = [local_folder() / ROOT_FILE, *sorted(known_folder().glob("*.pem"))]
    own = _path_in_environment("ENLIVEN_TRUST")
    roots = [file.read_bytes() for file in files if file.exists()]
    return b"\n".join([*roots, *([_read(own, "list of trusted roots")] if own else [])])


def read_credentials(cert: Path, key: Path, *, local: bool = False) -> Credentials:
    """Read and check a pair of PEM files.

    Raises ProvenanceError when one cannot be read, they do not belong together, the key is locked or of a
    kind that C2PA does not know, or the certificate is not valid now.
    """
    from cryptography import x509

    chain, secret = _read(cert, "certificate"), _read(key, "key")
    try:
        own = x509.load_pem_x509_certificates(chain)[0]
    except ValueError:
        raise ProvenanceError(
            f"{cert} holds no certificate in PEM. The signer's certificate is needed, then those above it."
        ) from None
    _check_pair(own, _private_key(secret, key), cert, key)
    _check_time(own, cert, local=local)
    return Credentials(
        certificates=chain,
        key=secret,
        algorithm=_algorithm(own.public_key(), cert),
        name=_readable(own.subject),
        issuer=_readable(own.issuer),
        expires=own.not_valid_after_utc,
        key_id=_key_id(own),
        path=cert,
        local=local,
        warnings=_warnings(key),
    )


def _path_in_environment(name: str) -> Path | None:
    value = os.environ.get(name)
    return Path(value).expanduser() if value else None


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ProvenanceError(
            f"The {what} {path} cannot be read ({error.strerror or error}). Check the path and its permissions."
        ) from None


def _private_key(secret: bytes, path: Path) -> Any:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return load_pem_private_key(secret, None)
    except TypeError:
        raise ProvenanceError(
            f"The key {path} is locked by a passphrase. An unlocked key is needed that only you may read: "
            f"openssl pkcs8 -topk8 -nocrypt -in {path.name} -out unlocked.pem"
        ) from None
    except ValueError:
        raise ProvenanceError(f"{path} holds no private key in PEM that can be read.") from None


def _spki(public: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return bytes(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _key_id(own: x509.Certificate) -> int:
    return int.from_bytes(hashlib.sha256(_spki(own.public_key())).digest()[:2], "big")


def _check_pair(own: x509.Certificate, key: Any, cert_path: Path, key_path: Path) -> None:
    if _spki(own.public_key()) != _spki(key.public_key()):
        raise ProvenanceError(
            f"The key {key_path} does not belong to the first certificate in {cert_path}. The signer's own "
            "certificate must come first, and its key must be given with it."
        )


def _check_time(own: x509.Certificate, path: Path, *, local: bool) -> None:
    now = datetime.now(timezone.utc)
    renew = (
        "`enliven credentials new --overwrite` makes new ones." if local else "Ask its issuer for a new one."
    )
    if own.not_valid_after_utc <= now:
        raise ProvenanceError(
            f"The certificate {path} expired on {own.not_valid_after_utc:%Y-%m-%d}; it cannot sign. {renew}"
        )
    if own.not_valid_before_utc > now:
        raise ProvenanceError(
            f"The certificate {path} is valid only from {own.not_valid_before_utc:%Y-%m-%d %H:%M} UTC. "
            "Check the clock of this computer."
        )


def _algorithm(public: Any, path: Path) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(public, ed25519.Ed25519PublicKey):
        return "ed25519"
    if isinstance(public, rsa.RSAPublicKey) and public.key_size >= 2048:
        return "ps256"
    curves = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
    if isinstance(public, ec.EllipticCurvePublicKey) and public.curve.name in curves:
        return curves[public.curve.name]
    raise ProvenanceError(
        f"The key of the certificate {path} is of a kind that content credentials do not know. Needed: "
        "P-256, P-384 or P-521, Ed25519, or RSA of 2048 bits and more."
    )


def _readable(name: x509.Name) -> str:
    from cryptography.x509.oid import NameOID

    for kind in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME):
        found = name.get_attributes_for_oid(kind)
        if found:
            return str(found[0].value)
    return name.rfc4514_string()


def _warnings(key: Path) -> tuple[str, ...]:
    if os.name == "posix" and key.stat().st_mode & 0o077:
        return (
            f"The key {key} may be read by other users of this computer, who could sign in your name. "
            f"Try: chmod 600 {key}",
        )
    return ()
