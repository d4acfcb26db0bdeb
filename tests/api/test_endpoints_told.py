"""What happens to sessions and validations is told to the endpoints that asked for it, and to nobody else."""

from __future__ import annotations

import random

import pytest

from app.domain.web_address import MAX_BYTES
from tests.api.conftest import Api
from tests.api.forms import form
from tests.api.test_deliveries import DELIVERIES, UNKNOWN_ID, URL, WEBHOOKS, endpoint, ids, patch, refusal, remove


def told(api: Api, webhook_id: str) -> list[str]:
    """Names of the events that are or were for the endpoint, the first one first."""
    found = api.get(f"{DELIVERIES}?endpointId={webhook_id}").json["deliveries"]
    return [one["event"] for one in reversed(found)]


def cancelled_session(api: Api, **fields: object) -> str:
    session_id: str = api.open_session(api.enrolled(), **fields).json["id"]
    api.clock.advance(seconds=1)
    assert api.post(f"/api/kyc/biometric/sessions/{session_id}/cancel").status_code == 200
    return session_id


CREATED, CANCELLED = "biometric.session_created", "biometric.session_cancelled"


def test_endpoints_are_told_what_they_asked_for(api: Api) -> None:
    asked = {
        endpoint(api, events=["*"]): [CREATED, CANCELLED],
        endpoint(api, events=["biometric.*"]): [CREATED, CANCELLED],
        endpoint(api, events=[CANCELLED, "biometric.session_approved"]): [CANCELLED],
        endpoint(api, events=["biometric.*", CREATED, "*"]): [CREATED, CANCELLED],
        endpoint(api, events=["kyc.*"]): [],
    }
    cancelled_session(api)
    assert {webhook_id: told(api, webhook_id) for webhook_id in asked} == asked


LETTERS = {
    "ascii": "".join(map(chr, range(0x30, 0x7F))).replace("\\", ""),
    "other": "".join(map(chr, range(0x4E00, 0x9FFF))),
}


@pytest.mark.parametrize("alphabet", LETTERS)
def test_the_longest_address_there_can_be_is_told(api: Api, alphabet: str) -> None:
    """Nothing that was accepted may stand in the way of a session: by chance, for a database compresses."""
    url = "https://shop.example/"
    chance = random.Random(1)  # noqa: S311 (reproducible on purpose)
    while len((longer := url + chance.choice(LETTERS[alphabet])).encode()) <= MAX_BYTES:
        url = longer
    webhook_id = endpoint(api, url, events=["biometric.*"])
    session_id = api.open_session(api.enrolled(), webhookUrl=url).json["id"]
    api.clock.advance(days=2)
    assert api.get(f"/api/kyc/biometric/sessions/{session_id}").json["status"] == "expired"
    assert told(api, webhook_id) == [CREATED, "biometric.session_expired"]
    assert {one["url"] for one in api.get(DELIVERIES).json["deliveries"]} == {url}


def test_one_event_has_one_id_for_all_its_endpoints(api: Api) -> None:
    for _ in range(3):
        endpoint(api, events=[CREATED])
    api.open_session(api.enrolled())
    listed = api.get(DELIVERIES).json["deliveries"]
    assert (len(listed), len({one["eventId"] for one in listed})) == (3, 1)
    assert len(ids(api, f"?eventId={listed[0]['eventId']}")) == 3


def test_disabled_and_removed_endpoints_are_not_told(api: Api) -> None:
    disabled, removed, back = endpoint(api), endpoint(api), endpoint(api)
    patch(api, disabled, enabled=False)
    patch(api, back, enabled=False)
    remove(api, removed)
    api.open_session(api.enrolled())
    patch(api, back, enabled=True)
    cancelled_session(api)
    assert (told(api, disabled), told(api, removed)) == ([], [])
    assert told(api, back) == [CREATED, CANCELLED], "of the second session alone"


def test_a_change_of_what_is_asked_for_counts_from_then_on(api: Api) -> None:
    webhook_id = endpoint(api, events=[CREATED])
    session_id = api.open_session(api.enrolled()).json["id"]
    api.clock.advance(seconds=1)
    patch(api, webhook_id, events=[CANCELLED], url="https://moved.example/")
    api.post(f"/api/kyc/biometric/sessions/{session_id}/cancel")
    assert told(api, webhook_id) == [CREATED, CANCELLED]
    assert {one["url"] for one in api.get(DELIVERIES).json["deliveries"]} == {"https://moved.example/"}


def test_others_are_not_told(api: Api) -> None:
    body = {"url": URL, "events": ["*"]}
    live_key = api.new_key(is_test=False)
    stranger = api.new_key(organization=api.new_organization())
    for key in (live_key, stranger):
        assert api.post(WEBHOOKS, body, key=key).status_code == 201
    own = endpoint(api)
    cancelled_session(api)
    assert told(api, own) == [CREATED, CANCELLED]
    assert (ids(api, key=live_key), ids(api, key=stranger)) == ([], [])


def test_what_is_refused_tells_nobody(api: Api) -> None:
    webhook_id = endpoint(api, events=["biometric.*"])
    session_id = cancelled_session(api)
    before = told(api, webhook_id)
    assert refusal(api.post(f"/api/kyc/biometric/sessions/{session_id}/cancel")) == (409, "INVALID_STATE")
    assert api.post("/api/kyc/biometric/sessions", {"entityId": UNKNOWN_ID}).status_code == 404
    assert told(api, webhook_id) == before


def test_an_import_tells_of_its_validation(api: Api) -> None:
    webhook_id = endpoint(api, events=["kyc.*"])
    entity_id = api.post("/api/entities", {"type": "person", "name": "Ada"}).json["id"]
    parts = form({"entityId": entity_id, "status": "approved", "portrait": b"\xff\xd8\xff\xe0 a picture"})
    assert api.post("/api/kyc/validations/import", **parts).status_code == 201
    assert told(api, webhook_id) == ["kyc.validation_approved"]
