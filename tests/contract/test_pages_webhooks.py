"""The public page on biometric webhooks: its envelope and the fields that it lists, name by name.

The page is not among those kept in the repository's contract; its example is written out here. What we add stands
in OURS.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from app.domain.event import PER_REQUEST_EVENTS, EventName
from app.domain.organization import Entity
from tests.api.conftest import Api
from tests.contract.test_pages_sessions import CURRENT, MOMENT, OURS_SESSION, SESSIONS, UUID, kind_of

ENVELOPE: Mapping[str, object] = {
    "event": "biometric.session_approved",
    "timestamp": "2026-06-11T15:00:00Z",
    "organizationId": "org-uuid",
    "payload": {},
}
ENTITY = {
    "id": "123e4567-e89b-12d3-a456-426614174000",
    "externalId": "customer_xyz789",
    "name": "John Doe",
    "type": "person",
}
PAYLOAD_FIELDS = {
    "id",
    "status",
    "rejectionCode",
    "rejectionMessage",
    "mode",
    "sessionUrl",
    "hostedSessionId",
    "entity",
}
SESSION_EVENTS = {
    "biometric.session_created",
    "biometric.session_in_progress",
    "biometric.session_approved",
    "biometric.session_rejected",
    "biometric.session_abandoned",
    "biometric.session_cancelled",
    "biometric.session_expired",
}
VALIDATION_EVENTS = {
    "kyc.validation_created",
    "kyc.validation_in_progress",
    "kyc.validation_in_review",
    "kyc.validation_approved",
    "kyc.validation_rejected",
    "kyc.validation_abandoned",
    "kyc.validation_expired",
    "kyc.validation_cancelled",
}
TOLD_TO_A_SESSIONS_OWN_ADDRESS = {"approved", "rejected", "abandoned", "expired"}
"""As they stand on the pages."""

OURS_ENVELOPE = {"sequence"}
OURS_ENTITY = {"organizationId", "taxId", "countryCode", "attributes", "createdAt", "updatedAt"}


@pytest.fixture
def entity(api: Api) -> Entity:
    return api.enrolled(external_id="customer_xyz789", name="John Doe")


@pytest.fixture
def told(api: Api, entity: Entity) -> Any:  # noqa: ANN401 (JSON)
    """What a webhook carries of a session that was made."""
    assert api.open_session(entity).status_code == 201
    ((event),) = api.get("/api/events").json["events"]
    return event


def test_the_names_of_events_are_the_pages() -> None:
    assert {name.value for name in EventName} == SESSION_EVENTS | VALIDATION_EVENTS


def test_a_sessions_own_address_is_told_the_pages_ends() -> None:
    ends = {f"biometric.session_{status}" for status in TOLD_TO_A_SESSIONS_OWN_ADDRESS}
    assert {name.value for name in PER_REQUEST_EVENTS} == ends


def test_the_envelope_is_the_pages(api: Api, told: Mapping[str, Any]) -> None:
    assert set(told) == set(ENVELOPE) | OURS_ENVELOPE
    assert told["event"] == "biometric.session_created"
    assert told["organizationId"] == api.organization.organization_id
    assert MOMENT(told["timestamp"])


def test_the_payload_is_the_session_as_it_is_read_with_its_entity(
    api: Api, entity: Entity, told: Mapping[str, Any]
) -> None:
    payload = told["payload"]
    assert set(payload) == set(CURRENT) | OURS_SESSION | {"entity"}
    assert set(payload) >= PAYLOAD_FIELDS
    for name, example in CURRENT.items():
        assert kind_of(name, example)(payload[name]), name
    whose = payload.pop("entity")
    assert payload == api.get(f"{SESSIONS}/{payload['id']}").json
    assert whose == api.get(f"/api/entities/{entity.entity_id}").json


def test_the_entity_is_the_pages(told: Mapping[str, Any]) -> None:
    whose = told["payload"]["entity"]
    assert set(whose) == set(ENTITY) | OURS_ENTITY
    assert {name: whose[name] for name in ("externalId", "name", "type")} == {
        name: ENTITY[name] for name in ("externalId", "name", "type")
    }
    assert UUID(whose["id"])
