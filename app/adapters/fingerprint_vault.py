"""The replay ledger's entries, sealed under their entity's data key: they are made of a person's face."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from app.adapters.encryption import DataKeys, associated_data, decrypt, encrypt
from app.domain.errors import RecordUnreadable
from app.domain.replay import Fingerprints, StoredFingerprints
from app.domain.session import BiometricSession

FORMAT = b"BFR1"
"""First bytes of every entry: the version of format and fingerprint, which the ciphertext is bound to."""

KIND = "replay-ledger"
_NUMBER = np.dtype("<u8")


class EncryptedFingerprintVault:
    """Implements `FingerprintVault`. Bound to the session: two swapped rows do not open."""

    def __init__(self, keys: DataKeys) -> None:
        self._keys = keys

    def seal(self, session: BiometricSession, fingerprints: Fingerprints, at: datetime) -> StoredFingerprints:
        """As little-endian 64-bit numbers, encrypted."""
        key = self._keys.to_write(session.organization_id, session.entity_id)
        bound_to = _bound_to(session.organization_id, session.entity_id, session.session_id)
        return StoredFingerprints(
            session_id=session.session_id,
            organization_id=session.organization_id,
            entity_id=session.entity_id,
            is_test=session.is_test,
            sealed=FORMAT + encrypt(key, fingerprints.astype(_NUMBER).tobytes(), bound_to),
            created_at=at,
        )

    def open(self, sealed: Sequence[StoredFingerprints]) -> Sequence[Fingerprints | None]:
        """In their order; None where the key is gone or the bytes were changed. One query for all keys."""
        keys = self._keys.to_read_all({(one.organization_id, one.entity_id) for one in sealed})
        return [_opened(one, keys.get((one.organization_id, one.entity_id))) for one in sealed]


def _opened(stored: StoredFingerprints, key: bytes | None) -> Fingerprints | None:
    if key is None or not stored.sealed.startswith(FORMAT):
        return None
    bound_to = _bound_to(stored.organization_id, stored.entity_id, stored.session_id)
    try:
        plain = decrypt(key, stored.sealed[len(FORMAT) :], bound_to)
        return np.frombuffer(plain, dtype=_NUMBER).astype(np.uint64)
    except (RecordUnreadable, ValueError):
        return None


def _bound_to(organization_id: str, entity_id: str, session_id: str) -> bytes:
    return associated_data(FORMAT.decode("ascii"), organization_id, entity_id, session_id, KIND)
