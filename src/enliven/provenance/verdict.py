"""What was found in a file, put into one plain sentence and into plain values."""

from __future__ import annotations

from enliven.provenance.credential_reader import (
    ABSENT,
    EXPIRED,
    TAMPERED,
    UNREADABLE,
    UNTRUSTED,
    VALID,
    CredentialReading,
)
from enliven.provenance.watermark import WatermarkReading
from enliven.types import JsonObject

NOTHING = (
    "Nothing in this file says that it was made; that does not mean that it was not, because marks can be removed "
    "and most tools leave none."
)


def sentence(
    credentials: CredentialReading,
    watermark: WatermarkReading,
    agreement: bool | None,
    pictures: dict[str, int],
) -> str:
    """One sentence; ``agreement`` and ``pictures`` as in :class:`enliven.provenance.verify.Verification`."""
    if credentials.state == ABSENT and not watermark.found:
        return NOTHING
    if not credentials.says_made and not watermark.found:
        return f"{_unsaid(credentials)}; nothing in the file says that it was made."
    mark = _mark(watermark, agreement)
    if not credentials.says_made:
        return f"This was made with enliven: {mark}, {_without(credentials)}."
    return f"This was made{_by(credentials)}: {_said(credentials, pictures)}, and {mark}."


def _by(credentials: CredentialReading) -> str:
    return f" with {credentials.generator}" if credentials.generator else ""


def _said(credentials: CredentialReading, pictures: dict[str, int]) -> str:
    """The credentials' part of the sentence."""
    signer = f"signed by '{credentials.signer}'" if credentials.signer else "signed"
    said = {
        VALID: f"its credentials, {signer}, say so and nothing was changed since",
        UNTRUSTED: f"its credentials say so and nothing was changed since, but who signed them "
        f"('{credentials.signer}') is not known on this computer",
        EXPIRED: f"its credentials say so, but the certificate of '{credentials.signer}' has expired since",
        TAMPERED: "its credentials say so, but the file was changed after it was signed",
    }[credentials.state]
    lacking = pictures.get(ABSENT, 0)
    if lacking and lacking < sum(pictures.values()):
        said += f" (of {sum(pictures.values())} pictures, {lacking} have none)"
    return said


def _without(credentials: CredentialReading) -> str:
    """What goes with a watermark when credentials do not say the same."""
    if credentials.state == ABSENT:
        return "but its credentials were removed or lost on the way"
    return f"but its credentials do not say so: {_unsaid(credentials)[0].lower()}{_unsaid(credentials)[1:]}"


def _unsaid(credentials: CredentialReading) -> str:
    """What credentials tell that do not speak of making."""
    if credentials.state == UNREADABLE:
        return "Credentials could not be read from this file, which is damaged or not built as its kind should be"
    known = {
        VALID: "whose signer is trusted here",
        UNTRUSTED: "whose signer is not known on this computer",
        EXPIRED: "whose certificate has expired",
        TAMPERED: "but it was changed after it was signed",
    }[credentials.state]
    return f"This file has credentials by '{credentials.signer}', {known}"


def _mark(watermark: WatermarkReading, agreement: bool | None) -> str:
    """The watermark's part of the sentence."""
    if not watermark.found:
        return "no watermark of ours was found in the picture"
    if watermark.payload is None:
        return "its invisible watermark is in the picture, though too little is left of it to read its number"
    if agreement is None:
        return f"its invisible watermark {watermark.payload:08x} is in the picture"
    if agreement:
        return "the invisible watermark in the picture belongs to them"
    return (
        f"the invisible watermark {watermark.payload:08x} in the picture belongs to another result, so picture and "
        "credentials were put together afterwards"
    )


def credential_facts(reading: CredentialReading, pictures: dict[str, int]) -> JsonObject:
    """For programs."""
    return {
        "state": reading.state,
        "says_made": reading.says_made,
        "signer": reading.signer,
        "generator": reading.generator,
        "making": reading.record,
        "problems": list(reading.problems),
        "sidecar": str(reading.sidecar) if reading.sidecar else None,
        "pictures": pictures,
    }


def watermark_facts(reading: WatermarkReading, problem: str, own_key: bool | None) -> JsonObject:
    """For programs; ``state``: found, absent, or not searched because of ``problem``."""
    payload = reading.payload
    return {
        "state": "not searched" if problem else "found" if reading.found else "absent",
        "problem": problem or None,
        "payload": None if payload is None else f"{payload:08x}",
        "key_id": None if payload is None else f"{payload >> 16:04x}",
        "record_hash": None if payload is None else f"{payload & 0xFFFF:04x}",
        "own_key": own_key,
        "confidence": reading.confidence,
        "frames": reading.frames,
    }
