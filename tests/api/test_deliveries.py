"""Deliveries over the API: listed, read with their attempts, sent again; nobody else's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.domain.moment import iso
from app.domain.organization import Scope
from app.domain.webhook import Delivery, DeliveryStatus
from tests.api.conftest import Answer, Api
from tests.api.told import SESSION_URL, add_delivery, try_once
from tests.fakes import EPOCH

WEBHOOKS = "/api/webhooks"
DELIVERIES = f"{WEBHOOKS}/deliveries"
UNKNOWN_ID = "01900000-0000-7000-8000-ffffffffffff"
URL = "https://shop.example/hooks"
NOW = iso(EPOCH)
PENDING, DELIVERED, FAILED = DeliveryStatus.PENDING, DeliveryStatus.DELIVERED, DeliveryStatus.FAILED


def after(**how_long: float) -> str:
    return iso(EPOCH + timedelta(**how_long))


def endpoint(api: Api, url: str = URL, **fields: object) -> str:
    made: str = api.post(WEBHOOKS, {"url": url, "events": ["*"], **fields}).json["id"]
    return made


def patch(api: Api, webhook_id: str, **fields: object) -> Answer:
    return api.open(f"{WEBHOOKS}/{webhook_id}", "PATCH", headers=api.headers(), json=fields)


def remove(api: Api, webhook_id: str) -> None:
    assert api.open(f"{WEBHOOKS}/{webhook_id}", "DELETE", headers=api.headers()).status_code == 200


def read(api: Api, delivery: Delivery) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"{DELIVERIES}/{delivery.delivery_id}").json
    return found


def ids(api: Api, query: str = "", key: str | None = None) -> list[str]:
    return [one["id"] for one in api.get(f"{DELIVERIES}{query}", key=key).json["deliveries"]]


def redeliver(api: Api, delivery: Delivery, key: str | None = None) -> Answer:
    return api.post(f"{DELIVERIES}/{delivery.delivery_id}/redeliver", key=key)


def refusal(answer: Answer) -> tuple[int, str]:
    return answer.status_code, answer.json["error"]


def test_a_delivery_is_read_with_its_attempts(api: Api) -> None:
    webhook_id = endpoint(api)
    delivery = add_delivery(api, webhook_id, URL)
    fresh = read(api, delivery)
    assert fresh == {
        "id": delivery.delivery_id,
        "eventId": delivery.event_id,
        "event": "biometric.session_approved",
        "endpointId": webhook_id,
        "url": URL,
        "status": "pending",
        "attempts": 0,
        "nextAttemptAt": NOW,
        "lastStatusCode": None,
        "lastError": None,
        "createdAt": NOW,
        "finishedAt": None,
        "attemptLog": [],
    }
    try_once(api, delivery, PENDING, None, "timeout")
    api.clock.advance(seconds=5)
    try_once(api, delivery, DELIVERED, 204)
    done = fresh | {
        "status": "delivered",
        "attempts": 2,
        "nextAttemptAt": None,
        "lastStatusCode": 204,
        "finishedAt": after(seconds=5),
        "attemptLog": [
            {"number": 1, "at": NOW, "latencyMs": 12, "statusCode": None, "error": "timeout"},
            {"number": 2, "at": after(seconds=5), "latencyMs": 12, "statusCode": 204, "error": None},
        ],
    }
    assert read(api, delivery) == done
    assert api.get(f"{DELIVERIES}/{delivery.delivery_id.upper()}").json == done
    del done["attemptLog"]
    assert api.get(DELIVERIES).json == {
        "deliveries": [done],
        "pagination": {"limit": 50, "offset": 0, "total": 1},
    }


def test_a_sessions_own_address_has_no_endpoint(api: Api) -> None:
    found = read(api, add_delivery(api))
    assert (found["endpointId"], found["url"]) == (None, SESSION_URL)


def test_the_list_is_filtered_and_comes_newest_first(api: Api) -> None:
    one, other = endpoint(api), endpoint(api, "https://other.example/")
    made = []
    for webhook_id, status in ((one, PENDING), (one, FAILED), (other, FAILED), (None, DELIVERED)):
        api.clock.advance(seconds=1)
        made.append(add_delivery(api, webhook_id, status=status))
    newest_first = [delivery.delivery_id for delivery in reversed(made)]
    assert ids(api) == newest_first
    assert ids(api, "?limit=3&offset=1") == newest_first[1:]
    assert ids(api, "?status=failed") == newest_first[1:3]
    assert ids(api, f"?endpointId={one}") == newest_first[2:]
    assert ids(api, f"?endpointId={one.upper()}&status=failed") == [made[1].delivery_id]
    assert ids(api, f"?eventId={made[3].event_id}") == [made[3].delivery_id]
    assert ids(api, f"?endpointId={UNKNOWN_ID}") == []
    assert api.get(f"{DELIVERIES}?status=failed&limit=1").json["pagination"] == {
        "limit": 1,
        "offset": 0,
        "total": 2,
    }


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=done", "status"),
        ("status=", "status"),
        ("status=FAILED", "status"),
        ("endpointId=1", "endpointId"),
        ("endpointId=", "endpointId"),
        ("eventId=%00", "eventId"),
        ("eventId=" + "a" * 5000, "eventId"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("offset=-1", "offset"),
        ("offset=99999999999", "offset"),
    ],
)
def test_what_cannot_be_asked_for_is_named(api: Api, query: str, field: str) -> None:
    answer = api.get(f"{DELIVERIES}?{query}")
    assert refusal(answer) == (400, "INVALID_REQUEST")
    assert list(answer.json["fields"]) == [field]


@pytest.mark.parametrize("status", [DELIVERED, FAILED])
def test_a_delivery_is_sent_again_with_all_its_attempts(api: Api, status: DeliveryStatus) -> None:
    delivery = add_delivery(api, endpoint(api), URL)
    try_once(api, delivery, status, 503)
    api.clock.advance(days=2)
    answer = redeliver(api, delivery)
    assert answer.status_code == 202
    again = read(api, delivery)
    assert answer.json == {name: value for name, value in again.items() if name != "attemptLog"}
    assert (again["status"], again["attempts"], again["finishedAt"]) == ("pending", 0, None)
    assert (again["nextAttemptAt"], again["createdAt"]) == (after(days=2), NOW)
    assert again["eventId"] == delivery.event_id
    assert len(again["attemptLog"]) == 1, "what was tried before stays on record"
    try_once(api, delivery, DELIVERED, 200)
    log = read(api, delivery)["attemptLog"]
    assert [(one["number"], one["statusCode"]) for one in log] == [(1, 503), (2, 200)]


def test_a_pending_delivery_is_not_sent_again(api: Api) -> None:
    delivery = add_delivery(api, endpoint(api), URL)
    assert refusal(redeliver(api, delivery)) == (409, "INVALID_STATE")
    try_once(api, delivery, PENDING)
    api.clock.advance(days=1)
    before = read(api, delivery)
    assert refusal(redeliver(api, delivery)) == (409, "INVALID_STATE")
    assert read(api, delivery) == before
    assert "webhook.redelivered" not in {action for _, action in api.actions()}


def test_of_many_who_ask_at_once_one_is_heard(api: Api) -> None:
    delivery = add_delivery(api, endpoint(api), URL, status=FAILED)
    with ThreadPoolExecutor(8) as threads:
        statuses = sorted(threads.map(lambda _: redeliver(api, delivery).status_code, range(8)))
    assert statuses == [202] + [409] * 7
    assert [action for _, action in api.actions()].count("webhook.redelivered") == 1


def test_a_disabled_endpoint_is_not_sent_anything_again_until_it_is_enabled(api: Api) -> None:
    webhook_id = endpoint(api)
    delivery = add_delivery(api, webhook_id, URL, status=FAILED)
    patch(api, webhook_id, enabled=False)
    assert refusal(redeliver(api, delivery)) == (409, "INVALID_STATE")
    assert read(api, delivery)["status"] == "failed"
    patch(api, webhook_id, enabled=True)
    assert redeliver(api, delivery).status_code == 202


def test_what_was_to_be_sent_to_a_removed_endpoint_has_failed_and_stays(api: Api) -> None:
    webhook_id, other_id = endpoint(api), endpoint(api)
    waiting = add_delivery(api, webhook_id, URL)
    done = add_delivery(api, webhook_id, URL, status=DELIVERED)
    others = add_delivery(api, other_id, URL)
    api.clock.advance(minutes=1)
    remove(api, webhook_id)
    failed = read(api, waiting)
    assert (failed["status"], failed["finishedAt"]) == ("failed", after(minutes=1))
    assert failed["lastError"]
    assert (read(api, done)["status"], read(api, others)["status"]) == ("delivered", "pending")
    assert set(ids(api, f"?endpointId={webhook_id}")) == {waiting.delivery_id, done.delivery_id}
    for delivery in (waiting, done):
        assert refusal(redeliver(api, delivery)) == (409, "INVALID_STATE")


def test_what_is_still_to_be_sent_follows_its_endpoint(api: Api) -> None:
    webhook_id = endpoint(api)
    waiting = add_delivery(api, webhook_id, URL)
    failed = add_delivery(api, webhook_id, URL, status=FAILED)
    others = [add_delivery(api, endpoint(api), URL), add_delivery(api, None, URL)]
    patch(api, webhook_id, url="https://moved.example/")
    assert read(api, waiting)["url"] == "https://moved.example/"
    assert read(api, failed)["url"] == URL, "where it failed"
    assert {read(api, one)["url"] for one in others} == {URL}
    assert redeliver(api, failed).json["url"] == "https://moved.example/"


def test_a_sessions_own_address_can_be_told_again(api: Api) -> None:
    delivery = add_delivery(api, status=FAILED)
    answer = redeliver(api, delivery)
    assert (answer.status_code, answer.json["url"]) == (202, SESSION_URL)


def test_test_and_live_deliveries_do_not_know_each_other(api: Api) -> None:
    live_key = api.new_key(is_test=False)
    in_test, in_live = add_delivery(api, status=FAILED), add_delivery(api, status=FAILED, is_test=False)
    assert (ids(api), ids(api, key=live_key)) == ([in_test.delivery_id], [in_live.delivery_id])
    assert refusal(redeliver(api, in_test, live_key)) == (404, "NOT_FOUND")
    assert refusal(redeliver(api, in_live)) == (404, "NOT_FOUND")
    assert redeliver(api, in_live, live_key).status_code == 202


def test_anothers_delivery_reads_like_one_that_never_was(api: Api) -> None:
    delivery = add_delivery(api, status=FAILED)
    stranger = api.new_key(organization=api.new_organization())
    unknown = replace(delivery, delivery_id=UNKNOWN_ID)
    assert ids(api, key=stranger) == []
    assert ids(api, f"?eventId={delivery.event_id}", key=stranger) == []
    for one in (delivery, unknown):
        path = f"{DELIVERIES}/{one.delivery_id}"
        for answer in (api.get(path, key=stranger), redeliver(api, one, stranger)):
            assert answer.status_code == 404
            assert answer.json | {"requestId": ""} == {
                "error": "NOT_FOUND",
                "message": "No such object.",
                "requestId": "",
            }
    assert read(api, delivery)["status"] == "failed"


@pytest.mark.parametrize("malformed", ["x", "redeliver", "0", "01900000", "%00"])
def test_a_malformed_id_names_nothing(api: Api, malformed: str) -> None:
    assert refusal(api.get(f"{DELIVERIES}/{malformed}")) == (404, "NOT_FOUND")
    assert refusal(api.post(f"{DELIVERIES}/{malformed}/redeliver")) == (404, "NOT_FOUND")


def test_reading_does_not_allow_sending(api: Api) -> None:
    delivery = add_delivery(api, status=FAILED)
    assert redeliver(api, delivery, api.new_key(Scope.WEBHOOKS_READ)).status_code == 403
    assert api.get(DELIVERIES, key=api.new_key(Scope.WEBHOOKS_WRITE)).status_code == 403
    assert redeliver(api, delivery, api.new_key(Scope.WEBHOOKS_WRITE)).status_code == 202


def test_sending_again_is_audited(api: Api) -> None:
    webhook_id = endpoint(api)
    delivery = add_delivery(api, webhook_id, URL, status=FAILED)
    redeliver(api, delivery)
    with api.store.read() as uow:
        *_, entry = uow.audit.of_organization(api.organization.organization_id)
    assert (entry.action, entry.object_type, entry.object_id) == (
        "webhook.redelivered",
        "delivery",
        delivery.delivery_id,
    )
    assert entry.detail == {"eventId": delivery.event_id, "endpointId": webhook_id}
