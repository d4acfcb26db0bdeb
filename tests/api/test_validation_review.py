"""Validations are read, and judged again; what is rejected is a reference no more."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app.domain.organization import Entity, KycValidation, Scope, ValidationStatus
from tests.api.conftest import Answer, Api
from tests.builders import PORTRAIT_BYTES
from tests.fakes import EPOCH, FAKE_FORMAT

VALIDATIONS = "/api/kyc/validations"
UNKNOWN_ID = "01900000-0000-7000-8000-ffffffffffff"
REASON = "The document was reported stolen."
V = ValidationStatus


@pytest.fixture
def entity(api: Api) -> Entity:
    """Without a validation."""
    entity = api.build.entity(api.organization)
    with api.store.begin() as uow:
        uow.entities.add(entity)
        uow.commit()
    return entity


def add(api: Api, entity: Entity, minutes: int = 0, **changes: Any) -> KycValidation:
    at = EPOCH + timedelta(minutes=minutes)
    validation = api.build.validation(entity, created_at=at, updated_at=at, **changes)
    with api.store.begin() as uow:
        uow.validations.add(validation)
        uow.commit()
    return validation


def review(api: Api, validation_id: str, verdict: str, reason: object = REASON) -> Answer:
    body = {} if reason is None else {"json": {"reason": reason}}
    if verdict == "cancel":
        return api.open(f"{VALIDATIONS}/{validation_id}/cancel", "DELETE", headers=api.headers(), **body)
    return api.open(f"{VALIDATIONS}/{validation_id}/{verdict}", "POST", headers=api.headers(), **body)


def of_entity(entity: Entity, what: str) -> str:
    return f"/api/kyc/entities/{entity.entity_id}/{what}"


def test_a_validation_reads_the_same_everywhere(api: Api, entity: Entity) -> None:
    validation = add(
        api,
        entity,
        approved_at=EPOCH - timedelta(days=1),
        external_session_id="s-1",
        metadata={"z": 1, "a": [None]},
        quality={"face_width_px": 200.0, "interocular_px": 90.5, "sharpness": 12.0},
    )
    read = api.get(f"{VALIDATIONS}/{validation.validation_id.upper()}")
    assert read.status_code == 200
    assert read.json == {
        "id": validation.validation_id,
        "entityId": entity.entity_id,
        "organizationId": api.organization.organization_id,
        "status": "approved",
        "approvedAt": "2026-06-18T14:40:00.000Z",
        "externalSessionId": "s-1",
        "metadata": {"z": 1, "a": [None]},
        "quality": {"faceWidthPx": 200, "interocularPx": 90.5, "sharpness": 12},
        "crossEntity": {"status": "off", "matchedEntityIds": []},
        "warnings": [],
        "createdAt": "2026-06-19T14:40:00.000Z",
        "updatedAt": "2026-06-19T14:40:00.000Z",
    }
    assert api.get(of_entity(entity, "current")).json == read.json
    assert api.get(of_entity(entity, "validations")).json == {
        "validations": [read.json],
        "pagination": {"limit": 50, "offset": 0, "total": 1},
    }


def test_what_is_not_there_is_not_found_or_null(api: Api, entity: Entity) -> None:
    for path in (f"{VALIDATIONS}/{UNKNOWN_ID}", f"{VALIDATIONS}/malformed", f"{VALIDATIONS}/import"):
        assert api.get(path).status_code == 404
    for what in ("current", "validations"):
        assert api.get(f"/api/kyc/entities/{UNKNOWN_ID}/{what}").status_code == 404
    current = api.get(of_entity(entity, "current"))
    assert (current.status_code, current.json) == (200, None)
    assert api.get(of_entity(entity, "validations")).json["validations"] == []


def test_current_is_the_latest_created_whatever_its_status(api: Api, entity: Entity) -> None:
    newest = add(api, entity, 5, status=V.REJECTED, approved_at=None)
    add(api, entity, 3)
    assert api.get(of_entity(entity, "current")).json["id"] == newest.validation_id


def test_pages_put_together_are_the_whole_list_newest_first(api: Api, entity: Entity) -> None:
    made = [add(api, entity, minutes).validation_id for minutes in (0, 0, 1, 1, 2)]
    add(api, api.enrolled())
    pages = [api.get(of_entity(entity, f"validations?limit=2&offset={offset}")).json for offset in (0, 2, 4, 6)]
    assert [one["id"] for page in pages for one in page["validations"]] == list(reversed(made))
    assert {page["pagination"]["total"] for page in pages} == {5}


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "offset=-1", "limit=all"])
def test_wrong_pages_are_refused(api: Api, entity: Entity, query: str) -> None:
    answer = api.get(of_entity(entity, f"validations?{query}"))
    assert (answer.status_code, list(answer.json["fields"])) == (400, [query.partition("=")[0]])


def test_what_is_rejected_later_stops_counting_at_once_and_may_come_back(api: Api) -> None:
    entity = api.enrolled()
    validation = api.get(of_entity(entity, "current")).json
    api.clock.advance(hours=1)
    rejected = review(api, validation["id"], "reject")
    assert rejected.status_code == 200
    assert rejected.json == {**validation, "status": "rejected", "updatedAt": "2026-06-19T15:40:00.000Z"}
    assert api.get(f"{VALIDATIONS}/{validation['id']}").json == rejected.json
    assert api.open_session(entity).json["error"] == "KYC_NOT_APPROVED"
    where = (entity.organization_id, True)
    with api.store.read() as uow:
        assert uow.validations.latest_approved(*where, entity.entity_id) is None
        assert uow.templates.of_approved(*where, FAKE_FORMAT, "", 10) == []
    again = review(api, validation["id"], "approve", "The report was about somebody else.")
    assert (again.status_code, again.json["approvedAt"]) == (200, "2026-06-19T15:40:00.000Z")
    assert api.open_session(entity).status_code == 201
    with api.store.read() as uow:
        assert len(uow.templates.of_approved(*where, FAKE_FORMAT, "", 10)) == 1


def test_an_older_approval_counts_where_a_newer_one_is_rejected(api: Api) -> None:
    entity = api.enrolled()
    newer = add(api, entity, approved_at=EPOCH + timedelta(days=1))
    assert api.open_session(entity).json["error"] == "NO_PORTRAIT"
    assert review(api, newer.validation_id, "reject").status_code == 200
    assert api.open_session(entity).status_code == 201


VERDICTS = {"approve": V.APPROVED, "reject": V.REJECTED, "cancel": V.CANCELLED}
FROM = {
    "approve": {V.IN_REVIEW, V.REJECTED},
    "reject": {V.IN_REVIEW, V.APPROVED},
    "cancel": {V.PENDING, V.IN_PROGRESS, V.IN_REVIEW},
}


@pytest.mark.parametrize("verdict", list(VERDICTS))
@pytest.mark.parametrize("status", list(V))
def test_only_the_moves_of_the_table_are_made_and_each_is_on_record(
    api: Api, entity: Entity, status: ValidationStatus, verdict: str
) -> None:
    validation = add(api, entity, status=status)
    answer = review(api, validation.validation_id, verdict)
    with api.store.read() as uow:
        trail = uow.audit.of_organization(entity.organization_id)
        (key,) = uow.api_keys.of_organization(entity.organization_id)
    trail = [entry for entry in trail if entry.object_type == "kyc_validation"]
    if status not in FROM[verdict]:
        assert (answer.status_code, answer.json["error"], trail) == (409, "INVALID_STATE", [])
        assert api.get(f"{VALIDATIONS}/{validation.validation_id}").json["status"] == status.value
        return
    assert (answer.status_code, answer.json["status"]) == (200, VERDICTS[verdict].value)
    assert [(one.action, one.actor, one.object_id, dict(one.detail)) for one in trail] == [
        (
            f"kyc_validation.{VERDICTS[verdict].value}",
            f"api_key:{key.key_id}",
            validation.validation_id,
            {"before": status.value, "reason": REASON},
        )
    ]


@pytest.mark.parametrize("verdict", ["approve", "reject"])
@pytest.mark.parametrize("reason", [None, "", "four", "  four  ", 12345, "x" * 2_001])
def test_without_a_reason_worth_the_name_nothing_is_judged(
    api: Api, entity: Entity, verdict: str, reason: object
) -> None:
    validation = add(api, entity, status=V.IN_REVIEW)
    answer = review(api, validation.validation_id, verdict, reason)
    assert (answer.status_code, answer.json["error"]) == (400, "INVALID_REQUEST")
    assert api.get(f"{VALIDATIONS}/{validation.validation_id}").json["status"] == "in_review"


@pytest.mark.parametrize(("reason", "status"), [(None, 200), (REASON, 200), ("four", 400), (7, 400)])
def test_a_cancel_needs_no_reason_but_takes_one(api: Api, entity: Entity, reason: object, status: int) -> None:
    validation = add(api, entity, status=V.PENDING)
    assert review(api, validation.validation_id, "cancel", reason).status_code == status


def test_sessions_stand_as_they_were_decided(api: Api) -> None:
    entity = api.enrolled()
    session = api.open_session(entity).json
    validation = api.get(of_entity(entity, "current")).json
    assert review(api, validation["id"], "reject").status_code == 200
    assert api.get(f"/api/kyc/biometric/sessions/{session['id']}").json["status"] == "pending"


def test_whoever_may_only_read_judges_nothing(api: Api, entity: Entity) -> None:
    validation = add(api, entity)
    reader, writer = api.new_key(Scope.ENTITIES_READ), api.new_key(Scope.ENTITIES_WRITE)
    path = f"{VALIDATIONS}/{validation.validation_id}"
    assert api.get(path, key=reader).status_code == 200
    assert api.get(path, key=writer).status_code == 403
    assert api.post(f"{path}/reject", {"reason": REASON}, key=reader).status_code == 403
    assert api.post(f"{path}/reject", {"reason": REASON}, key=writer).status_code == 200


def test_reading_and_judging_go_on_where_kyc_is_switched_off(api: Api) -> None:
    closed = api.new_organization(kyc_enabled=False)
    entity = api.build.entity(closed)
    api.build.enrol(api.store, api.blobs, entity, PORTRAIT_BYTES)
    key = api.new_key(organization=closed)
    validation = api.get(of_entity(entity, "current"), key=key).json
    rejected = api.post(f"{VALIDATIONS}/{validation['id']}/reject", {"reason": REASON}, key=key)
    assert rejected.status_code == 200
