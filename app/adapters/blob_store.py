"""Encrypted blobs as files. Nothing is ever written in clear, not even for a moment."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

from app.adapters.encryption import DataKeys, associated_data, decrypt, encrypt
from app.domain.errors import RecordUnreadable, StoreUnavailable
from app.services.ports import BlobAddress

FORMAT = b"BFB1"
"""First bytes of every blob: the format's version, which is also part of what the ciphertext is bound to."""

_BLOB_ID = re.compile(r"[0-9a-f]{32}")


class EncryptedBlobStore:
    """Files `<folder>/ab/abcdef…`, mode 0600, each under its entity's data key and bound to its address."""

    def __init__(self, folder: Path, keys: DataKeys) -> None:
        self._folder, self._keys = folder, keys

    def put(self, address: BlobAddress, data: bytes) -> str:
        """The file is complete and on the disk, or it is not there at all."""
        key = self._keys.to_write(address.organization_id, address.entity_id)
        blob_id = secrets.token_hex(16)
        sealed = FORMAT + encrypt(key, data, _bound_to(address))
        try:
            _write_durably(self._path(blob_id), sealed)
        except OSError as error:
            raise StoreUnavailable("the blob store cannot be written") from error
        return blob_id

    def get(self, blob_id: str, address: BlobAddress) -> bytes:
        try:
            sealed = self._path(blob_id).read_bytes()
        except FileNotFoundError as error:
            raise RecordUnreadable("the blob is gone") from error
        except OSError as error:
            raise StoreUnavailable("the blob store cannot be read") from error
        if not sealed.startswith(FORMAT):
            raise RecordUnreadable("the blob is of no known format")
        key = self._keys.to_read(address.organization_id, address.entity_id)
        return decrypt(key, sealed[len(FORMAT) :], _bound_to(address))

    def delete(self, blob_id: str) -> None:
        try:
            self._path(blob_id).unlink(missing_ok=True)
        except OSError as error:
            raise StoreUnavailable("the blob store cannot be written") from error

    def is_ready(self) -> str | None:
        """The folder is made where it is missing, so that the first image does not find out."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            return "the blob store cannot be written"
        return None if os.access(self._folder, os.W_OK | os.X_OK) else "the blob store cannot be written"

    def _path(self, blob_id: str) -> Path:
        if not _BLOB_ID.fullmatch(blob_id):
            raise RecordUnreadable("no such blob")
        return self._folder / blob_id[:2] / blob_id


def _bound_to(address: BlobAddress) -> bytes:
    return associated_data(
        FORMAT.decode("ascii"), address.organization_id, address.entity_id, address.record_id, address.kind
    )


def _write_durably(path: Path, data: bytes) -> None:
    """Write beside, flush to the disk, rename, flush the folder."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.partial")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
