from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from app.adapters.signed_tokens import SignedTokens
from app.api.answers_sessions import detector_answer
from app.domain.detector_evidence import Detector, DetectorEvidence
from app.domain.session import SessionStatus, move
from app.domain.verdict import RejectionCode
from tests.api.conftest import PUBLIC_URL, Api
from tests.builders import decision

UNKNOWN_ID = "01900000-0000-7000-8000-ffffffffffff"
SESSIONS = "/api/kyc/biometric/sessions"

PAGE_FIELDS = {
    "id",
    "entityId",
    "organizationId",
    "status",
    "mode",
    "sessionUrl",
    "hostedSessionId",
    "iframeAllow",
    "rejectionCode",
    "rejectionMessage",
    "createdAt",
    "updatedAt",
    "completedAt",
}
OWN_FIELDS = {
    "expiresAt",
    "startedAt",
    "attempts",
    "metadata",
    "callback",
    "language",
    "inReview",
    "decision",
    "warnings",
}


def test_a_session_is_created_as_the_page_says(api: Api) -> None:
    entity = api.enrolled()
    answer = api.open_session(
        entity,
        webhookUrl="https://a.example/hook",
        callback="https://a.example/done",
        language="es",
        workflowId="default",
    )
    assert answer.status_code == 201
    created = answer.json
    assert created == {
        "id": created["id"],
        "entityId": entity.entity_id,
        "status": "pending",
        "sessionUrl": created["sessionUrl"],
        "iframeAllow": "camera; microphone; fullscreen; autoplay; encrypted-media",
        "mode": "face_match",
        "hostedSessionId": created["hostedSessionId"],
        "expiresAt": "2026-06-20T14:40:00.000Z",
    }
    token = urlsplit(created["sessionUrl"]).path.removeprefix("/session/")
    assert created["sessionUrl"] == f"{PUBLIC_URL}/session/{token}"
    assert SignedTokens(["s" * 40], api.clock, 60).read_session_token(token) == created["hostedSessionId"]


def test_a_session_reads_the_same_in_both_places_and_at_any_time(api: Api) -> None:
    entity = api.enrolled()
    created = api.open_session(entity, callback="https://a.example/done", metadata={"b": [1, None], "a": "ñ"}).json
    api.clock.advance(hours=3)
    session = api.get(f"{SESSIONS}/{created['id']}").json
    assert set(session) == PAGE_FIELDS | OWN_FIELDS
    assert {name: session[name] for name in created} == created
    assert session["metadata"] == {"b": [1, None], "a": "ñ"}
    assert list(session["metadata"]) == ["b", "a"]
    assert (session["language"], session["attempts"], session["warnings"]) == (None, 0, [])
    assert session["decision"] is None
    assert api.get(f"/api/kyc/biometric/entities/{entity.entity_id}/current").json == session


def test_an_entity_without_sessions_is_null_and_an_unknown_one_not_found(api: Api) -> None:
    entity = api.enrolled()
    answer = api.get(f"/api/kyc/biometric/entities/{entity.entity_id}/current")
    assert answer.status_code == 200
    assert answer.json is None
    assert api.get(f"/api/kyc/biometric/entities/{UNKNOWN_ID}/current").status_code == 404


def test_current_is_the_latest_created_or_on_request_the_latest_approved(api: Api) -> None:
    entity = api.enrolled()
    approved, hosted = api.build.session(entity, status=SessionStatus.APPROVED, completed_at=api.clock.now())
    with api.store.begin() as uow:
        uow.sessions.add(approved, hosted)
        uow.commit()
    api.clock.advance(minutes=1)
    pending = api.open_session(entity).json
    current = f"/api/kyc/biometric/entities/{entity.entity_id}/current"
    assert api.get(current).json["id"] == pending["id"]
    assert api.get(f"{current}?basis=approved").json["id"] == approved.session_id
    assert api.get(f"{current}?basis=nonsense").status_code == 400


def test_a_second_session_names_the_one_in_its_way_until_that_is_cancelled(api: Api) -> None:
    entity = api.enrolled()
    first = api.open_session(entity).json
    refused = api.open_session(entity)
    assert (refused.status_code, refused.json["error"]) == (409, "ACTIVE_SESSION_EXISTS")
    assert refused.json["activeSessionId"] == first["id"]
    cancelled = api.post(f"{SESSIONS}/{first['id']}/cancel")
    assert (cancelled.status_code, cancelled.json["status"]) == (200, "cancelled")
    assert cancelled.json["completedAt"] == "2026-06-19T14:40:00.000Z"
    again = api.post(f"{SESSIONS}/{first['id']}/cancel")
    assert (again.status_code, again.json["error"]) == (409, "INVALID_STATE")
    assert api.open_session(entity).status_code == 201


def test_expiry_shows_on_the_next_read(api: Api) -> None:
    created = api.open_session(api.enrolled(), expiresInSeconds=60).json
    assert created["expiresAt"] == "2026-06-19T14:41:00.000Z"
    api.clock.advance(seconds=60)
    session = api.get(f"{SESSIONS}/{created['id']}").json
    assert (session["status"], session["completedAt"]) == ("expired", "2026-06-19T14:41:00.000Z")


def test_a_rejection_carries_its_whole_evidence(api: Api) -> None:
    created = api.open_session(api.enrolled()).json
    with api.store.begin() as uow:
        found = uow.sessions.by_hosted_id(created["hostedSessionId"])
        assert found is not None
        started = move(found[0], SessionStatus.IN_PROGRESS, api.clock.now())
        assert uow.sessions.swap(SessionStatus.PENDING, started)
        uow.sessions.save_hosted(replace(found[1], attempts_used=2))
        rejected = move(
            started,
            SessionStatus.REJECTED,
            api.clock.now() + timedelta(seconds=30),
            rejection_code=RejectionCode.FACE_MATCH_SCORE_LOW,
            rejection_message="The face does not match.",
            decision=decision(),
        )
        assert uow.sessions.swap(SessionStatus.IN_PROGRESS, rejected)
        uow.commit()
    session = api.get(f"{SESSIONS}/{created['id']}").json
    assert session["status"] == "rejected"
    assert session["rejectionCode"] == "FACE_MATCH_SCORE_LOW"
    assert session["attempts"] == 2
    assert session["startedAt"] == "2026-06-19T14:40:00.000Z"
    assert session["completedAt"] == "2026-06-19T14:40:30.000Z"
    assert session["warnings"] == ["LOW_FACE_MATCH_SIMILARITY"]
    assert session["decision"]["faceMatch"] == {
        "status": "declined",
        "score": 12,
        "threshold": 30,
        "warnings": ["LOW_FACE_MATCH_SIMILARITY"],
    }
    assert session["decision"]["liveness"]["status"] == "approved"
    assert session["decision"]["liveness"]["challenges"] == [
        {
            "attempt": 1,
            "kind": "head_turn",
            "direction": "left",
            "askedAt": "2026-06-19T14:40:00.000Z",
            "passedAt": "2026-06-19T14:40:01.234Z",
            "measured": 24.5,
            "required": 18,
            "unit": "degrees",
            "onsetMs": 300,
            "apexMs": 800,
            "returnMs": 1234,
            "timeLimitMs": 15000,
            "outcome": "passed",
        }
    ]
    assert session["decision"]["liveness"]["profile"] == "standard"
    assert session["decision"]["liveness"]["detectors"] == [
        {
            "name": "shape",
            "status": "passed",
            "score": 88.5,
            "limit": 50,
            "reason": "turns_like_a_head",
            "measured": {"residual_ratio": 0.5},
        },
        {
            "name": "timing",
            "status": "not_measured",
            "score": None,
            "limit": 50,
            "reason": "too_few",
            "measured": {},
        },
    ]
    assert session["decision"]["models"] == [{"name": "minifasnet_v2", "sha256": None}]
    assert session["decision"]["crossEntity"]["matchedEntityIds"] == []


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"entityId": None}, "entityId"),
        ({"entityId": 7}, "entityId"),
        ({"entityId": "{01900000-0000-7000-8000-000000000001}"}, "entityId"),
        ({"entityId": "01900000000070008000000000000001"}, "entityId"),
        ({"webhookUrl": 1}, "webhookUrl"),
        ({"webhookUrl": "http://a.example"}, "webhookUrl"),
        ({"webhookUrl": "https://[::1]/"}, "webhookUrl"),
        ({"callback": ["https://a.example"]}, "callback"),
        ({"callback": "http://a.example/"}, "callback"),
        ({"callback": "javascript:alert(1)"}, "callback"),
        ({"language": 5}, "language"),
        ({"workflowId": {}}, "workflowId"),
        ({"metadata": "text"}, "metadata"),
        ({"metadata": {"x": "y" * 10_240}}, "metadata"),
        ({"accessibility": []}, "accessibility"),
        ({"accessibility": {"avoid": ["flying"]}}, "accessibility.avoid.0"),
        ({"accessibility": {"avoid": "blink"}}, "accessibility.avoid"),
        ({"accessibility": {"avoid": ["blink"] * 33}}, "accessibility.avoid"),
        ({"accessibility": {"moreTime": "yes"}}, "accessibility.moreTime"),
        ({"challenges": 0}, "challenges"),
        ({"challenges": 9}, "challenges"),
        ({"challenges": "3"}, "challenges"),
        ({"challenges": True}, "challenges"),
        ({"challenges": 3.5}, "challenges"),
        ({"replayLedger": "yes"}, "replayLedger"),
        ({"replayLedger": 1}, "replayLedger"),
        ({"expiresInSeconds": 59}, "expiresInSeconds"),
        ({"expiresInSeconds": 10**12}, "expiresInSeconds"),
        ({"expiresInSeconds": "600"}, "expiresInSeconds"),
    ],
)
def test_wrong_fields_are_named(api: Api, fields: dict[str, Any], named: str) -> None:
    answer = api.open_session(api.enrolled(), **fields)
    assert (answer.status_code, answer.json["error"]) == (400, "INVALID_REQUEST")
    assert list(answer.json["fields"]) == [named]


def test_nulls_count_as_not_sent_and_every_wish_is_kept(api: Api) -> None:
    nulls = dict.fromkeys(
        ["webhookUrl", "callback", "language", "workflowId", "metadata", "accessibility", "challenges"]
    )
    assert api.open_session(api.enrolled(), **nulls).status_code == 201
    every_kind = ["head_turn", "look", "blink", "smile", "mouth", "approach", "flash"]
    wishes = {"avoid": every_kind, "moreTime": True}
    created = api.open_session(api.enrolled(), accessibility=wishes, challenges=8, expiresInSeconds=3600)
    with api.store.read() as uow:
        found = uow.sessions.by_hosted_id(created.json["hostedSessionId"])
    assert found is not None
    session = found[0]
    assert {ability.value for ability in session.avoid} == set(every_kind)
    assert (session.has_more_time, session.challenges_at_least) == (True, 8)


@pytest.mark.parametrize(
    ("asked", "is_in_ledger"), [({}, False), ({"replayLedger": False}, False), ({"replayLedger": True}, True)]
)
def test_a_test_session_takes_part_in_the_replay_ledger_where_that_is_asked_for(
    api: Api, asked: dict[str, bool], is_in_ledger: bool
) -> None:
    created = api.open_session(api.enrolled(), **asked)
    with api.store.read() as uow:
        found = uow.sessions.by_hosted_id(created.json["hostedSessionId"])
    assert found is not None
    assert found[0].is_in_replay_ledger is is_in_ledger


def test_a_live_session_always_takes_part_and_nobody_may_say_otherwise(api: Api) -> None:
    entity, key = api.enrolled(is_test=False), api.new_key(is_test=False)
    for asked in (True, False):
        answer = api.post(SESSIONS, {"entityId": entity.entity_id, "replayLedger": asked}, key)
        assert (answer.status_code, answer.json["error"]) == (400, "INVALID_REQUEST")
        assert list(answer.json["fields"]) == ["replayLedger"]
    created = api.post(SESSIONS, {"entityId": entity.entity_id}, key)
    with api.store.read() as uow:
        found = uow.sessions.by_hosted_id(created.json["hostedSessionId"])
    assert found is not None
    assert found[0].is_in_replay_ledger


def test_what_is_missing_is_said_in_the_order_of_the_contract(api: Api) -> None:
    unknown = api.post(SESSIONS, {"entityId": UNKNOWN_ID})
    assert (unknown.status_code, unknown.json["error"]) == (404, "NOT_FOUND")
    workflow = api.post(SESSIONS, {"entityId": UNKNOWN_ID, "workflowId": "nobody's"})
    assert (workflow.status_code, workflow.json["error"]) == (400, "BIOMETRIC_WORKFLOW_NOT_CONFIGURED")
    person = api.post("/api/entities", {"type": "person", "name": "N"}).json
    unapproved = api.post(SESSIONS, {"entityId": person["id"]})
    assert (unapproved.status_code, unapproved.json["error"]) == (400, "KYC_NOT_APPROVED")
    entity = api.enrolled()
    for path in api.blob_folder.rglob("*"):
        if path.is_file():
            path.unlink()
    faceless = api.open_session(entity)
    assert (faceless.status_code, faceless.json["error"]) == (400, "NO_PORTRAIT")


def test_a_paused_entity_says_when_to_come_back(api: Api) -> None:
    entity = api.enrolled()
    for _ in range(5):
        rejected = api.build.session(entity, status=SessionStatus.REJECTED, completed_at=api.clock.now())
        with api.store.begin() as uow:
            uow.sessions.add(*rejected)
            uow.commit()
    answer = api.open_session(entity)
    assert (answer.status_code, answer.json["error"]) == (429, "ENTITY_PAUSED")
    assert answer.headers["Retry-After"] == str(24 * 3600)


@pytest.mark.parametrize("switch", ["kyc_enabled", "biometric_enabled"])
def test_what_is_switched_off_opens_nothing_but_can_be_read(api: Api, switch: str) -> None:
    closed = api.new_organization("globex", **{switch: False})
    entity = api.build.enrolled(api.store, api.blobs, closed)
    key = api.new_key(organization=closed)
    answer = api.post(SESSIONS, "not even an object", key=key)
    assert (answer.status_code, answer.json["error"]) == (403, "NOT_ENABLED")
    assert api.get(f"/api/kyc/biometric/entities/{entity.entity_id}/current", key=key).status_code == 200


@pytest.mark.parametrize(
    ("detector", "score", "profile", "status", "limit"),
    [
        (Detector.PHOTOMETRY, 20.0, "standard", "warned", 50.0),
        (Detector.PHOTOMETRY, 20.0, "strict", "failed", 60.0),
        (Detector.TRACK, 20.0, "standard", "failed", 50.0),
        (Detector.TRACK, 50.0, "standard", "passed", 50.0),
        (Detector.TRACK, None, "standard", "not_measured", 50.0),
    ],
)
def test_a_detector_says_how_it_stands_under_the_profile(
    detector: Detector, score: float | None, profile: str, status: str, limit: float
) -> None:
    answer = detector_answer(DetectorEvidence(detector, score, "a_reason"), profile)
    assert (answer.name, answer.status, answer.limit) == (detector.value, status, limit)
