"""A person decides a session that policy left to one."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.organization import Entity
from app.domain.session import SessionStatus
from tests.api.conftest import Answer, Api
from tests.builders import decision
from tests.fakes import EPOCH

SESSIONS = "/api/kyc/biometric/sessions"
REASON = "The movements are hers, the light was poor."
S = SessionStatus


@pytest.fixture
def entity(api: Api) -> Entity:
    return api.enrolled()


def add(api: Api, entity: Entity, **changes: Any) -> str:
    """A session under review, but for the changes; its id."""
    standing = {"status": S.IN_PROGRESS, "is_in_review": True, "started_at": EPOCH, "decision": decision()}
    session, hosted = api.build.session(entity, **{**standing, **changes})
    with api.store.begin() as uow:
        uow.sessions.add(session, hosted)
        uow.commit()
    return session.session_id


def review(api: Api, session_id: str, verdict: str, reason: object = REASON) -> Answer:
    return api.post(f"{SESSIONS}/{session_id}/{verdict}", {"reason": reason})


def test_an_approval_ends_the_review_and_makes_the_session_current(api: Api, entity: Entity) -> None:
    session_id = add(api, entity)
    api.clock.advance(days=3)
    answer = review(api, session_id, "approve")
    assert answer.status_code == 200
    session = answer.json
    assert (session["status"], session["inReview"]) == ("approved", False)
    assert session["completedAt"] == session["updatedAt"] == "2026-06-22T14:40:00.000Z"
    assert (session["rejectionCode"], session["rejectionMessage"]) == (None, None)
    assert session["decision"]["liveness"]["status"] == "approved", "the evidence stays"
    assert api.get(f"{SESSIONS}/{session_id}").json == session
    assert api.get(f"{SESSIONS}?entityId={entity.entity_id}").json["currentSessionId"] == session_id


def test_a_rejection_carries_its_code_and_its_reason(api: Api, entity: Entity) -> None:
    answer = review(api, add(api, entity), "reject", f"  {REASON}\n")
    assert answer.status_code == 200
    assert (answer.json["status"], answer.json["inReview"]) == ("rejected", False)
    assert (answer.json["rejectionCode"], answer.json["rejectionMessage"]) == ("REVIEW_REJECTED", REASON)


@pytest.mark.parametrize(("verdict", "code"), [("approve", None), ("reject", "REVIEW_REJECTED")])
def test_the_audit_trail_says_who_decided_and_why(
    api: Api, entity: Entity, verdict: str, code: str | None
) -> None:
    session_id = add(api, entity)
    assert review(api, session_id, verdict).status_code == 200
    assert review(api, session_id, verdict).status_code == 409
    with api.store.read() as uow:
        entry = uow.audit.of_organization(api.organization.organization_id)[-1]
        (key,) = uow.api_keys.of_organization(api.organization.organization_id)
    assert entry.action == f"biometric_session.{'approved' if verdict == 'approve' else 'rejected'}"
    assert (entry.actor, entry.object_id) == (f"api_key:{key.key_id}", session_id)
    assert entry.detail == {"rejectionCode": code, "reason": REASON}
    decided = [action for _, action in api.actions() if action.startswith("biometric_session.")]
    assert len(decided) == 1


@pytest.mark.parametrize("verdict", ["approve", "reject"])
@pytest.mark.parametrize("status", list(S))
def test_only_what_is_under_review_can_be_decided(
    api: Api, entity: Entity, status: SessionStatus, verdict: str
) -> None:
    session_id = add(api, entity, status=status, is_in_review=False)
    before = api.get(f"{SESSIONS}/{session_id}").json
    answer = review(api, session_id, verdict)
    assert (answer.status_code, answer.json["error"]) == (409, "INVALID_STATE")
    assert api.get(f"{SESSIONS}/{session_id}").json == before


@pytest.mark.parametrize("verdict", ["approve", "reject"])
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"reason": None},
        {"reason": 12345},
        {"reason": ["a", "b", "c", "d", "e"]},
        {"reason": ""},
        {"reason": "four"},
        {"reason": " four "},
        {"reason": " \t\n    "},
        {"reason": "x" * 2_001},
    ],
)
def test_without_a_reason_worth_the_name_nothing_is_decided(
    api: Api, entity: Entity, verdict: str, body: dict[str, object]
) -> None:
    session_id = add(api, entity)
    answer = api.post(f"{SESSIONS}/{session_id}/{verdict}", body)
    assert (answer.status_code, answer.json["error"]) == (400, "INVALID_REQUEST")
    assert list(answer.json["fields"]) == ["reason"]
    assert api.get(f"{SESSIONS}/{session_id}").json["inReview"] is True


@pytest.mark.parametrize("reason", ["fives", "x" * 2_000, "ñandú", f"{' ' * 2_000}fives"])
def test_reasons_of_five_to_two_thousand_characters_will_do(api: Api, entity: Entity, reason: str) -> None:
    assert review(api, add(api, entity), "reject", reason).json["rejectionMessage"] == reason.strip()


def test_no_body_or_one_of_another_kind_is_refused(api: Api, entity: Entity) -> None:
    path = f"{SESSIONS}/{add(api, entity)}/approve"
    for answer in (api.post(path), api.post(path, data={"reason": REASON}), api.post(path, [REASON])):
        assert (answer.status_code, answer.json["error"]) == (400, "INVALID_REQUEST")


def test_a_cancelled_review_cannot_be_decided_nor_a_decided_one_cancelled(api: Api, entity: Entity) -> None:
    cancelled = add(api, entity)
    assert api.post(f"{SESSIONS}/{cancelled}/cancel").status_code == 200
    assert review(api, cancelled, "approve").status_code == 409
    decided = add(api, entity)
    assert review(api, decided, "approve").status_code == 200
    assert api.post(f"{SESSIONS}/{decided}/cancel").status_code == 409
    assert review(api, decided, "reject").status_code == 409


def test_a_review_is_neither_expired_nor_abandoned(api: Api, entity: Entity) -> None:
    session_id = add(api, entity)
    api.clock.advance(days=300)
    assert api.get(SESSIONS).json["sessions"][0]["status"] == "in_progress"
    assert review(api, session_id, "approve").status_code == 200
