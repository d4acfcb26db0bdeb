"""`Idempotency-Key` on every route that creates: happens once, is answered the same."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from app.api.idempotency import is_idempotent
from app.domain.organization import Scope
from tests.api.conftest import BODY_MAX_BYTES, Api
from tests.api.keyed import Request, fields_of, send, told
from tests.api.test_access import UNKNOWN_ID, routes
from tests.builders import settings_version

ENTITIES, SESSIONS, KEYS = "/api/entities", "/api/kyc/biometric/sessions", "/api/keys"
IMPORT, CHECK, MATCH = "/api/kyc/validations/import", "/api/kyc/biometric", "/api/kyc/face-match"
SECRET, WEBHOOKS = "/api/kyc/settings/webhook-secret", "/api/webhooks"
PICTURE, OTHER_PICTURE = b"\xff\xd8\xff\xe0 a picture", b"\xff\xd8\xff\xe0 another picture"
PERSON = {"type": "person", "name": "Ada"}


def creates(api: Api) -> dict[str, tuple[str, Callable[[], Request], int]]:
    """Every create by its endpoint: address, body, and status where all is well."""
    entity = api.enrolled().entity_id
    key = api.keys.issue(api.organization, [Scope.CHECKS_READ], is_test=True, name="old").key.key_id
    webhook = {"url": "https://shop.example/", "events": ["*"]}
    webhook_id = api.post(WEBHOOKS, webhook).json["id"]
    import_parts = fields_of(entityId=entity, status="approved", portrait=PICTURE)
    return {
        "api.entities.create_entity": (ENTITIES, lambda: {"json": PERSON}, 201),
        "api.validations.import_validation": (IMPORT, import_parts, 201),
        "api.sessions.create_session": (SESSIONS, lambda: {"json": {"entityId": entity}}, 201),
        "api.biometric_check.check_biometric": (CHECK, fields_of(entityId=entity, user_image=PICTURE), 200),
        "api.face_match.match_faces": (
            MATCH,
            fields_of(documentImage=PICTURE, selfieImage=OTHER_PICTURE, entityId=entity),
            200,
        ),
        "api.keys.create_key": (KEYS, lambda: {"json": {"name": "n", "scopes": ["checks:read"]}}, 201),
        "api.keys.rotate_key": (f"{KEYS}/{key}/rotate", dict, 201),
        "api.settings.renew_webhook_secret": (SECRET, dict, 201),
        "api.webhooks.create_webhook": (WEBHOOKS, lambda: {"json": webhook}, 201),
        "api.webhooks.rotate_webhook_secret": (f"{WEBHOOKS}/{webhook_id}/rotate-secret", dict, 201),
    }


NOT_CREATING = {"sync_session", "cancel_session", "approve_session", "reject_session"} | {
    "approve_validation",
    "reject_validation",
    "redeliver",
}
"""Safe to repeat, or refused the second time by the status."""


def test_every_post_that_creates_heeds_the_key(api: Api) -> None:
    posts = {
        rule.endpoint for rule, method in routes(api.app) if method == "POST" and rule.rule.startswith("/api")
    }
    heeding = {endpoint for endpoint in posts if is_idempotent(api.app.view_functions[endpoint])}
    assert heeding == set(creates(api))
    assert {endpoint.rpartition(".")[2] for endpoint in posts - heeding} == NOT_CREATING


def rows(engine: Engine) -> dict[str, int]:
    """How many there are of everything that a create may make."""
    tables = ("entities", "kyc_validations", "biometric_sessions", "face_matches", "api_keys", "audit_entries")
    with engine.connect() as connection:
        return {
            name: int(connection.execute(sa.select(sa.func.count()).select_from(sa.text(name))).scalar_one())
            for name in (*tables, "settings_versions", "webhook_endpoints")
        }


@pytest.mark.parametrize(
    "endpoint",
    [
        "api.entities.create_entity",
        "api.validations.import_validation",
        "api.sessions.create_session",
        "api.biometric_check.check_biometric",
        "api.face_match.match_faces",
        "api.keys.create_key",
        "api.keys.rotate_key",
        "api.settings.renew_webhook_secret",
        "api.webhooks.create_webhook",
        "api.webhooks.rotate_webhook_secret",
    ],
)
def test_a_create_that_is_sent_twice_happens_once(api: Api, engine: Engine, endpoint: str) -> None:
    path, request, status = creates(api)[endpoint]
    before = rows(engine)
    first = send(api, path, "key", request())
    after = rows(engine)
    assert (first.status_code, after != before) == (status, True)
    assert "Idempotency-Replayed" not in first.headers
    api.clock.advance(hours=23)
    again = send(api, path, "key", request())
    assert (again.status_code, again.data) == (status, first.data)
    assert again.headers["Content-Type"] == first.headers["Content-Type"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Cache-Control"] == "no-store"
    assert again.headers["X-Request-Id"] != first.headers["X-Request-Id"]
    assert rows(engine) == after
    assert told(send(api, ENTITIES, "key", {"json": {"type": "person", "name": "Other"}})) == (
        409,
        "IDEMPOTENCY_CONFLICT",
    )
    assert rows(engine) == after


def test_without_a_key_every_create_is_its_own(api: Api) -> None:
    ids = {send(api, ENTITIES, None, {"json": PERSON}).json["id"] for _ in range(2)}
    assert len(ids) == 2


def test_commits_are_one_without_a_key_and_two_with_one(api: Api, engine: Engine) -> None:
    """One more: the reservation. The answer comes with what it speaks of."""
    entity, other = api.enrolled().entity_id, api.enrolled().entity_id
    send(api, ENTITIES, "so that the organization has its data key", {"json": PERSON})
    commits: list[object] = []
    sa.event.listen(engine, "commit", commits.append)
    assert send(api, SESSIONS, None, {"json": {"entityId": entity}}).status_code == 201
    assert len(commits) == 1
    assert send(api, SESSIONS, "key", {"json": {"entityId": other}}).status_code == 201
    assert len(commits) == 3
    assert send(api, SESSIONS, "key", {"json": {"entityId": other}}).status_code == 201
    assert len(commits) == 3, "nothing is written to give an answer again"


def test_organizations_and_modes_have_keys_of_their_own(api: Api) -> None:
    stranger = api.new_key(organization=api.new_organization())
    live = api.new_key(is_test=False)
    ids = {send(api, ENTITIES, "k", {"json": PERSON}, one).json["id"] for one in (None, stranger, live)}
    assert len(ids) == 3


def test_another_api_key_of_the_organization_gets_the_same_answer(api: Api) -> None:
    """As after a rotation."""
    first = send(api, ENTITIES, "k", {"json": PERSON})
    assert send(api, ENTITIES, "k", {"json": PERSON}, api.new_key(Scope.ENTITIES_WRITE)).data == first.data


@pytest.mark.parametrize("key", ["", "x" * 256, "é", "tab\there", "\x7f"])
def test_a_malformed_key_is_a_wrong_request(api: Api, key: str) -> None:
    answer = send(api, ENTITIES, key, {"json": PERSON})
    assert told(answer) == (400, "INVALID_REQUEST")
    assert list(answer.json["fields"]) == ["Idempotency-Key"]
    assert api.get(ENTITIES).json["pagination"]["total"] == 0


@pytest.mark.parametrize("key", ["x", "x" * 255, "a b ~!", '"quoted"', str(uuid.UUID(int=7))])
def test_any_other_key_is_taken(api: Api, key: str) -> None:
    first = send(api, ENTITIES, key, {"json": PERSON})
    assert send(api, ENTITIES, key, {"json": PERSON}).data == first.data


def test_a_wrong_key_is_told_before_what_is_not_found_and_after_what_else_is_wrong(api: Api) -> None:
    answer = send(api, SESSIONS, "", {"json": {"entityId": UNKNOWN_ID}})
    assert told(answer) == (400, "INVALID_REQUEST")
    assert "Idempotency-Key" in answer.json["fields"]
    assert told(send(api, SESSIONS, "", {"data": b"x" * (BODY_MAX_BYTES + 1)})) == (413, "PAYLOAD_TOO_LARGE")


def test_a_conflict_hides_nothing_that_is_told_before_it(api: Api) -> None:
    """401, 403, 413, 400, 404 and what the entity refuses come first, in the order of the contract."""
    assert send(api, SESSIONS, "k", {"json": {"entityId": api.enrolled().entity_id}}).status_code == 201
    reader = api.new_key(Scope.SESSIONS_READ)
    body = {"json": {"entityId": UNKNOWN_ID}}
    unverified = api.post(ENTITIES, PERSON).json["id"]
    nobody = "bf_test_" + "x" * 43
    assert told(send(api, SESSIONS, "k", body, nobody)) == (401, "UNAUTHORIZED")
    assert told(send(api, SESSIONS, "k", body, reader)) == (403, "FORBIDDEN")
    assert told(send(api, SESSIONS, "k", {"data": b"x" * (BODY_MAX_BYTES + 1)})) == (413, "PAYLOAD_TOO_LARGE")
    assert told(send(api, SESSIONS, "k", {"data": b"{"})) == (400, "INVALID_REQUEST")
    assert told(send(api, SESSIONS, "k", {"json": {"entityId": 7}})) == (400, "INVALID_REQUEST")
    assert told(send(api, SESSIONS, "k", body)) == (404, "NOT_FOUND")
    assert told(send(api, SESSIONS, "k", {"json": {"entityId": unverified}})) == (400, "KYC_NOT_APPROVED")
    fine = {"json": {"entityId": api.enrolled().entity_id}}
    assert told(send(api, SESSIONS, "k", fine)) == (409, "IDEMPOTENCY_CONFLICT")
    with api.store.begin() as uow:
        uow.settings.add(settings_version(api.organization, policy_version=2, biometric_enabled=False))
        uow.commit()
    assert told(send(api, SESSIONS, "k", fine)) == (403, "NOT_ENABLED")


def test_a_refusal_gives_the_key_back(api: Api) -> None:
    entity = api.enrolled()
    standing = api.open_session(entity).json["id"]
    body = {"json": {"entityId": entity.entity_id}}
    assert told(send(api, SESSIONS, "k", body)) == (409, "ACTIVE_SESSION_EXISTS")
    api.post(f"{SESSIONS}/{standing}/cancel")
    first = send(api, SESSIONS, "k", body)
    assert first.status_code == 201
    assert send(api, SESSIONS, "k", body).data == first.data


def test_an_answer_outlives_what_it_speaks_of(api: Api) -> None:
    body = {"json": {"entityId": api.enrolled().entity_id}}
    first = send(api, SESSIONS, "k", body)
    api.post(f"{SESSIONS}/{first.json['id']}/cancel")
    assert send(api, SESSIONS, "k", body).json["status"] == "pending"


def test_after_a_day_the_key_is_free(api: Api) -> None:
    first = send(api, ENTITIES, "k", {"json": PERSON})
    api.clock.advance(hours=24)
    assert send(api, ENTITIES, "k", {"json": PERSON}).json["id"] != first.json["id"]


def test_while_the_first_runs_the_second_is_told_to_come_back(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    entity, core = api.enrolled().entity_id, api.core
    is_working, may_go_on = Event(), Event()
    create_template = core.create_template

    def slow(image: bytes) -> object:
        is_working.set()
        assert may_go_on.wait(30)
        return create_template(image)

    monkeypatch.setattr(core, "create_template", slow)
    request = fields_of(entityId=entity, status="approved", portrait=PICTURE)
    with ThreadPoolExecutor(1) as other:
        running = other.submit(send, api, IMPORT, "k", request())
        assert is_working.wait(30)
        second = send(api, IMPORT, "k", request())
        may_go_on.set()
        first = running.result()
    assert told(second) == (409, "IDEMPOTENCY_IN_PROGRESS")
    assert second.headers["Retry-After"] == "1"
    assert first.status_code == 201
    assert send(api, IMPORT, "k", request()).data == first.data


def test_a_failure_of_ours_gives_the_key_back_and_leaves_no_object(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a bug in the making of the answer")

    monkeypatch.setattr("app.api.entities.reply", fail)
    assert told(send(api, ENTITIES, "k", {"json": PERSON})) == (500, "INTERNAL_ERROR")
    monkeypatch.undo()
    assert api.get(ENTITIES).json["pagination"]["total"] == 0
    assert send(api, ENTITIES, "k", {"json": PERSON}).status_code == 201


def test_what_is_kept_says_nothing_to_who_reads_the_table(api: Api, engine: Engine) -> None:
    session = send(api, SESSIONS, "the key itself", {"json": {"entityId": api.enrolled().entity_id}}).json
    api_key = send(api, KEYS, "k2", {"json": {"name": "n", "scopes": ["checks:read"]}}).json
    secret = send(api, SECRET, "k3", {}).json
    with engine.connect() as connection:
        kept = connection.execute(sa.text("SELECT * FROM idempotency_records")).fetchall()
    assert len(kept) == 3
    table = b" ".join(
        bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
        for row in kept
        for value in row
    )
    clear = [session["sessionUrl"], session["id"], session["sessionUrl"].rpartition("/")[2], "the key itself"]
    clear += [text for answer in (api_key, secret) for text in strings(answer) if len(text) > 20]
    assert any(text.startswith("bf_test_") for text in clear)
    assert any(text.startswith("whsec_") for text in clear)
    for text in clear:
        assert text.encode() not in table


def strings(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for part in value.values() for text in strings(part)]
    return [value] if isinstance(value, str) else []


def test_quota_is_used_once(api: Api) -> None:
    with api.store.begin() as uow:
        uow.settings.add(settings_version(api.organization, policy_version=2, monthly_quota=1))
        uow.commit()
    request = fields_of(documentImage=PICTURE, selfieImage=OTHER_PICTURE)
    first = send(api, MATCH, "k", request())
    assert first.status_code == 200
    assert send(api, MATCH, "k", request()).data == first.data
    assert told(send(api, MATCH, "other", request())) == (403, "QUOTA_EXCEEDED")
