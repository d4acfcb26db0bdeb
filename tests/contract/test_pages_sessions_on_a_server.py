"""The pages on biometric sessions once more, over the network: a real server process, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from tests.contract.test_pages_sessions import (
    ACTIVE_EXISTS,
    CREATE_BODY,
    CREATED,
    CURRENT,
    OURS_CREATED,
    OURS_ERROR,
    OURS_SESSION,
    assert_as_on_the_page,
)
from tests.live_server import Api, LiveServer
from tests.portrait import close_up, jpeg

SESSIONS = "/api/kyc/biometric/sessions"


@dataclass(frozen=True)
class Client:
    """The API over the network, with one enrolled person."""

    http: httpx.Client
    entity_id: str

    def current(self) -> httpx.Response:
        return self.http.get(f"/api/kyc/biometric/entities/{self.entity_id}/current")

    def listed(self) -> httpx.Response:
        return self.http.get(SESSIONS, params={"entityId": self.entity_id, "status": "pending", "limit": 1})


@pytest.fixture(scope="module")
def client(live_server: LiveServer) -> Iterator[Client]:
    """On both databases."""
    api = Api(live_server.url, live_server.demo_key())
    yield Client(api.http, api.enrol("Ada", jpeg(close_up())))
    api.close()


def test_the_examples_of_the_pages_hold_from_create_to_cancel(client: Client) -> None:
    assert (client.current().status_code, client.current().json()) == (200, None)
    body = {
        "entityId": client.entity_id,
        "webhookUrl": "https://integrator.example/hook",
        "callback": "https://integrator.example/done",
        "language": "pt",
        "workflowId": "default",
    }
    assert set(body) == set(CREATE_BODY)
    answer = client.http.post(SESSIONS, json=body)
    assert answer.status_code == 201
    created = answer.json()
    assert_as_on_the_page(created, CREATED, OURS_CREATED)
    session = client.current().json()
    assert_as_on_the_page(session, CURRENT, OURS_SESSION)
    refused = client.http.post(SESSIONS, json=body)
    assert refused.status_code == 409
    assert_as_on_the_page(refused.json(), ACTIVE_EXISTS, OURS_ERROR)
    one = f"{SESSIONS}/{refused.json()['activeSessionId']}"
    assert client.http.get(one).json() == client.http.post(f"{one}/sync").json() == session
    assert client.listed().json() == {
        "sessions": [session],
        "currentSessionId": None,
        "pagination": {"limit": 1, "offset": 0, "total": 1},
    }
    cancelled = client.http.post(f"{one}/cancel")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert client.listed().json()["sessions"] == []


def test_what_is_rejected_is_a_reference_no_more_until_it_is_approved_again(client: Client) -> None:
    current = client.http.get(f"/api/kyc/entities/{client.entity_id}/current").json()
    validation = f"/api/kyc/validations/{current['id']}"
    reason = {"reason": "The document was reported stolen."}
    assert client.http.post(f"{validation}/reject", json=reason).json()["status"] == "rejected"
    refused = client.http.post(SESSIONS, json={"entityId": client.entity_id})
    assert (refused.status_code, refused.json()["error"]) == (400, "KYC_NOT_APPROVED")
    assert client.http.post(f"{validation}/approve", json=reason).json()["status"] == "approved"
    opened = client.http.post(SESSIONS, json={"entityId": client.entity_id})
    assert opened.status_code == 201
    assert client.http.post(f"{SESSIONS}/{opened.json()['id']}/cancel").status_code == 200
