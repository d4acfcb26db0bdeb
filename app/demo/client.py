"""Everything an integrator's server needs of Bonafide, over HTTP. Copy it: it imports nothing of this project.

Needs httpx and PyJWT. Answers are the API's own JSON, typed. A create carries an idempotency key, so that it may
be sent again when the network fails; what the server asks to send later is sent later, a few times.
"""

from __future__ import annotations

import base64
import json
import random
import ssl
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Self, TypedDict, TypeVar, Unpack, cast

import httpx
import jwt

Json = dict[str, Any]
Answered = TypeVar("Answered")
Review = Literal["approve", "reject"]

TIMEOUT_SECONDS = 20.0
PAGE_ITEMS = 100
RETRIES = 3
FIRST_WAIT_SECONDS = 0.5  # before the first repetition; doubled for each further one, and shortened by chance
LONGEST_WAIT_SECONDS = 30.0  # where the server wants more the caller is told (`ApiRefused.retry_after_seconds`)
REPEATED_CODES = frozenset({"RATE_LIMITED", "SERVICE_UNAVAILABLE", "IDEMPOTENCY_IN_PROGRESS"})
SESSIONS, VALIDATIONS, FACE_MATCH = "/api/kyc/biometric/sessions", "/api/kyc/validations", "/api/kyc/face-match"


class ApiRefused(Exception):
    """The API said no. `code` is stable, the message is for people, `fields` says what is wrong with which."""

    def __init__(self, status: int, body: Json, retry_after_seconds: float | None = None) -> None:
        super().__init__(f"{status} {body.get('error')}: {body.get('message')} ({body.get('requestId')})")
        self.status = status
        self.body = body
        self.code = str(body.get("error"))
        self.request_id: str | None = body.get("requestId")
        self.fields: Mapping[str, str] = body.get("fields") or {}
        self.active_session_id: str | None = body.get("activeSessionId")
        self.retry_after_seconds = retry_after_seconds


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


class Entity(TypedDict):
    """A person. Times are ISO 8601 with `Z`, here and below."""

    id: str
    organizationId: str
    type: str
    name: str
    externalId: str | None
    taxId: str | None
    countryCode: str | None
    attributes: Json | None
    createdAt: str
    updatedAt: str


class Validation(TypedDict):
    """A KYC validation: where a reference portrait comes from."""

    id: str
    entityId: str
    organizationId: str
    status: str
    approvedAt: str | None
    externalSessionId: str | None
    metadata: Json | None
    quality: Json | None
    crossEntity: Json
    warnings: list[str]
    createdAt: str
    updatedAt: str


class SessionOptions(TypedDict, total=False):
    """What a create may say beyond the entity, as the API names it."""

    webhookUrl: str
    callback: str
    language: str
    workflowId: str
    metadata: Json
    accessibility: Json
    challenges: int
    expiresInSeconds: int


class CreatedSession(TypedDict):
    """`sessionUrl` is the `src` of an iframe whose `allow` is `iframeAllow`, or the target of a redirect."""

    id: str
    entityId: str
    status: str
    sessionUrl: str
    iframeAllow: str
    mode: str
    hostedSessionId: str
    expiresAt: str


class Session(CreatedSession):
    """`status` is the verdict, `decision` the evidence behind it."""

    organizationId: str
    rejectionCode: str | None
    rejectionMessage: str | None
    createdAt: str
    updatedAt: str
    completedAt: str | None
    startedAt: str | None
    attempts: int
    metadata: Json | None
    callback: str | None
    language: str | None
    inReview: bool
    decision: Json | None
    warnings: list[str]


class BiometricCheck(TypedDict):
    """A picture against the approved validations of an entity."""

    match: bool
    score: float
    approvedSessionIds: list[str]
    matchedKycValidationIds: list[str]
    faceSearch: Json
    warnings: list[str]


class FaceMatch(TypedDict):
    """Two pictures against each other. `verificationId` names the record of it."""

    match: bool
    score: float
    status: str
    verificationId: str
    scoreDeclineThreshold: float
    requestId: str
    warnings: list[str]


class FaceMatchRecord(TypedDict):
    """A face match as it is kept; `failed` ones have an `errorMessage` and no score."""

    id: str
    organizationId: str
    entityId: str | None
    status: str
    match: bool
    score: float | None
    threshold: float
    warnings: list[str]
    requestId: str
    vendorData: str | None
    errorMessage: str | None
    triggeredByUserId: str
    documentStoragePath: str | None
    selfieStoragePath: str | None
    storageProvider: str
    createdAt: str


class BonafideClient:
    """`base_url` is the server's address without a path. `verify` as httpx has it; leave it on.

    Every method may raise `ApiRefused` and `ApiUnreachable`. Safe to use from several threads.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        verify: bool | ssl.SSLContext = True,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._sleep = sleep
        self._http = httpx.Client(
            base_url=base_url,
            headers={"Authorization": f"Bearer {api_key}"},
            timeout=TIMEOUT_SECONDS,
            verify=verify,
            transport=transport,
            trust_env=False,  # straight to the server, whatever proxy the environment names
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def create_entity(self, name: str, *, idempotency_key: str | None = None, **fields: Any) -> Entity:
        """Register a person. `fields`: externalId, taxId, countryCode, attributes."""
        body = {"type": "person", "name": name, **fields}
        return self._create(Entity, "/api/entities", idempotency_key, json=body)

    def get_entity(self, entity_id: str) -> Entity:
        return self._call(Entity, "GET", f"/api/entities/{entity_id}")

    def entities(self, external_id: str | None = None) -> Iterator[Entity]:
        """All of them, or the one that you call so."""
        return self._pages(Entity, "/api/entities", "entities", externalId=external_id)

    def import_portrait(
        self, entity_id: str, portrait: bytes, *, idempotency_key: str | None = None, **fields: Any
    ) -> Validation:
        """From an approval elsewhere. `fields`: approvedAt, externalSessionId, metadata (an object)."""
        form = {"entityId": entity_id, "status": "approved", **_as_texts(fields)}
        files = {"portrait": ("portrait", portrait)}
        return self._create(Validation, f"{VALIDATIONS}/import", idempotency_key, data=form, files=files)

    def get_validation(self, validation_id: str) -> Validation:
        return self._call(Validation, "GET", f"{VALIDATIONS}/{validation_id}")

    def validations(self, entity_id: str) -> Iterator[Validation]:
        return self._pages(Validation, f"/api/kyc/entities/{entity_id}/validations", "validations")

    def current_validation(self, entity_id: str) -> Validation | None:
        """The latest created one."""
        return self._call(Validation, "GET", f"/api/kyc/entities/{entity_id}/current")

    def review_validation(self, validation_id: str, verdict: Review, reason: str) -> Validation:
        """One that is rejected stops counting at once."""
        path = f"{VALIDATIONS}/{validation_id}/{verdict}"
        return self._call(Validation, "POST", path, is_repeatable=False, json={"reason": reason})

    def create_session(
        self, entity_id: str, *, idempotency_key: str | None = None, **options: Unpack[SessionOptions]
    ) -> CreatedSession:
        """Open a session. `ACTIVE_SESSION_EXISTS` names the one that stands: `ApiRefused.active_session_id`."""
        body = {"entityId": entity_id, **options}
        return self._create(CreatedSession, SESSIONS, idempotency_key, json=body)

    def get_session(self, session_id: str) -> Session:
        """The session as it stands."""
        return self._call(Session, "GET", f"{SESSIONS}/{session_id}")

    def sessions(self, entity_id: str | None = None, status: str | None = None) -> Iterator[Session]:
        """Newest first, page after page as you go on."""
        return self._pages(Session, SESSIONS, "sessions", entityId=entity_id, status=status)

    def current_session(self, entity_id: str, *, only_approved: bool = False) -> Session | None:
        """The latest created one, or the latest approved one."""
        basis = "approved" if only_approved else "created"
        path = f"/api/kyc/biometric/entities/{entity_id}/current"
        return self._call(Session, "GET", path, params={"basis": basis})

    def sync_session(self, session_id: str) -> Session:
        """Have it put right, and decided where its capture is in."""
        return self._call(Session, "POST", f"{SESSIONS}/{session_id}/sync")

    def cancel_session(self, session_id: str) -> Session:
        """Take an open session back."""
        return self._call(Session, "POST", f"{SESSIONS}/{session_id}/cancel", is_repeatable=False)

    def review_session(self, session_id: str, verdict: Review, reason: str) -> Session:
        """Only while `inReview`."""
        path = f"{SESSIONS}/{session_id}/{verdict}"
        return self._call(Session, "POST", path, is_repeatable=False, json={"reason": reason})

    def session_image(self, session_id: str, kind: str) -> bytes:
        """`selfie` or `challenge-N`; every look is logged."""
        return self._send("GET", f"{SESSIONS}/{session_id}/media/{kind}", is_repeatable=True).content

    def check_biometric(self, image: bytes, **entity: str) -> BiometricCheck:
        """Is this somebody who was approved before? `entity`: entityId, or externalEntityId, which is yours."""
        body = {"user_image": base64.b64encode(image).decode("ascii"), **entity}
        return self._create(BiometricCheck, "/api/kyc/biometric", None, json=body)

    def match_faces(self, document: bytes, selfie: bytes, **fields: Any) -> FaceMatch:
        """Are these two the same person? `fields`: entityId, scoreThreshold, vendorData."""
        files = {"documentImage": ("document", document), "selfieImage": ("selfie", selfie)}
        return self._create(FaceMatch, FACE_MATCH, None, data=_as_texts(fields), files=files)

    def get_face_match(self, verification_id: str) -> FaceMatchRecord:
        return self._call(FaceMatchRecord, "GET", f"{FACE_MATCH}/verifications/{verification_id}")

    def face_matches(self, entity_id: str | None = None, status: str | None = None) -> Iterator[FaceMatchRecord]:
        """Newest first, failed ones too."""
        query = {"entityId": entity_id, "status": status}
        return self._pages(FaceMatchRecord, f"{FACE_MATCH}/verifications", "verifications", **query)

    def face_match_image(self, verification_id: str, which: Literal["document", "selfie"]) -> bytes:
        """As it was sent; every look is logged."""
        path = f"{FACE_MATCH}/verifications/{verification_id}/{which}-image"
        return self._send("GET", path, is_repeatable=True).content

    def get_settings(self) -> Json:
        return self._call(Json, "GET", "/api/kyc/settings")

    def change_settings(self, **changes: Any) -> Json:
        """By the API's names; what is not named stays. Every change is a new `policyVersion`."""
        return self._call(Json, "PATCH", "/api/kyc/settings", is_repeatable=False, json=changes)

    def verify_result(self, token: str, organization_id: str) -> Result:
        """Check the `result` that came with the redirect. `ResultRefused` where it proves nothing."""
        published = self._call(Json, "GET", "/.well-known/jwks.json")
        try:
            key_id = jwt.get_unverified_header(token)["kid"]
            key = jwt.PyJWKSet.from_dict(published)[key_id]
            required: Any = {"require": ["aud", "exp", "sub"]}
            claims = jwt.decode(token, key, ["EdDSA"], required, audience=organization_id)
        except (jwt.PyJWTError, KeyError) as error:
            raise ResultRefused(str(error)) from error
        return Result(claims["sub"], claims["status"], datetime.fromtimestamp(claims["exp"], UTC), key_id)

    def _create(self, kind: type[Answered], path: str, key: str | None, **content: Any) -> Answered:
        """The key is the same for each repetition: the server does it once, and gives the same answer."""
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        return self._call(kind, "POST", path, headers=headers, **content)

    def _pages(self, _kind: type[Answered], path: str, name: str, **query: str | None) -> Iterator[Answered]:
        """One by one. What is made meanwhile moves the pages on and would show an item again; it comes once."""
        wanted = {key: value for key, value in query.items() if value is not None}
        seen: set[str] = set()
        offset, total = 0, 1
        while offset < total:
            page = self._call(Json, "GET", path, params={**wanted, "limit": PAGE_ITEMS, "offset": offset})
            total = page["pagination"]["total"] if page[name] else 0
            offset += len(page[name])
            for item in page[name]:
                if item["id"] not in seen:
                    seen.add(item["id"])
                    yield item

    def _call(
        self, _kind: type[Answered], method: str, path: str, *, is_repeatable: bool = True, **content: Any
    ) -> Answered:
        answer = self._send(method, path, is_repeatable=is_repeatable, **content)
        try:
            return cast("Answered", answer.json())
        except ValueError as error:
            raise ApiUnreachable(f"{method} {path}: no JSON") from error

    def _send(self, method: str, path: str, *, is_repeatable: bool, **content: Any) -> httpx.Response:
        """The answer. Sent again only where that cannot do a thing twice."""
        for attempt in range(RETRIES + 1):
            wait = FIRST_WAIT_SECONDS * 2**attempt * random.uniform(0.5, 1)  # noqa: S311 (no secret)
            try:
                answer = self._http.request(method, path, **content)
            except httpx.HTTPError as error:
                may_repeat = is_repeatable or isinstance(error, httpx.ConnectError)
                if attempt == RETRIES or not may_repeat:
                    raise ApiUnreachable(f"{method} {path}: {type(error).__name__}") from error
            else:
                if answer.is_success:
                    return answer
                refusal = _refusal_of(answer)
                wait = max(wait, refusal.retry_after_seconds or 0)
                is_final = refusal.code not in REPEATED_CODES or wait > LONGEST_WAIT_SECONDS
                if attempt == RETRIES or is_final:
                    raise refusal
            self._sleep(wait)
        raise AssertionError("the last attempt returns or raises")


def _as_texts(fields: Mapping[str, object]) -> dict[str, str]:
    """Fields of a form; objects become JSON."""
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()}


def _refusal_of(answer: httpx.Response) -> ApiRefused:
    """`ApiUnreachable` where it is somebody else's answer, such as a proxy's."""
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict) or "error" not in body:
        raise ApiUnreachable(f"{answer.request.method} {answer.request.url.path}: {answer.status_code}")
    seconds = answer.headers.get("Retry-After", "")
    return ApiRefused(answer.status_code, body, float(seconds) if seconds.isdecimal() else None)
