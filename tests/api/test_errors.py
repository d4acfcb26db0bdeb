"""Every error of the contract: in the one table, described, and to be had; and no error says too much."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import TypeAdapter, ValidationError

from app.api.error_meanings import MEANINGS
from app.api.operations import OPERATIONS
from app.api.services import attach
from app.domain.errors import MatchingFailed, MatchingUnavailable, StoreUnavailable
from app.domain.organization import Scope
from app.domain.session import SessionStatus
from app.web.errors import STATUS_OF_CODE, TABLE
from app.web.openapi import FORM, Operation
from tests.api.conftest import BODY_MAX_BYTES, Answer, Api
from tests.api.described import DOCUMENT
from tests.api.forms import form
from tests.api.test_rate_limits import limit, services_of

CODES = {
    "INVALID_REQUEST": 400,
    "UNAUTHORIZED": 401,
    "FORBIDDEN": 403,
    "NOT_ENABLED": 403,
    "NOT_CONFIGURED": 403,
    "QUOTA_EXCEEDED": 403,
    "NOT_FOUND": 404,
    "ACTIVE_SESSION_EXISTS": 409,
    "INVALID_STATE": 409,
    "IDEMPOTENCY_CONFLICT": 409,
    "IDEMPOTENCY_IN_PROGRESS": 409,
    "DUPLICATE_ENTITY": 409,
    "RATE_LIMITED": 429,
    "ENTITY_PAUSED": 429,
    "METHOD_NOT_ALLOWED": 405,
    "INTERNAL_ERROR": 500,
    "NO_PORTRAIT": 400,
    "KYC_NOT_APPROVED": 400,
    "BIOMETRIC_WORKFLOW_NOT_CONFIGURED": 400,
    "PAYLOAD_TOO_LARGE": 413,
    "VERIFICATION_FAILED": 500,
    "SERVICE_UNAVAILABLE": 503,
}
"""The contract's table."""

ENTITIES = "/api/entities"
SESSIONS = "/api/kyc/biometric/sessions"
MATCH = "/api/kyc/face-match"
IMPORT = "/api/kyc/validations/import"
UNKNOWN_ID = "01900000-0000-7000-8000-ffffffffffff"
PERSON = {"type": "person", "name": "N", "externalId": "taken"}
PICTURE = b"\xff\xd8a picture"


def match(api: Api, key: str | None = None) -> Answer:
    return api.post(MATCH, key=key, **form({"documentImage": PICTURE, "selfieImage": b"\xff\xd8another"}))


def key_of(api: Api, slug: str = "other", **settings: Any) -> str:
    return api.new_key(organization=api.new_organization(slug, **settings))


def quota_is_used_up(api: Api) -> Answer:
    return match(api, key_of(api, monthly_quota=0))


def session_exists(api: Api) -> Answer:
    entity = api.enrolled()
    first = api.open_session(entity)
    second = api.open_session(entity)
    assert second.json["activeSessionId"] == first.json["id"]
    return second


def session_is_over(api: Api) -> Answer:
    session_id = api.open_session(api.enrolled()).json["id"]
    assert api.post(f"{SESSIONS}/{session_id}/cancel").status_code == 200
    return api.post(f"{SESSIONS}/{session_id}/cancel")


def another_body(api: Api) -> Answer:
    headers = {**api.headers(), "Idempotency-Key": "k"}
    assert api.open(ENTITIES, "POST", json=PERSON, headers=headers).status_code == 201
    return api.open(ENTITIES, "POST", json={**PERSON, "name": "M"}, headers=headers)


def while_the_first_runs(api: Api) -> Answer:
    """The second comes while the first is at the matching core."""
    create_template = api.core.create_template
    seconds: list[Answer] = []
    upload = form({"documentImage": PICTURE, "selfieImage": PICTURE})
    headers = {**api.headers(), "Idempotency-Key": "k"}

    def slow(image: bytes) -> object:
        if not seconds:
            seconds.append(api.open(MATCH, "POST", headers=headers, **upload))
        return create_template(image)

    api.core.create_template = slow  # type: ignore[assignment, method-assign]
    assert api.open(MATCH, "POST", headers=headers, **upload).status_code == 200
    return seconds[0]


def name_is_taken(api: Api) -> Answer:
    assert api.post(ENTITIES, PERSON).status_code == 201
    return api.post(ENTITIES, PERSON)


def too_fast(api: Api) -> Answer:
    limit(api, reads=1)
    assert api.get(ENTITIES).status_code == 200
    return api.get(ENTITIES)


def entity_is_paused(api: Api) -> Answer:
    entity = api.enrolled()
    for _ in range(5):
        rejected = api.build.session(entity, status=SessionStatus.REJECTED, completed_at=api.clock.now())
        with api.store.begin() as uow:
            uow.sessions.add(*rejected)
            uow.commit()
    return api.open_session(entity)


def portrait_is_gone(api: Api) -> Answer:
    entity = api.enrolled()
    for path in api.blob_folder.rglob("*"):
        if path.is_file():
            path.unlink()
    return api.open_session(entity)


def without_validation(api: Api) -> Answer:
    made = api.post(ENTITIES, PERSON)
    return api.post(SESSIONS, {"entityId": made.json["id"]})


def core_fails(api: Api) -> Answer:
    api.core.puzzling = {PICTURE}
    return match(api)


def core_is_away(api: Api) -> Answer:
    api.core.is_away = True
    return match(api)


def bug(api: Api) -> Answer:
    with_failing_services(api, RuntimeError(SECRET))
    return api.get(ENTITIES)


def too_large(api: Api) -> Answer:
    """By its length, unread."""
    return api.post(MATCH, environ_overrides={"CONTENT_LENGTH": str(BODY_MAX_BYTES + 1)})


PROVOKED: dict[str, Callable[[Api], Answer]] = {
    "INVALID_REQUEST": lambda api: api.post(ENTITIES, {"type": "person"}),
    "UNAUTHORIZED": lambda api: api.open(ENTITIES),
    "FORBIDDEN": lambda api: api.get(ENTITIES, api.new_key(Scope.CHECKS_READ)),
    "NOT_ENABLED": lambda api: match(api, key_of(api, face_match_enabled=False)),
    "NOT_CONFIGURED": lambda api: match(api, key_of(api, kyc_webhook_secret_version=None)),
    "QUOTA_EXCEEDED": quota_is_used_up,
    "NOT_FOUND": lambda api: api.get(f"{ENTITIES}/{UNKNOWN_ID}"),
    "ACTIVE_SESSION_EXISTS": session_exists,
    "INVALID_STATE": session_is_over,
    "IDEMPOTENCY_CONFLICT": another_body,
    "IDEMPOTENCY_IN_PROGRESS": while_the_first_runs,
    "DUPLICATE_ENTITY": name_is_taken,
    "RATE_LIMITED": too_fast,
    "ENTITY_PAUSED": entity_is_paused,
    "METHOD_NOT_ALLOWED": lambda api: api.open(ENTITIES, "PUT", headers=api.headers()),
    "INTERNAL_ERROR": bug,
    "NO_PORTRAIT": portrait_is_gone,
    "KYC_NOT_APPROVED": without_validation,
    "BIOMETRIC_WORKFLOW_NOT_CONFIGURED": lambda api: api.open_session(api.enrolled(), workflowId="unknown"),
    "PAYLOAD_TOO_LARGE": too_large,
    "VERIFICATION_FAILED": core_fails,
    "SERVICE_UNAVAILABLE": core_is_away,
}


@pytest.mark.parametrize("code", CODES)
def test_every_code_can_be_had(api: Api, code: str) -> None:
    answer = PROVOKED[code](api)
    assert (answer.status_code, answer.json["error"]) == (CODES[code], code)
    assert answer.json["message"]
    assert answer.json["requestId"] == answer.headers["X-Request-Id"]
    extras = answer.json.keys() - {"error", "message", "requestId"}
    assert extras == {"INVALID_REQUEST": {"fields"}, "ACTIVE_SESSION_EXISTS": {"activeSessionId"}}.get(code, set())
    if answer.status_code in (429, 503):
        assert int(answer.headers["Retry-After"]) >= 1
    if code == "METHOD_NOT_ALLOWED":
        assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "POST"}


def test_the_one_table_has_the_contracts_codes_and_no_other() -> None:
    assert dict(STATUS_OF_CODE) == CODES
    assert len(TABLE) == len(set(TABLE))


def test_every_code_is_described() -> None:
    assert MEANINGS.keys() == CODES.keys()
    assert DOCUMENT["components"]["schemas"]["ErrorBody"]["properties"]["error"]["enum"] == sorted(CODES)
    with_operations = {code for operation in OPERATIONS for code in operation.errors}
    assert with_operations == CODES.keys() - {"METHOD_NOT_ALLOWED"}
    codes = DOCUMENT["components"]["schemas"]["ErrorBody"]["properties"]["error"]["x-codes"]
    assert {code: one["status"] for code, one in codes.items()} == CODES
    text = (Path(__file__).resolve().parents[2] / "docs" / "errors.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \|", text, re.MULTILINE)
    assert {code: int(status) for code, status in rows} == CODES
    assert len(rows) == len(CODES)


SECRET = "/srv/secret-place/store.sqlite3 hunter2 postgresql://user:hunter2@db.internal:5432"
TELLING = ("secret-place", "hunter2", "internal:5432", "traceback", 'file "', "sqlalchemy", "pydantic", ".py")


class Failing:
    """Stands for a use case, and for anything of one."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Failing:
        return self

    def __call__(self, *args: object, **kwargs: object) -> object:
        raise self._error


KEPT = {
    "authenticate",
    "idempotency",
    "limit_guesses",
    "limit_requests",
    "max_body_bytes",
    "public_url",
    "randomness",
    "require_quota",
}
"""What stands before the use cases, and plain values."""


def with_failing_services(api: Api, error: Exception) -> None:
    services = services_of(api)
    names = {one.name for one in fields(services)} - KEPT
    attach(api.app, replace(services, **dict.fromkeys(names, Failing(error))))  # type: ignore[arg-type]


IMAGE = base64.b64encode(PICTURE).decode()
BODIES: dict[str, dict[str, object]] = {
    "createEntity": {"type": "person", "name": "N"},
    "createSession": {"entityId": UNKNOWN_ID},
    "checkBiometric": {"entityId": UNKNOWN_ID, "user_image": IMAGE},
    "createKey": {"name": "N", "scopes": ["entities:read"]},
    "createWebhook": {"url": "https://shop.example/hooks", "events": ["*"]},
}
FORMS: dict[str, dict[str, bytes | str | list[bytes | str]]] = {
    "importValidation": {"entityId": UNKNOWN_ID, "status": "approved", "portrait": PICTURE},
    "matchFaces": {"documentImage": PICTURE, "selfieImage": PICTURE},
}


def ask(api: Api, operation: Operation) -> Answer:
    """Rightly, so that its use case is reached; past the check by the document, which knows no such failures."""
    path = re.sub(r"{\w+Id}", UNKNOWN_ID, operation.path).replace("{kind}", "selfie")
    more: dict[str, Any] = {}
    if operation.operation_id in FORMS:
        more = form(FORMS[operation.operation_id])
    elif operation.request:
        more["json"] = BODIES.get(operation.operation_id, {"reason": "seen and understood"})
    response = api.app.test_client().open(path, method=operation.method.upper(), headers=api.headers(), **more)
    return Answer(response.status_code, response.json, response.headers)


def library_error() -> Exception:
    try:
        TypeAdapter(int).validate_python(SECRET)
    except ValidationError as error:
        return error
    raise AssertionError


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (RuntimeError(SECRET), 500, "INTERNAL_ERROR"),
        (KeyError(SECRET), 500, "INTERNAL_ERROR"),
        (OSError(2, "No such file", "/srv/secret-place"), 500, "INTERNAL_ERROR"),
        (sa.exc.OperationalError("SELECT hunter2", {}, Exception(SECRET)), 500, "INTERNAL_ERROR"),
        (library_error(), 500, "INTERNAL_ERROR"),
        (MatchingFailed(SECRET), 500, "VERIFICATION_FAILED"),
        (MatchingUnavailable(SECRET), 503, "SERVICE_UNAVAILABLE"),
        (StoreUnavailable(SECRET), 503, "SERVICE_UNAVAILABLE"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_no_route_tells_what_went_wrong_inside(api: Api, error: Exception, status: int, code: str) -> None:
    with_failing_services(api, error)
    asked = [operation for operation in OPERATIONS if not operation.is_public]
    assert len(asked) >= 28
    for operation in asked:
        answer = ask(api, operation)
        assert (answer.status_code, answer.json["error"]) == (status, code), operation.operation_id
        assert answer.json.keys() == {"error", "message", "requestId"}
        whole = f"{answer.json} {answer.headers}".lower()
        assert not [word for word in TELLING if word in whole], whole
        assert ("Retry-After" in answer.headers) == (status == 503)


def test_forms_are_asked_for_as_forms() -> None:
    """Or an operation of a form would be asked wrongly above."""
    of_forms = {one.operation_id for one in OPERATIONS if FORM in one.request}
    assert of_forms - {"checkBiometric"} == FORMS.keys()


class TestAddresses:
    @pytest.mark.parametrize(
        "path",
        [
            "/api",
            "/api/",
            "/api/nothing",
            "/api/entities/",
            "/api//entities",
            "//api/entities",
            "/api/entities//x",
            "/api/kyc/validations",
            "/api/%00",
            "/api/entities/%2e%2e",
            "/api/openapi.json/",
            "/nothing",
        ],
    )
    @pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
    def test_that_are_none_are_not_found(self, api: Api, path: str, method: str) -> None:
        answer = api.open(path, method, headers=api.headers())
        if answer.status_code == 405:
            assert "%2e%2e" in path  # an id, to the router, that takes a GET only
            return
        assert (answer.status_code, answer.json["error"]) == (404, "NOT_FOUND")
        assert answer.headers["X-Request-Id"]

    def test_refuse_other_methods_and_say_which_they_take(self, api: Api) -> None:
        for operation in OPERATIONS:
            path = re.sub(r"{\w+Id}", UNKNOWN_ID, operation.path).replace("{kind}", "selfie")
            for method in ("OPTIONS", "TRACE", "PROPFIND"):
                answer = api.open(path, method)
                assert (answer.status_code, answer.json["error"]) == (405, "METHOD_NOT_ALLOWED"), path
                assert operation.method.upper() in answer.headers["Allow"]

    def test_answer_a_head_like_a_get_without_a_body(self, api: Api) -> None:
        client = api.app.test_client()
        for path in (ENTITIES, "/livez", "/api/openapi.json", "/api/docs", f"{ENTITIES}/{UNKNOWN_ID}"):
            get, head = client.get(path, headers=api.headers()), client.head(path, headers=api.headers())
            assert (head.status_code, head.data) == (get.status_code, b"")
            assert head.content_type == get.content_type
