"""Everything an integrator's server needs of Bonafide, over HTTP. Copy it: it imports nothing of this project."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import httpx
import jwt

Json = dict[str, Any]

TIMEOUT_SECONDS = 20.0


class ApiRefused(Exception):
    """The API said no. `body` is its error body: `error` is the stable code, `message` is for people."""

    def __init__(self, status: int, body: Json) -> None:
        super().__init__(f"{status} {body.get('error')}: {body.get('message')}")
        self.status = status
        self.body = body


class ApiUnreachable(Exception):
    """No answer, or one that is not the API's."""


class ResultRefused(Exception):
    """The `result` of a redirect is forged, expired, or meant for somebody else."""


@dataclass(frozen=True)
class Result:
    """A verified `result`: this is how the session stood when the person was sent back."""

    session_id: str
    status: str
    expires_at: datetime
    key_id: str


class BonafideClient:
    """`base_url` is the server's address without a path. `verify` as httpx has it; leave it on."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        verify: bool | ssl.SSLContext = True,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._http = httpx.Client(
            base_url=base_url,
            headers={"Authorization": f"Bearer {api_key}"},
            timeout=TIMEOUT_SECONDS,
            verify=verify,
            transport=transport,
            trust_env=False,  # straight to the server, whatever proxy the environment names
        )

    def create_entity(self, name: str) -> Json:
        """Register a person."""
        return self._call("POST", "/api/entities", json={"type": "person", "name": name})

    def import_portrait(self, entity_id: str, portrait: bytes) -> Json:
        """Bring in a validation that was approved elsewhere: its portrait becomes the reference."""
        return self._call(
            "POST",
            "/api/kyc/validations/import",
            data={"entityId": entity_id, "status": "approved"},
            files={"portrait": ("portrait", portrait)},
        )

    def create_session(self, entity_id: str, **options: object) -> Json:
        """Open a session. The answer's `sessionUrl` goes into an iframe or a redirect."""
        return self._call("POST", "/api/kyc/biometric/sessions", json={"entityId": entity_id, **options})

    def get_session(self, session_id: str) -> Json:
        """The session as it stands: `status` is the verdict, `decision` the evidence behind it."""
        return self._call("GET", f"/api/kyc/biometric/sessions/{session_id}")

    def cancel_session(self, session_id: str) -> Json:
        """Take an open session back."""
        return self._call("POST", f"/api/kyc/biometric/sessions/{session_id}/cancel")

    def verify_result(self, token: str, organization_id: str) -> Result:
        """Check the `result` that came with the redirect. `ResultRefused` where it proves nothing."""
        published = self._call("GET", "/.well-known/jwks.json")
        try:
            key_id = jwt.get_unverified_header(token)["kid"]
            key = jwt.PyJWKSet.from_dict(published)[key_id]
            claims = jwt.decode(
                token,
                key,
                algorithms=["EdDSA"],
                audience=organization_id,
                options={"require": ["aud", "exp", "sub"]},
            )
        except (jwt.PyJWTError, KeyError) as error:
            raise ResultRefused(str(error)) from error
        return Result(claims["sub"], claims["status"], datetime.fromtimestamp(claims["exp"], UTC), key_id)

    def _call(self, method: str, path: str, **content: Any) -> Json:
        try:
            answer = self._http.request(method, path, **content)
            body = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise ApiUnreachable(f"{method} {path}: {type(error).__name__}") from error
        if not isinstance(body, dict):
            raise ApiUnreachable(f"{method} {path}: not an object")
        if answer.is_error:
            raise ApiRefused(answer.status_code, body)
        return cast("Json", body)
