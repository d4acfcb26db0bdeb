from __future__ import annotations

from datetime import timedelta
from typing import Any

import jwt
import pytest
from jwt.types import Options

from app.adapters.result_signer import Ed25519ResultSigner
from tests.fakes import EPOCH

OLD, NEW = {"2025": b"o" * 32}, {"2026": b"n" * 32}
NO_CLOCK: Options = {"verify_exp": False, "verify_iat": False}


def check(token: str, signer: Ed25519ResultSigner, audience: str = "org") -> dict[str, Any]:
    """What an integrator does with the published keys."""
    keys = jwt.PyJWKSet.from_dict({"keys": [dict(key) for key in signer.public_keys()]})
    key = keys[jwt.get_unverified_header(token)["kid"]]
    return jwt.decode(token, key, algorithms=["EdDSA"], audience=audience, options=NO_CLOCK)


def test_a_result_verifies_with_the_published_keys() -> None:
    signer = Ed25519ResultSigner(NEW, "https://verify.example")
    claims = check(signer.sign("org", "session", "approved", EPOCH), signer)
    assert claims == {
        "iss": "https://verify.example",
        "aud": "org",
        "sub": "session",
        "status": "approved",
        "iat": int(EPOCH.timestamp()),
        "exp": int((EPOCH + timedelta(minutes=5)).timestamp()),
    }


def test_a_result_for_one_organization_is_none_for_another() -> None:
    signer = Ed25519ResultSigner(NEW, "https://verify.example")
    with pytest.raises(jwt.InvalidAudienceError):
        check(signer.sign("org", "session", "approved", EPOCH), signer, audience="other")


def test_a_changed_result_does_not_verify() -> None:
    signer = Ed25519ResultSigner(NEW, "https://verify.example")
    header, _, signature = signer.sign("org", "session", "rejected", EPOCH).split(".")
    payload = signer.sign("org", "session", "approved", EPOCH).split(".")[1]
    with pytest.raises(jwt.InvalidSignatureError):
        check(f"{header}.{payload}.{signature}", signer)


def test_during_a_rotation_both_keys_verify_and_the_newest_signs() -> None:
    old = Ed25519ResultSigner(OLD, "https://verify.example").sign("org", "session", "approved", EPOCH)
    both = Ed25519ResultSigner({**NEW, **OLD}, "https://verify.example")
    assert check(old, both)["sub"] == "session"
    assert jwt.get_unverified_header(both.sign("org", "s", "approved", EPOCH))["kid"] == "2026"


def test_published_keys_hold_nothing_private() -> None:
    (key,) = Ed25519ResultSigner(NEW, "https://verify.example").public_keys()
    assert set(key) == {"kty", "crv", "use", "alg", "kid", "x"}


def test_an_expired_result_is_refused_by_any_library() -> None:
    signer = Ed25519ResultSigner(NEW, "https://verify.example")
    token = signer.sign("org", "session", "approved", EPOCH.replace(year=2020))
    keys = jwt.PyJWKSet.from_dict({"keys": [dict(key) for key in signer.public_keys()]})
    with pytest.raises(jwt.ExpiredSignatureError):
        jwt.decode(token, keys["2026"], algorithms=["EdDSA"], audience="org")
