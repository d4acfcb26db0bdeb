"""Answers kept for idempotency keys, sealed: they hold session links, and secrets that are shown once."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass, field

from app.adapters.encryption import DataKeys, associated_data, decrypt, encrypt
from app.domain.errors import RecordUnreadable
from app.domain.idempotency import IdempotencyPlace, KeptAnswer

FORMAT = b"BFA1"
"""First bytes of every sealed answer: the format's version, which is part of what the ciphertext is bound to."""

_HEAD_ENDS = b"\n"


class EncryptedAnswerVault:
    """Implements `AnswerVault` with the organization's data key, which the master key wraps.

    Every answer is encrypted under a key of its own, derived from that one and from all that names the answer:
    two swapped rows do not open, and no key ever encrypts too much.
    """

    def __init__(self, keys: DataKeys) -> None:
        self._keys = keys

    def seal_of(self, organization_id: str) -> OrganizationSeal:
        return OrganizationSeal(organization_id, self._keys.to_write(organization_id, organization_id))


@dataclass(frozen=True)
class OrganizationSeal:
    """Implements `AnswerSeal`; for the time of one request."""

    organization_id: str
    key: bytes = field(repr=False)

    def fingerprint(self, digest: bytes) -> str:
        """HMAC-SHA256: a plain hash of a small body could be found by trying."""
        purpose = associated_data("idempotency-fingerprint", self.organization_id)
        return hmac.new(self.key, purpose + digest, hashlib.sha256).hexdigest()

    def seal(self, place: IdempotencyPlace, answer: KeptAnswer) -> bytes:
        """Status and headers as a line of JSON, then the body, encrypted."""
        head = json.dumps([answer.status, answer.headers]).encode("ascii")
        bound_to = _bound_to(place)
        return FORMAT + encrypt(self._key_of(bound_to), head + _HEAD_ENDS + answer.body, bound_to)

    def open(self, place: IdempotencyPlace, sealed: bytes) -> KeptAnswer:
        if not sealed.startswith(FORMAT):
            raise RecordUnreadable("the kept answer is of an unknown format")
        bound_to = _bound_to(place)
        plain = decrypt(self._key_of(bound_to), sealed[len(FORMAT) :], bound_to)
        head, _, body = plain.partition(_HEAD_ENDS)
        status, headers = json.loads(head)
        return KeptAnswer(status, tuple((name, value) for name, value in headers), body)

    def _key_of(self, bound_to: bytes) -> bytes:
        return hmac.new(self.key, bound_to, hashlib.sha256).digest()


def _bound_to(place: IdempotencyPlace) -> bytes:
    mode = "test" if place.is_test else "live"
    return associated_data(
        "idempotency-answer", FORMAT.decode("ascii"), place.organization_id, mode, place.key_sha256
    )
