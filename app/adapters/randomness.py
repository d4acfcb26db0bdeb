"""The operating system's CSPRNG."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import uuid_utils

from app.domain.challenge import ChallengeKind

NONCE_BYTES = 16
SECRET_BYTES = 32


class SystemRandomness:
    def choose(self, kinds: Sequence[ChallengeKind]) -> ChallengeKind:
        return secrets.choice(kinds)

    def nonce(self) -> str:
        return secrets.token_urlsafe(NONCE_BYTES)

    def secret(self) -> str:
        return secrets.token_urlsafe(SECRET_BYTES)

    def object_id(self) -> str:
        """UUIDv7 (RFC 9562): growing, so that rows made together lie together."""
        return str(uuid_utils.uuid7())
