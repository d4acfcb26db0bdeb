"""The operating system's CSPRNG."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import TypeVar

import uuid_utils

NONCE_BYTES = 16
SECRET_BYTES = 32

Option = TypeVar("Option")


class SystemRandomness:
    def choose(self, options: Sequence[Option]) -> Option:
        return secrets.choice(options)

    def nonce(self) -> str:
        return secrets.token_urlsafe(NONCE_BYTES)

    def secret(self) -> str:
        return secrets.token_urlsafe(SECRET_BYTES)

    def object_id(self) -> str:
        """UUIDv7 (RFC 9562): growing, so that rows made together lie together."""
        return str(uuid_utils.uuid7())
