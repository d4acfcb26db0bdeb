"""The month's quota of an organization: what counts, when it is refused, and that it holds under a crowd."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from app.domain.organization import Entity
from app.services.quota import month_of
from tests.api.conftest import BODY_MAX_BYTES, Answer, Api
from tests.api.forms import form

SESSIONS = "/api/kyc/biometric/sessions"
CHECK = "/api/kyc/biometric"
MATCH = "/api/kyc/face-match"
UNKNOWN_ID = "01900000-0000-7000-8000-ffffffffffff"
PICTURES = {"documentImage": b"document", "selfieImage": b"selfie"}


def give(api: Api, quota: int | None) -> None:
    """From now on the API's key is of an organization with this quota."""
    api.organization = api.new_organization("metered", monthly_quota=quota)
    api.key = api.new_key()


def used(api: Api, *, is_test: bool = True) -> int:
    with api.store.read() as uow:
        return uow.usage.used(api.organization.organization_id, is_test, month_of(api.clock.now()))


def is_used_up(answer: Answer) -> bool:
    if answer.status_code != 403:
        return False
    assert answer.json["error"] == "QUOTA_EXCEEDED"
    assert answer.json["message"] == "The organization's quota for this month is used up."
    return True


def check(api: Api, entity: Entity, image: bytes = b"probe") -> Answer:
    return api.post(CHECK, **form({"entityId": entity.entity_id, "user_image": image}))


def match(api: Api, key: str | None = None, **fields: str) -> Answer:
    return api.post(MATCH, key=key, **form({**PICTURES, **fields}))


def test_sessions_checks_and_face_matches_use_it_together(api: Api) -> None:
    give(api, 3)
    entity = api.enrolled()
    assert api.open_session(entity).status_code == 201
    assert check(api, entity).status_code == 200
    assert match(api).status_code == 200
    assert used(api) == 3
    assert is_used_up(api.open_session(api.enrolled()))
    assert is_used_up(check(api, entity))
    assert is_used_up(match(api))
    assert used(api) == 3


def test_used_up_is_told_before_anything_is_looked_at_and_leaves_no_record(api: Api) -> None:
    give(api, 0)
    too_large = {"CONTENT_LENGTH": str(BODY_MAX_BYTES + 1)}
    for path in (SESSIONS, CHECK, MATCH):
        assert is_used_up(api.open(path, "POST", headers=api.headers(), data=b"{"))
        assert is_used_up(api.post(path, {"entityId": UNKNOWN_ID}))
        assert is_used_up(api.open(path, "POST", headers=api.headers(), environ_overrides=too_large))
    assert api.get(f"{MATCH}/verifications").json["pagination"]["total"] == 0


def test_everything_else_stays_open(api: Api) -> None:
    give(api, 1)
    entity = api.enrolled()
    session = api.open_session(entity).json
    assert is_used_up(match(api))
    assert api.get(f"{SESSIONS}/{session['id']}").status_code == 200
    assert api.post(f"{SESSIONS}/{session['id']}/sync").status_code == 200
    assert api.post(f"{SESSIONS}/{session['id']}/cancel").status_code == 200
    assert api.post("/api/entities", {"type": "person", "name": "N"}).status_code == 201
    assert api.get(f"{MATCH}/verifications").status_code == 200


def test_without_a_quota_nothing_is_refused_and_the_use_is_known(api: Api) -> None:
    give(api, None)
    for _ in range(3):
        assert match(api).status_code == 200
    assert used(api) == 3


def test_a_new_month_begins_in_utc(api: Api) -> None:
    give(api, 1)
    api.clock.at = datetime(2026, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)
    assert match(api).status_code == 200
    assert is_used_up(match(api))
    api.clock.advance(milliseconds=1)
    assert match(api).status_code == 200
    assert is_used_up(match(api))
    east = datetime(2027, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    assert month_of(east) == "2026-12"


def test_trying_things_out_uses_nothing_of_the_live_quota(api: Api) -> None:
    give(api, 1)
    live = api.new_key(is_test=False)
    assert match(api).status_code == 200
    assert is_used_up(match(api))
    assert match(api, key=live).status_code == 200
    assert is_used_up(match(api, key=live))
    assert used(api) == used(api, is_test=False) == 1


def test_anothers_use_is_anothers(api: Api) -> None:
    give(api, 1)
    other = api.new_key(organization=api.new_organization("other", monthly_quota=1))
    assert match(api).status_code == 200
    assert match(api, key=other).status_code == 200


def test_what_is_refused_or_fails_uses_nothing(api: Api) -> None:
    give(api, 100)
    entity = api.enrolled()
    assert api.open_session(entity).status_code == 201
    api.core.broken.add(b"broken")
    api.core.puzzling.add(b"puzzling")
    unknown = api.build.entity(api.organization)
    expected = [
        (api.open_session(entity), 409),
        (api.open_session(unknown), 404),
        (api.post(SESSIONS, {"entityId": 7}), 400),
        (api.open_session(api.enrolled(), callback="ftp://x"), 400),
        (check(api, unknown), 404),
        (check(api, entity, b"broken"), 400),
        (check(api, entity, b"puzzling"), 500),
        (match(api, entityId=UNKNOWN_ID), 404),
        (match(api, scoreThreshold="high"), 400),
        (api.post(MATCH, **form({**PICTURES, "selfieImage": b"puzzling"})), 500),
    ]
    assert [answer.status_code for answer, _ in expected] == [status for _, status in expected]
    assert used(api) == 1


def test_what_was_answered_is_given_again_and_uses_nothing(api: Api) -> None:
    """Whoever lost the answer to the last one they had must not be told that they have none."""
    give(api, 1)
    entity = api.enrolled()
    headers = {**api.headers(), "Idempotency-Key": "once"}
    body = {"entityId": entity.entity_id}
    first, again = (api.open(SESSIONS, "POST", headers=headers, json=body) for _ in range(2))
    assert first.status_code == again.status_code == 201
    assert first.json == again.json
    assert used(api) == 1
    for key in ("another", "", "\x7f", "ü"):
        assert is_used_up(api.open(SESSIONS, "POST", headers={**headers, "Idempotency-Key": key}, json=body))
    # The key of one mode is not that of the other, and it ends.
    live = {**headers, **api.headers(api.new_key(is_test=False))}
    assert api.open(SESSIONS, "POST", headers=live, json=body).status_code == 404
    api.clock.advance(hours=25)
    assert is_used_up(api.open(SESSIONS, "POST", headers=headers, json=body))


@pytest.mark.parametrize("quota", [None, 5])
def test_a_create_stays_one_commit(api: Api, engine: Engine, quota: int | None) -> None:
    give(api, quota)
    entity = api.enrolled()
    commits: list[object] = []

    def note(connection: object) -> None:
        commits.append(connection)

    sa.event.listen(engine, "commit", note)
    assert api.open_session(entity).status_code == 201
    sa.event.remove(engine, "commit", note)
    assert len(commits) == 1
    assert used(api) == 1


@pytest.mark.parametrize("kind", ["session", "check", "face match"])
def test_of_fifty_at_once_exactly_the_quota_is_made(api: Api, kind: str) -> None:
    give(api, 10)
    entities = [api.enrolled() for _ in range(50)]
    gate = threading.Barrier(50)

    def come(entity: Entity) -> Answer:
        gate.wait()
        if kind == "session":
            return api.open_session(entity)
        return check(api, entity) if kind == "check" else match(api, entityId=entity.entity_id)

    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(come, entities))
    made = [answer for answer in answers if answer.status_code in (200, 201)]
    assert len(made) == 10
    assert sum(is_used_up(answer) for answer in answers) == 40
    assert used(api) == 10
    if kind == "session":
        assert api.get(SESSIONS).json["pagination"]["total"] == 10
    elif kind == "check":
        assert [action for _, action in api.actions()].count("biometric_check.made") == 10
    else:
        # Neither a row nor a picture of those who came too late.
        assert api.get(f"{MATCH}/verifications").json["pagination"]["total"] == 10
        assert sum(path.is_file() for path in api.blob_folder.rglob("*")) == 50 + 2 * 10
