"""Rules of `api.md` that hold for many calls at once. What one call alone promises is tested in tests/api."""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from app.domain.organization import Entity
from app.domain.session import SessionStatus
from tests.api.conftest import Api

SESSIONS, VALIDATIONS, CHECK = "/api/kyc/biometric/sessions", "/api/kyc/validations", "/api/kyc/biometric"
MATCH = "/api/kyc/face-match"
IMAGE = base64.b64encode(b"an image").decode("ascii")
REASON = {"reason": "looked at by a person"}
SURPRISE = {"surprise": {"of": ["a", "later", "version"]}}
FORM = "multipart/form-data"

VERSIONS = [str(uuid.uuid1()), str(uuid.uuid3(uuid.NAMESPACE_DNS, "a")), str(uuid.uuid4()), str(uuid.UUID(int=0))]
MALFORMED = ["1", "not-a-uuid", "{01900000-0000-7000-8000-000000000001}", "01900000000070008000000000000001"]


@pytest.fixture
def entity(api: Api) -> Entity:
    """A person with approved KYC and a reference portrait."""
    return api.enrolled()


def imported(api: Api, entity_id: str, **fields: str) -> Any:  # noqa: ANN401 (JSON)
    form = {"entityId": entity_id, "status": "approved", "portrait": IMAGE, **fields}
    return api.post(f"{VALIDATIONS}/import", data=form, content_type=FORM)


def matched(api: Api, **fields: str) -> Any:  # noqa: ANN401 (JSON)
    return api.post(MATCH, data={"documentImage": IMAGE, "selfieImage": IMAGE, **fields}, content_type=FORM)


def paths_with_an_id(api: Api) -> Iterator[tuple[str, str]]:
    """Method and path of every call on one object; the place of its id is `{}`."""
    for rule in api.app.url_map.iter_rules():
        if rule.rule.startswith("/api/") and re.search(r"<\w+_id>", rule.rule) and "workflow" not in rule.rule:
            path = rule.rule.replace("<kind>", "selfie")
            for method in (rule.methods or set()) - {"HEAD"}:
                yield method, re.sub(r"<\w+_id>", "{}", path)


@pytest.mark.parametrize("unknown", VERSIONS, ids=["1", "3", "4", "nil"])
def test_any_version_of_a_uuid_is_taken(api: Api, unknown: str) -> None:
    for path in (f"/api/entities/{unknown}", f"{SESSIONS}/{unknown.upper()}", f"{SESSIONS}?entityId={unknown}"):
        assert api.get(path).status_code == 404
    assert api.post(SESSIONS, {"entityId": unknown}).json["error"] == "NOT_FOUND"
    assert api.get(f"{MATCH}/verifications?entityId={unknown}").json["verifications"] == []


@pytest.mark.parametrize("malformed", MALFORMED)
def test_a_malformed_uuid_is_wrong_in_body_and_query_and_names_nothing_in_a_path(api: Api, malformed: str) -> None:
    refusals = [
        api.post(SESSIONS, {"entityId": malformed}),
        api.post(CHECK, {"entityId": malformed, "user_image": IMAGE}),
        api.get(f"{SESSIONS}?entityId={malformed}"),
        api.get(f"{MATCH}/verifications?entityId={malformed}"),
        imported(api, malformed),
        matched(api, entityId=malformed),
    ]
    assert [(one.status_code, list(one.json["fields"])) for one in refusals] == [(400, ["entityId"])] * 6
    paths = list(paths_with_an_id(api))
    assert len(paths) >= 15
    for method, path in paths:
        answer = api.open(path.format(malformed), method, headers=api.headers(), json=REASON)
        assert (answer.status_code, answer.json["error"]) == (404, "NOT_FOUND"), (method, path)


def test_unknown_fields_are_ignored_wherever_they_are_sent(api: Api, entity: Entity) -> None:
    assert api.post("/api/entities", {"type": "person", "name": "Ada", **SURPRISE}).status_code == 201
    validation = imported(api, entity.entity_id, surprise="x")
    assert validation.status_code == 201
    created = api.open_session(entity, accessibility={"moreTime": True, **SURPRISE}, **SURPRISE)
    assert created.status_code == 201
    one = f"{SESSIONS}/{created.json['id']}"
    assert api.post(f"{one}/cancel", SURPRISE).status_code == 200
    assert api.post(f"{one}/sync", SURPRISE).status_code == 200
    reviewed = api.post(f"{VALIDATIONS}/{validation.json['id']}/reject", {**REASON, **SURPRISE})
    assert reviewed.json["status"] == "rejected"
    check = api.post(CHECK, {"entityId": entity.entity_id, "user_image": IMAGE, **SURPRISE})
    assert check.status_code == 200
    assert matched(api, surprise="x").status_code == 200
    assert api.get(f"{SESSIONS}?surprise=1").status_code == 200
    assert api.open("/api/kyc/settings", "PATCH", headers=api.headers(), json=SURPRISE).status_code == 200


@pytest.mark.parametrize(
    ("wished", "spoken"),
    [
        ("pt", "pt"),
        ("es-AR", "es"),
        ("PT_br", "pt"),
        ("tlh", "es"),
        ("", None),
        ("🦤" * 300, "es"),
        ("../../etc", "es"),
        (None, None),
    ],
)
def test_an_unknown_language_falls_back_and_is_never_an_error(
    api: Api, wished: str | None, spoken: str | None
) -> None:
    """First to the organization's own, which here is Spanish."""
    spanish = api.new_organization("iberia", default_language="es")
    person = api.build.enrolled(api.store, api.blobs, spanish)
    key = api.new_key(organization=spanish)
    created = api.post(SESSIONS, {"entityId": person.entity_id, "language": wished}, key=key)
    assert created.status_code == 201
    assert api.get(f"{SESSIONS}/{created.json['id']}", key=key).json["language"] == spoken


@pytest.mark.parametrize("status", SessionStatus)
def test_only_what_is_pending_or_in_progress_can_be_cancelled(
    api: Api, entity: Entity, status: SessionStatus
) -> None:
    at = api.clock.now()
    ended = {"completed_at": at} if status.is_terminal else {"started_at": at, "last_activity_at": at}
    session, hosted = api.build.session(
        entity, status=status, created_at=at, expires_at=at.replace(year=at.year + 1), **ended
    )
    with api.store.begin() as uow:
        uow.sessions.add(session, hosted)
        uow.commit()
    before = api.get(f"{SESSIONS}/{session.session_id}").json
    answer = api.post(f"{SESSIONS}/{session.session_id}/cancel")
    if status.is_terminal:
        assert (answer.status_code, answer.json["error"]) == (409, "INVALID_STATE")
        assert api.get(f"{SESSIONS}/{session.session_id}").json == before
    else:
        assert (answer.status_code, answer.json["status"]) == (200, "cancelled")


def test_ids_are_uuids_of_version_7_and_times_are_of_utc_with_milliseconds(api: Api, entity: Entity) -> None:
    made = [
        api.post("/api/entities", {"type": "person", "name": "Ada"}).json,
        imported(api, entity.entity_id).json,
        api.get(f"{SESSIONS}/{api.open_session(entity).json['id']}").json,
        api.get(f"{MATCH}/verifications/{matched(api).json['verificationId']}").json,
        api.post("/api/keys", {"name": "a key", "scopes": ["sessions:read"]}).json,
    ]
    for one in made:
        for name, value in one.items():
            if name in {"id", "entityId", "organizationId", "hostedSessionId"} and value is not None:
                assert uuid.UUID(value).version == 7, (name, value)
                assert value == value.lower()
            if name.endswith("At") and value is not None:
                assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", value), (name, value)


def test_pages_are_of_one_to_a_hundred(api: Api, entity: Entity) -> None:
    lists = [
        "/api/entities",
        f"/api/kyc/entities/{entity.entity_id}/validations",
        SESSIONS,
        f"{MATCH}/verifications",
        "/api/keys",
        "/api/kyc/workflows",
    ]
    for path in lists:
        assert api.get(path).json["pagination"].items() >= {"limit": 50, "offset": 0}.items(), path
        longest = api.get(f"{path}?limit=100&offset=2147483647").json
        assert longest["pagination"].items() >= {"limit": 100, "offset": 2147483647}.items(), path
        for wrong in ("limit=101", "limit=0", "limit=x", "offset=-1", "offset=2147483648"):
            answer = api.get(f"{path}?{wrong}")
            assert (answer.status_code, list(answer.json["fields"])) == (400, [wrong.split("=", maxsplit=1)[0]]), (
                path
            )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/kyc/validations"),
        ("DELETE", "/api/entities/{}"),
    ],
)
def test_what_comes_later_has_no_route_yet(api: Api, entity: Entity, method: str, path: str) -> None:
    answer = api.open(path.format(entity.entity_id), method, headers=api.headers(), json={})
    assert (answer.status_code, answer.json["error"]) in {(404, "NOT_FOUND"), (405, "METHOD_NOT_ALLOWED")}
