"""Signed links and tickets: itsdangerous, a salt for each purpose, and a list of secrets for rotation."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from itsdangerous import BadData, TimestampSigner, URLSafeTimedSerializer
from itsdangerous.encoding import base64_decode, base64_encode

from app.services.ports import Clock, PageClaim

SESSION_SALT = "bonafide.session-link"
TICKET_SALT = "bonafide.upload-ticket"
HANDOFF_SALT = "bonafide.handoff-link"
PHONE_SALT = "bonafide.phone-link"


class _SignerAt(TimestampSigner):
    """Signs at a given second instead of the system's, so that links are stable and tests need no waiting."""

    def __init__(self, *args: Any, at: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._at = at

    def get_timestamp(self) -> int:
        return self._at


class SignedTokens:
    """Implements `SessionLinks`. `secret_keys` are newest first: the first signs, all of them verify."""

    def __init__(self, secret_keys: Sequence[str], clock: Clock, upload_ticket_seconds: int) -> None:
        if not secret_keys:
            raise ValueError("at least one secret key is needed")
        self._oldest_first = list(reversed(secret_keys))
        self._clock, self._upload_ticket_seconds = clock, upload_ticket_seconds

    def session_token(self, hosted_session_id: str, created_at: datetime) -> str:
        """Signed at the session's creation: the same on every read."""
        return self._serializer(SESSION_SALT, created_at).dumps(hosted_session_id)

    def read_session_token(self, token: str) -> str | None:
        payload = self._read(SESSION_SALT, token, max_age=None)
        return payload if isinstance(payload, str) else None

    def upload_ticket(self, hosted_session_id: str, attempt: int, nonce: str) -> str:
        return self._serializer(TICKET_SALT, self._clock.now()).dumps([hosted_session_id, attempt, nonce])

    def read_upload_ticket(self, ticket: str) -> tuple[str, int, str] | None:
        match self._read(TICKET_SALT, ticket, max_age=self._upload_ticket_seconds):
            case [str(hosted_session_id), int(attempt), str(nonce)]:
                return hosted_session_id, attempt, nonce
        return None

    def handoff_token(self, handoff_id: str, created_at: datetime) -> str:
        # Short: it is read off a screen, as a code of few and large squares.
        return self._serializer(HANDOFF_SALT, created_at).dumps(_text(UUID(handoff_id).bytes))

    def read_handoff_token(self, token: str) -> str | None:
        payload = self._read(HANDOFF_SALT, token, max_age=None)
        return str(UUID(bytes=base64_decode(payload))) if isinstance(payload, str) else None

    def phone_token(self, hosted_session_id: str, handoff_id: str, created_at: datetime) -> str:
        return self._serializer(PHONE_SALT, created_at).dumps([hosted_session_id, handoff_id])

    def read_page_token(self, token: str) -> PageClaim | None:
        hosted_session_id = self.read_session_token(token)
        if hosted_session_id is not None:
            return PageClaim(hosted_session_id)
        match self._read(PHONE_SALT, token, max_age=None):
            case [str(of_phone), str(handoff_id)]:
                return PageClaim(of_phone, handoff_id)
        return None

    def _read(self, salt: str, token: str, max_age: int | None) -> object:
        """The payload, None for whatever was not signed here for this purpose, or too long ago."""
        try:
            if not _is_canonical(token):
                return None
            return self._serializer(salt, self._clock.now()).loads(token, max_age=max_age)
        except (BadData, UnicodeError):  # text that is no UTF-8 can come out of a URL
            return None

    def _serializer(self, salt: str, at: datetime) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(
            self._oldest_first,
            salt=salt,
            signer=_SignerAt,
            signer_kwargs={
                "at": int(at.timestamp()),
                "digest_method": hashlib.sha256,
                "key_derivation": "hmac",
            },
        )


def _text(data: bytes) -> str:
    return base64_encode(data).decode("ascii")


def _is_canonical(token: str) -> bool:
    """Whether the signature is written as we write it: lenient decoding would give one link many spellings."""
    signature = token.rpartition(".")[2]
    return _text(base64_decode(signature)) == signature
