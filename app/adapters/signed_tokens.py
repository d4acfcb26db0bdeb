"""Signed links and tickets: itsdangerous, a salt for each purpose, and a list of secrets for rotation."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from itsdangerous import BadData, TimestampSigner, URLSafeTimedSerializer
from itsdangerous.encoding import base64_decode, base64_encode

from app.services.ports import Clock

SESSION_SALT = "bonafide.session-link"
TICKET_SALT = "bonafide.upload-ticket"


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


def _is_canonical(token: str) -> bool:
    """Whether the signature is written as we write it: lenient decoding would give one link many spellings."""
    signature = token.rpartition(".")[2]
    return base64_encode(base64_decode(signature)).decode("ascii") == signature
