"""Every operation of the API, as its resources declare them, with what all of them have in common."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from app.api import (
    biometric_check,
    deliveries,
    entities,
    events,
    face_match,
    health,
    keys,
    media,
    sessions,
    settings,
    validations,
    webhooks,
)
from app.api.idempotency import KEY_HEADER, REPLAYED_HEADER
from app.domain.idempotency import KEY_MAX_CHARACTERS
from app.web.openapi import Header, Operation, Returns

ORGANIZATION = Header(
    "X-Organization-ID",
    "The key's organization, or left out; any other is `FORBIDDEN`.",
    {"type": "string", "format": "uuid"},
)
REQUEST_ID = Header(
    "X-Request-Id",
    "Names this request in our logs.",
    {"type": "string", "examples": ["req_5f0c2c1e9d"]},
    is_always=True,
)

RATE_HEADERS = (
    Header(
        "RateLimit-Policy",
        "The rate that this request counts towards: so many (`q`) in any so many seconds (`w`).",
        {"type": "string", "examples": ['"creates";q=600;w=60']},
    ),
    Header(
        "RateLimit",
        "What is left of it (`r`) for the next so many seconds (`t`).",
        {"type": "string", "examples": ['"creates";r=599;t=60']},
    ),
)
"""Of draft-ietf-httpapi-ratelimit-headers-11; left out where the operator has switched the rate off."""

IDEMPOTENCY_KEY = Header(
    KEY_HEADER,
    "Sent again with the same body within 24 hours, the first answer comes again and nothing is made twice.",
    {"type": "string", "minLength": 1, "maxLength": KEY_MAX_CHARACTERS, "pattern": "^[!-~]([ -~]*[!-~])?$"},
)
REPLAYED = Header(REPLAYED_HEADER, "The answer is that of an earlier request.", {"const": "true"})

_ID = {"type": "string", "format": "uuid"}
_PLACE = re.compile(r"{(\w+Id)}")

_KEYED = (
    "UNAUTHORIZED",
    "FORBIDDEN",
    "RATE_LIMITED",
    "PAYLOAD_TOO_LARGE",
    "INTERNAL_ERROR",
    "SERVICE_UNAVAILABLE",
)
_PUBLIC = ("INTERNAL_ERROR",)
_IDEMPOTENT = ("INVALID_REQUEST", "IDEMPOTENCY_CONFLICT", "IDEMPOTENCY_IN_PROGRESS")

_DESCRIPTIONS = (
    Operation(
        method="get",
        path="/api/openapi.json",
        operation_id="getDescription",
        summary="Read this description",
        answers={200: Returns("An OpenAPI 3.1 document.", schema={"type": "object"})},
        is_public=True,
    ),
    Operation(
        method="get",
        path="/api/docs",
        operation_id="getDocs",
        summary="Read this description as a page",
        answers={200: Returns("A page.", media=("text/html; charset=utf-8",))},
        is_public=True,
    ),
)
"""Here and not beside their routes, which are made of everything that stands here."""


@dataclass(frozen=True)
class Group:
    """Operations that belong together, for those who read."""

    name: str
    description: str
    operations: Sequence[Operation]


GROUPS = (
    Group("Entities", "The persons that an organization knows.", entities.OPERATIONS),
    Group("KYC validations", "Where reference portraits come from.", validations.OPERATIONS),
    Group(
        "Biometric sessions",
        "A person is asked, in a browser, to show that they are there and who they are.",
        (*sessions.OPERATIONS, *media.OPERATIONS),
    ),
    Group("Biometric check", "One picture, answered at once.", biometric_check.OPERATIONS),
    Group("Face match", "Two pictures, answered at once, and the record of it.", face_match.OPERATIONS),
    Group("Settings", "What the organization sets, in versions, and its workflows.", settings.OPERATIONS),
    Group(
        "Webhooks",
        "Where the organization is told of its events, and what became of each delivery.",
        (*webhooks.OPERATIONS, *deliveries.OPERATIONS, *events.OPERATIONS),
    ),
    Group("API keys", "Made, rotated and revoked with a key that has the scope `admin`.", keys.OPERATIONS),
    Group("Service", "Public: no key.", (*health.OPERATIONS, *_DESCRIPTIONS)),
)


def _complete(operation: Operation, tag: str) -> Operation:
    """With what every operation of its kind takes and answers."""
    codes = list(operation.errors)
    if operation.request or operation.query is not None:
        codes.insert(0, "INVALID_REQUEST")
    parts = {name: dict(_ID) for name in _PLACE.findall(operation.path)}
    if "{" in operation.path:
        codes.append("NOT_FOUND")
    headers, answer_headers = [*operation.headers], [REQUEST_ID, *operation.answer_headers]
    answers = operation.answers
    if operation.is_idempotent:
        headers.append(IDEMPOTENCY_KEY)
        answers = {code: replace(one, headers=(*one.headers, REPLAYED)) for code, one in answers.items()}
        codes += _IDEMPOTENT
    if not operation.is_public:
        headers.append(ORGANIZATION)
        answer_headers += RATE_HEADERS
    return replace(
        operation,
        tag=tag,
        parts=parts | dict(operation.parts),
        headers=headers,
        answer_headers=answer_headers,
        answers=answers,
        errors=(*codes, *(_PUBLIC if operation.is_public else _KEYED)),
    )


def _all(groups: Iterable[Group]) -> tuple[Operation, ...]:
    return tuple(_complete(one, group.name) for group in groups for one in group.operations)


OPERATIONS = _all(GROUPS)
