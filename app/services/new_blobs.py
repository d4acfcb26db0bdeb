"""Blobs are written before the row that names them. Where that row is never written, they must go again."""

from __future__ import annotations

import contextlib
from types import TracebackType
from typing import Self

from app.domain.errors import StoreUnavailable
from app.services.ports import BlobAddress, BlobStore


class NewBlobs:
    """Puts blobs, and removes them when the block fails before `keep()`: no image stays that nothing names."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._unnamed: list[str] = []

    def put(self, address: BlobAddress, data: bytes) -> str:
        """As `BlobStore.put`."""
        blob_id = self._blobs.put(address, data)
        self._unnamed.append(blob_id)
        return blob_id

    def keep(self) -> None:
        """Call right before the commit: one that fails may still have happened, and then its row names them."""
        self._unnamed.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for blob_id in self._unnamed:
            # A blob store that is away keeps them encrypted under the entity's key, and they go with it.
            with contextlib.suppress(StoreUnavailable):
                self._blobs.delete(blob_id)
