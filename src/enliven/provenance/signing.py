"""Signs finished files with C2PA: in the file where its kind has a place for it, else in a file beside it.

Nothing is fetched; a time stamp is asked for only when ENLIVEN_TIMESTAMP_SERVER names a server.
"""

from __future__ import annotations

import io
import os
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from PIL import Image

from enliven.errors import ProvenanceError
from enliven.provenance.credentials import Credentials
from enliven.provenance.manifest import Ingredient, Making

_Made = TypeVar("_Made")

EMBEDDED = {
    ".mp4": "video/mp4",
    ".gif": "image/gif",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
}
"""Kinds of file that hold their manifest, and their media types."""
BESIDE = {".webm": "video/webm"}
"""Kinds that have no place for one."""
_OFFLINE = {"remote_manifest_fetch": False, "ocsp_fetch": False}
_NO_THUMBNAIL = {"thumbnail": {"enabled": False}}
_SETTINGS = {"builder": _NO_THUMBNAIL, "verify": {**_OFFLINE, "verify_after_sign": False}}
_CHECKED = {"builder": _NO_THUMBNAIL, "verify": {**_OFFLINE, "verify_after_sign": True}}


class Signatory:
    """Signs the files of one result."""

    def __init__(self, credentials: Credentials, making: Making) -> None:
        """Tries the signature on a tiny picture, so that what cannot work is known before the work.

        Raises ProvenanceError when C2PA refuses the certificate.
        """
        import c2pa

        self._c2pa = c2pa
        self._making = making
        server = os.environ.get("ENLIVEN_TIMESTAMP_SERVER")
        try:
            self._signer = c2pa.Signer.from_info(
                c2pa.C2paSignerInfo(
                    credentials.algorithm.encode(),
                    credentials.certificates,
                    credentials.key,
                    server.encode() if server else None,
                )
            )
            _apart(lambda: self._try(c2pa.Context.from_dict(_CHECKED)))
        except c2pa.C2paError as error:
            raise _refused(credentials, server, error) from None
        self._context = c2pa.Context.from_dict(_SETTINGS)
        self._template = _apart(self._with_own_manifests)

    def sign(self, path: Path, *, title: str) -> None:
        """Put the manifest in a file; it is replaced by its signed copy. Raises ProvenanceError and OSError."""
        signed = path.with_name(f".{path.stem}.{uuid.uuid4().hex[:8]}.part{path.suffix}")
        try:
            with path.open("rb") as source, signed.open("w+b") as file:
                target = _Recording(file)
                self._sign(source, target, EMBEDDED[path.suffix.lower()], title)
            signed.replace(path)
        finally:
            signed.unlink(missing_ok=True)

    def signed(self, content: bytes, kind: str, *, title: str) -> bytes:
        """The signed copy of a small file in memory; ``kind``: its suffix."""
        target = io.BytesIO()
        self._sign(io.BytesIO(content), _Recording(target), EMBEDDED[kind], title)
        return target.getvalue()

    def manifest_beside(self, path: Path, *, kind: str, title: str) -> bytes:
        """The manifest to keep beside a file that cannot hold it; the file is only read."""
        with path.open("rb") as source, path.open("rb") as copy:
            return self._sign(source, _Recording(_Echo(copy)), BESIDE[kind], title, embed=False)

    def _sign(
        self,
        source: BinaryIO | io.BytesIO,
        target: _Recording,
        media_type: str,
        title: str,
        *,
        embed: bool = True,
    ) -> bytes:
        builder = self._builder(title)
        if not embed:
            builder.set_no_embed()
        try:
            return _apart(lambda: bytes(builder.sign(self._signer, media_type, source, target)))
        except self._c2pa.C2paError as error:
            if target.error is not None:
                raise target.error from None
            raise ProvenanceError(f"The result could not be signed ({error}); it was not kept.") from None

    def _builder(self, title: str) -> Any:
        """A manifest to sign: made anew where that is quick, from the template where inputs were read for it."""
        if self._template is not None:
            return self._c2pa.Builder({}, self._context).with_archive(io.BytesIO(self._template))
        return self._c2pa.Builder(self._making.definition(title), self._context)

    def _with_own_manifests(self) -> bytes | None:
        """A template that holds the credentials of the inputs too, or None when no input has any."""
        having = tuple(i for i in self._making.ingredients if self._has_manifest(i))
        if not having:
            return None
        definition = self._making.definition("made with enliven", leave_out=having)
        builder = self._c2pa.Builder(definition, self._context)
        for ingredient in having:
            with ingredient.path.open("rb") as file:
                builder.add_ingredient(ingredient.definition(), ingredient.format, file)
        template = io.BytesIO()
        builder.to_archive(template)
        return template.getvalue()

    def _has_manifest(self, ingredient: Ingredient) -> bool:
        if ingredient.path.is_dir():
            return False
        try:
            with ingredient.path.open("rb") as file:
                return self._c2pa.Reader.try_create(ingredient.format, file, None, self._context) is not None
        except self._c2pa.C2paError:
            return False  # kinds of file that C2PA does not know hold no credentials

    def _try(self, context: Any) -> None:
        picture, out = io.BytesIO(), io.BytesIO()
        Image.new("RGB", (8, 8)).save(picture, "PNG")
        builder = self._c2pa.Builder(self._making.definition("trial"), context)
        builder.sign(self._signer, "image/png", picture, out)


def _apart(work: Callable[[], _Made]) -> _Made:
    """Does the work in a thread of its own: C2PA reads and writes through callbacks, which swallow a Ctrl-C."""
    with ThreadPoolExecutor(1, thread_name_prefix="c2pa") as thread:
        return thread.submit(work).result()


class _Recording:
    """A stream that remembers what broke a write (a full disk, Ctrl-C), which C2PA's own error does not tell."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.error: BaseException | None = None

    def write(self, data: bytes) -> int:
        try:
            return int(self._stream.write(data))
        except BaseException as error:
            self.error = error
            raise

    def flush(self) -> None:
        try:
            self._stream.flush()
        except BaseException as error:
            self.error = error
            raise

    def read(self, size: int = -1) -> bytes:
        return bytes(self._stream.read(size))

    def seek(self, offset: int, whence: int = 0) -> int:
        return int(self._stream.seek(offset, whence))

    def tell(self) -> int:
        return int(self._stream.tell())


class _Echo:
    """Takes the unchanged copy that C2PA writes for a manifest beside the file, and keeps none of it."""

    def __init__(self, same: BinaryIO) -> None:
        self._same = same

    def write(self, data: bytes) -> int:
        self._same.seek(len(data), os.SEEK_CUR)
        return len(data)

    def flush(self) -> None:
        """Nothing is held."""

    def read(self, size: int = -1) -> bytes:
        return self._same.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._same.seek(offset, whence)

    def tell(self) -> int:
        return self._same.tell()


def _refused(credentials: Credentials, server: str | None, error: Exception) -> ProvenanceError:
    asked = f" or ask no time stamp of {server} (ENLIVEN_TIMESTAMP_SERVER)" if server else ""
    return ProvenanceError(
        f"Signing with the certificate {credentials.path} failed: {error}. A certificate for signing content "
        "is needed: not self-signed, with the key usage 'digital signature' and the extended key usage "
        f"'email protection'. Leave out --cert and --key to sign with local ones{asked}."
    )
