"""The pages on embedded and current biometric sessions: each JSON example in them is sent, or expected.

Field by field: the names, their order left aside, and the kind of each value. What we add stands in OURS.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest

from app.domain.organization import Entity
from app.domain.session import SessionStatus
from tests.api.conftest import Api

SESSIONS = "/api/kyc/biometric/sessions"
CURRENT_PATH = "/api/kyc/biometric/entities/{entityId}/current"
IFRAME_ALLOW = "camera; microphone; fullscreen; autoplay; encrypted-media"

CREATE_BODY = {
    "entityId": "<string>",
    "webhookUrl": "<string>",
    "callback": "<string>",
    "language": "<string>",
    "workflowId": "<string>",
}
CREATED = {
    "id": "bio-session-uuid",
    "entityId": "entity-uuid",
    "status": "pending",
    "sessionUrl": "https://verify.example.com/session/...",
    "iframeAllow": IFRAME_ALLOW,
    "mode": "face_match",
    "hostedSessionId": "hosted-session-id",
}
CURRENT_HEADERS = {"Authorization": "Bearer YOUR_API_KEY", "X-Organization-ID": "your-organization-uuid"}
CURRENT = {
    "id": "7618e10c-b1b1-408b-b361-1901077ced73",
    "entityId": "c16b457b-500a-4250-aefe-6d69bdf71fb2",
    "organizationId": "org-uuid",
    "status": "pending",
    "mode": "face_match",
    "sessionUrl": "https://kyc.example.com/session/abc123",
    "hostedSessionId": "e291f904-9c3f-490e-a51e-73434a14ba9a",
    "iframeAllow": IFRAME_ALLOW,
    "rejectionCode": None,
    "rejectionMessage": None,
    "createdAt": "2026-06-19T14:40:00.000Z",
    "updatedAt": "2026-06-19T14:40:00.000Z",
    "completedAt": None,
}
NO_SESSION = None
ACTIVE_EXISTS = {
    "error": "ACTIVE_SESSION_EXISTS",
    "message": "The latest biometric session for this entity is still active...",
    "activeSessionId": "7618e10c-b1b1-408b-b361-1901077ced73",
}
"""As they stand on the pages."""

OURS_CREATED = {"expiresAt"}
OURS_SESSION = {
    "attempts",
    "callback",
    "decision",
    "expiresAt",
    "inReview",
    "language",
    "metadata",
    "startedAt",
    "warnings",
}
OURS_ERROR = {"requestId"}

Kind = Callable[[object], bool]


def _matching(pattern: str) -> Kind:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


UUID = _matching(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MOMENT = _matching(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
ADDRESS = _matching(r"https?://[^\s?#]+/session/[A-Za-z0-9._-]+")


def kind_of(name: str, example: object) -> Kind:
    """What a field of this name must hold, going by the example on the page."""
    if name in ("status", "mode", "iframeAllow", "error") or example is None:
        return lambda value: value == example
    if name == "sessionUrl":
        return ADDRESS
    if name == "message":
        return lambda value: isinstance(value, str) and value.startswith(str(example).removesuffix("..."))
    return MOMENT if name.endswith("At") else UUID


def assert_as_on_the_page(answer: Mapping[str, object], page: Mapping[str, object], ours: set[str]) -> None:
    assert set(answer) == set(page) | ours
    for name, example in page.items():
        assert kind_of(name, example)(answer[name]), (name, answer[name])


@pytest.fixture
def entity(api: Api) -> Entity:
    """A person with approved KYC and a reference portrait."""
    return api.enrolled()


def sent(entity: Entity, **values: str) -> dict[str, str]:
    """The page's body with something in place of each placeholder."""
    body = {
        "entityId": entity.entity_id,
        "webhookUrl": "https://integrator.example/hooks/biometric",
        "callback": "https://integrator.example/done",
        "language": "es",
        "workflowId": "default",
        **values,
    }
    assert set(body) == set(CREATE_BODY)
    return body


def create(api: Api, entity: Entity, **values: str) -> Any:  # noqa: ANN401 (JSON)
    answer = api.post(SESSIONS, sent(entity, **values))
    assert answer.status_code == 201, answer.json
    return answer.json


def current(api: Api, entity: Entity) -> Any:  # noqa: ANN401 (JSON)
    """As the page asks: with both headers of its example."""
    headers = {**api.headers(), "X-Organization-ID": api.organization.organization_id}
    assert set(headers) == set(CURRENT_HEADERS)
    answer = api.open(CURRENT_PATH.format(entityId=entity.entity_id), headers=headers)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    return answer.json


def test_the_create_of_the_page_is_answered_as_on_the_page(api: Api, entity: Entity) -> None:
    created = create(api, entity)
    assert_as_on_the_page(created, CREATED, OURS_CREATED)
    assert created["entityId"] == entity.entity_id
    assert created["id"] != created["hostedSessionId"]


@pytest.mark.parametrize("name", [name for name in CREATE_BODY if name != "entityId"])
def test_every_field_but_the_entity_is_optional(api: Api, entity: Entity, name: str) -> None:
    body = sent(entity)
    del body[name]
    assert api.post(SESSIONS, body).status_code == 201


def test_the_placeholders_of_the_page_are_refused(api: Api) -> None:
    answer = api.post(SESSIONS, CREATE_BODY)
    assert (answer.status_code, answer.json["error"]) == (400, "INVALID_REQUEST")
    assert list(answer.json["fields"]) == ["entityId"]


def test_an_entity_is_required(api: Api) -> None:
    answer = api.post(SESSIONS, {})
    assert (answer.status_code, list(answer.json["fields"])) == (400, ["entityId"])


def test_current_reads_as_on_the_page(api: Api, entity: Entity) -> None:
    created = create(api, entity)
    session = current(api, entity)
    assert_as_on_the_page(session, CURRENT, OURS_SESSION)
    assert session["organizationId"] == api.organization.organization_id
    assert {name: session[name] for name in created} == created
    assert session == api.get(f"{SESSIONS}/{created['id']}").json


def test_an_entity_that_never_had_a_session_is_null(api: Api, entity: Entity) -> None:
    assert current(api, entity) is NO_SESSION
    assert api.get(f"/api/kyc/entities/{entity.entity_id}/current").json is not None


def test_a_second_create_is_refused_as_on_the_page_and_works_after_a_cancel(api: Api, entity: Entity) -> None:
    """The page's own way out: cancel `activeSessionId`, then create again."""
    first = create(api, entity)
    refused = api.post(SESSIONS, sent(entity))
    assert refused.status_code == 409
    assert_as_on_the_page(refused.json, ACTIVE_EXISTS, OURS_ERROR)
    assert refused.json["activeSessionId"] == first["id"] == current(api, entity)["id"]
    cancelled = api.post(f"{SESSIONS}/{refused.json['activeSessionId']}/cancel")
    assert (cancelled.status_code, cancelled.json["status"]) == (200, "cancelled")
    assert create(api, entity)["id"] != first["id"]


def approve(api: Api, entity: Entity) -> str:
    """A session that ended well; its id."""
    session, hosted = api.build.session(
        entity, status=SessionStatus.APPROVED, created_at=api.clock.now(), completed_at=api.clock.now()
    )
    with api.store.begin() as uow:
        uow.sessions.add(session, hosted)
        uow.commit()
    api.clock.advance(minutes=1)
    return session.session_id


def test_current_and_current_session_id_differ_as_the_pages_table_says(api: Api, entity: Entity) -> None:
    approved = approve(api, entity)
    latest = create(api, entity)
    listed = api.get(f"{SESSIONS}?entityId={entity.entity_id}").json
    assert current(api, entity)["id"] == latest["id"]
    assert listed["currentSessionId"] == approved
    assert [session["id"] for session in listed["sessions"]] == [latest["id"], approved]
    for session in listed["sessions"]:
        assert set(session) == set(CURRENT) | OURS_SESSION


def test_poll_sync_and_cancel_answer_with_the_session(api: Api, entity: Entity) -> None:
    created = create(api, entity)
    read = api.get(f"{SESSIONS}/{created['id']}")
    synced = api.post(f"{SESSIONS}/{created['id']}/sync")
    assert (read.status_code, synced.status_code) == (200, 200)
    assert read.json == synced.json == current(api, entity)
    cancelled = api.post(f"{SESSIONS}/{created['id']}/cancel").json
    assert set(cancelled) == set(CURRENT) | OURS_SESSION
    assert kind_of("completedAt", "a time")(cancelled["completedAt"])


def test_what_is_under_review_shows_as_in_progress(api: Api, entity: Entity) -> None:
    session, hosted = api.build.session(entity, status=SessionStatus.IN_PROGRESS, is_in_review=True)
    with api.store.begin() as uow:
        uow.sessions.add(session, hosted)
        uow.commit()
    assert current(api, entity)["status"] == "in_progress"


def test_the_address_to_embed_is_the_same_on_every_read(api: Api, entity: Entity) -> None:
    created = create(api, entity)
    api.clock.advance(hours=20)
    for session in (current(api, entity), api.get(f"{SESSIONS}?entityId={entity.entity_id}").json["sessions"][0]):
        assert session["sessionUrl"] == created["sessionUrl"]
        assert session["iframeAllow"] == created["iframeAllow"]
    assert urlsplit(created["sessionUrl"]).query == ""


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("NO_PORTRAIT", 400),
        ("KYC_NOT_APPROVED", 400),
        ("BIOMETRIC_WORKFLOW_NOT_CONFIGURED", 400),
        ("NOT_ENABLED", 403),
    ],
)
def test_each_prerequisite_of_the_page_has_its_code(api: Api, entity: Entity, code: str, status: int) -> None:
    key, values = api.key, {}
    if code == "NO_PORTRAIT":
        for file in (path for path in api.blob_folder.rglob("*") if path.is_file()):
            file.unlink()
    elif code == "KYC_NOT_APPROVED":
        reject = f"/api/kyc/validations/{validation_of(api, entity)}/reject"
        assert api.post(reject, {"reason": "forged document"}).status_code == 200
    elif code == "NOT_ENABLED":
        key = api.new_key(organization=api.new_organization(biometric_enabled=False))
    else:
        values = {"workflowId": "another's"}
    answer = api.post(SESSIONS, sent(entity, **values), key=key)
    assert (answer.status_code, answer.json["error"]) == (status, code)


def validation_of(api: Api, entity: Entity) -> str:
    return str(api.get(f"/api/kyc/entities/{entity.entity_id}/current").json["id"])
