"""AES-256-GCM: a data key per entity, wrapped by a versioned master key. Rotation rewraps keys, not files."""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.domain.errors import RecordUnreadable

KEY_BYTES = 32
NONCE_BYTES = 12
"""What GCM is defined for. Random nonces are safe for 2³² messages a key (NIST SP 800-38D §8.3)."""

_COMPACT = json.JSONEncoder(separators=(",", ":"))


@dataclass(frozen=True)
class WrappedKey:
    """An entity's data key as it is stored: useless without the master key it names."""

    entity_id: str
    organization_id: str
    master_key_id: str
    wrapped: bytes


class WrappedKeys(Protocol):
    """Where wrapped keys are kept; each call is a transaction of its own."""

    def find(self, organization_id: str, entity_id: str) -> WrappedKey | None: ...
    def find_all(self, entity_ids: Collection[str]) -> Sequence[WrappedKey]:
        """Those that there are, in one query, in any order."""

    def add_first(self, key: WrappedKey) -> WrappedKey:
        """Add, or give back the one that stands already: two first images must not make two keys."""

    def not_wrapped_by(self, master_key_id: str, limit: int) -> Sequence[WrappedKey]: ...
    def replace(self, before: WrappedKey, after: WrappedKey) -> bool:
        """Only where `before` still stands."""


def associated_data(*parts: str) -> bytes:
    """An unambiguous encoding of what a ciphertext is bound to."""
    return _COMPACT.encode(parts).encode("utf-8")


def encrypt(key: bytes, plain: bytes, bound_to: bytes) -> bytes:
    """Nonce (12 bytes), ciphertext, tag (16 bytes)."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, bound_to)


def decrypt(key: bytes, sealed: bytes, bound_to: bytes) -> bytes:
    """`RecordUnreadable` where the bytes were changed, or belong to something else."""
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to)
    except (InvalidTag, ValueError) as error:
        raise RecordUnreadable("the stored bytes do not decrypt") from error


class DataKeys:
    """Data keys of entities. `master_keys` are id → 32 bytes, newest first: the first one wraps."""

    def __init__(self, store: WrappedKeys, master_keys: Mapping[str, bytes]) -> None:
        if not master_keys or any(len(key) != KEY_BYTES for key in master_keys.values()):
            raise ValueError("at least one master key of 32 bytes is needed")
        self._store, self._master_keys = store, dict(master_keys)
        self._newest_id = next(iter(self._master_keys))

    def to_write(self, organization_id: str, entity_id: str) -> bytes:
        """The entity's key, made when it has none yet."""
        wrapped = self._store.find(organization_id, entity_id)
        if wrapped is None:
            fresh = self._wrap(organization_id, entity_id, secrets.token_bytes(KEY_BYTES))
            wrapped = self._store.add_first(fresh)
        return self._unwrap(wrapped)

    def to_read(self, organization_id: str, entity_id: str) -> bytes:
        """`RecordUnreadable` where the entity's key was destroyed."""
        wrapped = self._store.find(organization_id, entity_id)
        if wrapped is None:
            raise RecordUnreadable("the entity has no key")
        return self._unwrap(wrapped)

    def to_read_all(self, owners: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], bytes]:
        """Keys of many (organization, entity) with one query. Those that are gone or unreadable are left out."""
        keys: dict[tuple[str, str], bytes] = {}
        for wrapped in self._store.find_all({entity_id for _, entity_id in owners}):
            with contextlib.suppress(RecordUnreadable):
                keys[wrapped.organization_id, wrapped.entity_id] = self._unwrap(wrapped)
        return keys

    def rewrap_all(self, batch: int = 500) -> int:
        """Wrap every key with the newest master key; how many were. Safe to repeat and to interrupt."""
        rewrapped = 0
        while keys := self._store.not_wrapped_by(self._newest_id, batch):
            for before in keys:
                plain = self._unwrap(before)
                after = self._wrap(before.organization_id, before.entity_id, plain)
                rewrapped += self._store.replace(before, after)
        return rewrapped

    def _wrap(self, organization_id: str, entity_id: str, plain: bytes) -> WrappedKey:
        bound_to = associated_data("entity-key", organization_id, entity_id, self._newest_id)
        sealed = encrypt(self._master_keys[self._newest_id], plain, bound_to)
        return WrappedKey(entity_id, organization_id, self._newest_id, sealed)

    def _unwrap(self, wrapped: WrappedKey) -> bytes:
        master_key = self._master_keys.get(wrapped.master_key_id)
        if master_key is None:
            raise RecordUnreadable(f"master key {wrapped.master_key_id} is not configured")
        bound_to = associated_data("entity-key", wrapped.organization_id, wrapped.entity_id, wrapped.master_key_id)
        return decrypt(master_key, wrapped.wrapped, bound_to)
