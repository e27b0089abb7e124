"""Makes a chain of certificates for signing on this computer alone: a root and, below it, a signer.

The root's key is forgotten as soon as it has signed the signer's certificate, so that nobody can make
another signer below it. ES256; the extensions are those that C2PA asks of a signer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

YEARS = 10
"""A signature without a time stamp counts only while its certificate does, so it lives long."""
_CLOCK_SKEW = timedelta(hours=1)


@dataclass(frozen=True)
class Chain:
    """What is kept, as PEM."""

    certificates: bytes
    """The signer's, then the root's."""
    key: bytes
    """The signer's private key."""
    root: bytes


def new_chain(name: str, *, lifetime: timedelta = timedelta(days=365 * YEARS)) -> Chain:
    """A new chain; ``name`` is what others read as the issuer; nothing in it tells of user or computer."""
    now = datetime.now(timezone.utc)
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    valid = (now - _CLOCK_SKEW, now + lifetime)
    root_name, own_name = _name(name, f"{name}, root"), _name(name, name)
    root = _root(root_name, root_key, valid)
    own = _signer(own_name, key.public_key(), root_name, root_key, valid)
    root_pem = root.public_bytes(Encoding.PEM)
    return Chain(
        certificates=own.public_bytes(Encoding.PEM) + root_pem,
        key=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        root=root_pem,
    )


def _name(organization: str, common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _certificate(
    subject: x509.Name,
    key: ec.EllipticCurvePublicKey,
    issuer: x509.Name,
    valid: tuple[datetime, datetime],
    usage: x509.KeyUsage,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(valid[0])
        .not_valid_after(valid[1])
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _root(
    name: x509.Name, key: ec.EllipticCurvePrivateKey, valid: tuple[datetime, datetime]
) -> x509.Certificate:
    builder = _certificate(name, key.public_key(), name, valid, _usage(signs_certificates=True))
    return builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True).sign(
        key, hashes.SHA256()
    )


def _signer(
    name: x509.Name,
    key: ec.EllipticCurvePublicKey,
    root_name: x509.Name,
    root_key: ec.EllipticCurvePrivateKey,
    valid: tuple[datetime, datetime],
) -> x509.Certificate:
    root_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
    return (
        _certificate(name, key, root_name, valid, _usage(signs_certificates=False))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .add_extension(root_id, critical=False)
        .sign(root_key, hashes.SHA256())
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
