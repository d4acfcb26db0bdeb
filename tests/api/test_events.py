"""`GET /api/events`, and what webhooks carry: the REST object as it stood, with its entity."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import pytest

from app.adapters.signed_tokens import SignedTokens
from app.api.event_payloads import EventRendering
from app.api.services import ApiServices
from app.domain.event import Event
from app.domain.organization import Entity, Scope
from tests.api.conftest import PUBLIC_URL, Answer, Api
from tests.builders import PORTRAIT_BYTES

EVENTS = "/api/events"
SESSIONS = "/api/kyc/biometric/sessions"
REASON = {"reason": "looked at by a person"}


def stored(api: Api) -> list[Event]:
    with api.store.read() as uow:
        return list(uow.events.after(api.organization.organization_id, True, 0, 1_000))


def body_of(api: Api, event: Event) -> Any:  # noqa: ANN401 (JSON)
    services: ApiServices = api.app.extensions["bonafide-api"]
    assert isinstance(services.links, SignedTokens)
    return json.loads(EventRendering(services.links, PUBLIC_URL).body(event))


def import_validation(api: Api, entity_id: str) -> Answer:
    form = {"entityId": entity_id, "status": "approved", "portrait": (BytesIO(PORTRAIT_BYTES), "portrait.jpg")}
    return api.post("/api/kyc/validations/import", data=form)


@pytest.fixture
def entity(api: Api) -> Entity:
    return api.enrolled(external_id="customer-1", attributes={"tier": "gold"})


def test_there_is_nothing_at_first(api: Api) -> None:
    answer = api.get(EVENTS)
    assert (answer.status_code, answer.json) == (200, {"events": [], "next": 0})
    assert api.get(f"{EVENTS}?after=12").json == {"events": [], "next": 12}


def test_a_session_is_told_of_as_it_is_read(api: Api, entity: Entity) -> None:
    session_id = api.open_session(entity, metadata={"order": 7}).json["id"]
    whose = api.get(f"/api/entities/{entity.entity_id}").json
    created = api.get(f"{SESSIONS}/{session_id}").json
    api.clock.advance(minutes=1)
    cancelled = api.post(f"{SESSIONS}/{session_id}/cancel").json
    answer = api.get(EVENTS)
    first, second = answer.json["events"]
    assert answer.json["next"] == 2
    assert first == {
        "event": "biometric.session_created",
        "timestamp": created["createdAt"],
        "organizationId": api.organization.organization_id,
        "sequence": 1,
        "payload": created | {"entity": whose},
    }
    assert second == {
        "event": "biometric.session_cancelled",
        "timestamp": cancelled["updatedAt"],
        "organizationId": api.organization.organization_id,
        "sequence": 2,
        "payload": cancelled | {"entity": whose},
    }


def test_what_is_sent_is_what_is_listed(api: Api, entity: Entity) -> None:
    api.open_session(entity)
    assert [body_of(api, event) for event in stored(api)] == api.get(EVENTS).json["events"]


def test_the_address_of_the_page_is_not_stored(api: Api, entity: Entity) -> None:
    url = api.open_session(entity).json["sessionUrl"]
    (event,) = stored(api)
    assert body_of(api, event)["payload"]["sessionUrl"] == url
    assert url.rpartition("/")[2] not in repr(event)


def test_validations_are_told_of_when_they_are_imported_and_judged(api: Api) -> None:
    made = api.post("/api/entities", {"type": "person", "name": "Ada Lovelace", "taxId": "20-1"}).json
    imported = import_validation(api, made["id"])
    assert imported.status_code == 201
    api.clock.advance(minutes=1)
    rejected = api.post(f"/api/kyc/validations/{imported.json['id']}/reject", REASON).json
    first, second = api.get(EVENTS).json["events"]
    assert (first["event"], second["event"]) == ("kyc.validation_approved", "kyc.validation_rejected")
    assert first["payload"] == imported.json | {"entity": made}
    assert second["payload"] == rejected | {"entity": made}


def test_a_create_that_is_repeated_under_its_key_is_told_of_once(api: Api, entity: Entity) -> None:
    headers = api.headers() | {"Idempotency-Key": "once"}
    body = {"entityId": entity.entity_id}
    answers = [api.open(SESSIONS, "POST", headers=headers, json=body) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {201}
    assert len(api.get(EVENTS).json["events"]) == 1


def test_a_create_that_is_refused_is_not_told_of(api: Api, entity: Entity) -> None:
    api.open_session(entity)
    assert api.open_session(entity).status_code == 409
    assert len(api.get(EVENTS).json["events"]) == 1


def test_whoever_goes_on_with_next_reads_everything_once(api: Api) -> None:
    for number in range(5):
        api.open_session(api.enrolled(external_id=f"customer-{number}"))
    seen, after = [], 0
    while page := api.get(f"{EVENTS}?after={after}&limit=2").json["events"]:
        assert len(page) <= 2
        seen += [event["sequence"] for event in page]
        after = api.get(f"{EVENTS}?after={after}&limit=2").json["next"]
    assert seen == [1, 2, 3, 4, 5]


def test_live_and_test_and_organizations_are_apart(api: Api, entity: Entity) -> None:
    api.open_session(entity)
    live = api.new_key(Scope.EVENTS_READ, is_test=False)
    theirs = api.new_key(Scope.EVENTS_READ, organization=api.new_organization())
    assert len(api.get(EVENTS, api.new_key(Scope.EVENTS_READ)).json["events"]) == 1
    for key in (live, theirs):
        assert api.get(EVENTS, key).json == {"events": [], "next": 0}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("after=-1", "after"),
        ("after=x", "after"),
        ("after=9223372036854775808", "after"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(api: Api, query: str, field: str) -> None:
    answer = api.get(f"{EVENTS}?{query}")
    assert (answer.status_code, answer.json["error"]) == (400, "INVALID_REQUEST")
    assert set(answer.json["fields"]) == {field}


def test_the_greatest_number_is_understood(api: Api) -> None:
    assert api.get(f"{EVENTS}?after=9223372036854775807").status_code == 200
