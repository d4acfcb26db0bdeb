"""What is kept for a request that may come twice: which it was, and what was answered."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

KEY_MAX_CHARACTERS = 255


def is_idempotency_key(text: str) -> bool:
    """Whether a caller may name a request so: 1 to 255 characters of printable ASCII."""
    return 1 <= len(text) <= KEY_MAX_CHARACTERS and all(" " <= character <= "~" for character in text)


@dataclass(frozen=True)
class KeptAnswer:
    """An answer as it went out, to be given again byte for byte."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True)
class IdempotencyPlace:
    """Where a key counts: in one mode of one organization. `key_sha256` is all that is kept of the key itself."""

    organization_id: str
    is_test: bool
    key_sha256: str


def place_of(organization_id: str, is_test: bool, key: str) -> IdempotencyPlace:
    """Of a key that `is_idempotency_key`."""
    return IdempotencyPlace(organization_id, is_test, hashlib.sha256(key.encode("ascii")).hexdigest())


@dataclass(frozen=True)
class IdempotencyRecord:
    """A key that is taken until `ends_at`: by a request that runs, or by what was answered to it.

    `fingerprint` says which request it was, `holder` is a random name for the one run of it that may write.
    `sealed` is the answer, encrypted; None while the request runs.
    """

    organization_id: str
    is_test: bool
    key_sha256: str
    fingerprint: str
    holder: str
    ends_at: datetime
    sealed: bytes | None = None

    @property
    def place(self) -> IdempotencyPlace:
        """What the answer's encryption is bound to."""
        return IdempotencyPlace(self.organization_id, self.is_test, self.key_sha256)
