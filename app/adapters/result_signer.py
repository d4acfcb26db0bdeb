"""The `result` JWT of the redirect (EdDSA over Ed25519) and the public keys that verify it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

LIFETIME = timedelta(minutes=5)
"""Long enough for a redirect and a check, too short to be kept."""


class Ed25519ResultSigner:
    """Implements `ResultSigner`. `signing_keys` are kid → 32-byte seed, newest first: the first signs."""

    def __init__(self, signing_keys: Mapping[str, bytes], issuer: str) -> None:
        if not signing_keys:
            raise ValueError("at least one signing key is needed")
        self._keys = {kid: Ed25519PrivateKey.from_private_bytes(seed) for kid, seed in signing_keys.items()}
        self._newest_kid = next(iter(self._keys))
        self._issuer = issuer

    def sign(self, organization_id: str, session_id: str, status: str, now: datetime) -> str:
        claims = {
            "iss": self._issuer,
            "aud": organization_id,
            "sub": session_id,
            "status": status,
            "iat": now,
            "exp": now + LIFETIME,
        }
        return jwt.encode(
            claims, self._keys[self._newest_kid], algorithm="EdDSA", headers={"kid": self._newest_kid}
        )

    def public_keys(self) -> Sequence[Mapping[str, str]]:
        """JWKs (RFC 8037) of every key whose signatures may still be about."""
        return [
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "use": "sig",
                "alg": "EdDSA",
                "kid": kid,
                "x": _base64url(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)),
            }
            for kid, key in self._keys.items()
        ]


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
