"""Claim, send, write: who has a lease decides, whatever dies, comes late, or was changed meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from app.adapters.db.unit_of_work import SqlStore
from app.domain.webhook import Delivery, DeliveryStatus, WebhookEndpoint
from app.services.deliver_webhooks import Claimed, Sent
from tests.post_office import BUSY, GONE, LEASE, OK, TIMEOUT, PostOffice

URL = "https://shop.example/of-one-session"


@pytest.fixture
def office(store: SqlStore) -> PostOffice:
    return PostOffice(store)


def claim(office: PostOffice, holder: str, limit: int = 100) -> list[Claimed]:
    return list(office.deliver.claim(holder, limit, 100, {}))


def try_all(office: PostOffice, holder: str) -> list[Sent]:
    """Claim, send and write once."""
    sent = [office.deliver.send(one) for one in claim(office, holder)]
    assert office.deliver.record(holder, sent) == len(sent)
    return sent


def change(office: PostOffice, endpoint: WebhookEndpoint, **changes: object) -> WebhookEndpoint:
    after = replace(endpoint, **changes)  # type: ignore[arg-type]
    with office.store.begin() as uow:
        uow.webhook_endpoints.save(after)
        uow.commit()
    return after


def test_what_is_due_is_sent_once_and_on_record(office: PostOffice) -> None:
    endpoint = office.endpoint()
    to_endpoint, to_session = *office.post(endpoint), *office.post(URL)
    try_all(office, office.worker())
    requests = {request.url: request for request in office.sender.requests}
    assert requests[endpoint.url].headers["webhook-signature"].split()[0] == endpoint.endpoint_id
    assert requests[URL].headers["webhook-signature"].split()[0] == office.organization.organization_id
    assert requests[endpoint.url].headers["webhook-id"] == to_endpoint.event_id
    assert requests[endpoint.url].body == b"biometric.session_approved 1"
    for delivery in (to_endpoint, to_session):
        now = office.now(delivery)
        assert (now.status, now.attempts, now.last_status_code) == (DeliveryStatus.DELIVERED, 1, 200)
        (attempt,) = office.attempts(delivery)
        assert (attempt.at, attempt.latency_ms, attempt.status_code) == (office.clock.now(), 12, 200)
    assert claim(office, office.worker()) == []
    assert office.deliver.next_due() is None


def test_a_failure_waits_for_its_time_and_keeps_its_webhook_id(office: PostOffice) -> None:
    office.sender.answers[URL] = [TIMEOUT, replace(BUSY, retry_after_seconds=600), OK]
    (delivery,) = office.post(URL)
    worker = office.worker()
    try_all(office, worker)
    assert office.now(delivery).last_error == "timeout"
    office.clock.advance(seconds=4.9)
    assert claim(office, worker) == []
    office.clock.advance(seconds=0.1)
    try_all(office, worker)
    assert office.deliver.next_due() == office.clock.now() + timedelta(seconds=600)
    office.clock.advance(seconds=600)
    try_all(office, worker)
    assert office.now(delivery).status is DeliveryStatus.DELIVERED
    assert office.sender.ids == [delivery.event_id] * 3
    assert [attempt.status_code for attempt in office.attempts(delivery)] == [None, 503, 200]
    assert [attempt.number for attempt in office.attempts(delivery)] == [1, 2, 3]


def test_after_the_last_attempt_it_has_failed(office: PostOffice) -> None:
    office.sender.answers[URL] = [BUSY]
    (delivery,) = office.post(URL)
    worker = office.worker()
    while (due_at := office.deliver.next_due()) is not None:
        office.clock.advance(seconds=(due_at - office.clock.now()).total_seconds())
        try_all(office, worker)
    assert (office.now(delivery).status, len(office.attempts(delivery))) == (DeliveryStatus.FAILED, 10)


def test_nobody_else_gets_what_is_under_a_lease_until_it_runs_out(office: PostOffice) -> None:
    office.post(URL, 3)
    dead, alive = office.worker(), office.worker()
    assert len(claim(office, dead, limit=2)) == 2
    assert len(claim(office, alive)) == 1
    office.clock.advance(seconds=LEASE.total_seconds() - 0.001)
    assert claim(office, alive) == []
    office.clock.advance(seconds=0.001)
    assert len(claim(office, alive)) == 3


def test_who_lost_the_lease_changes_nothing(office: PostOffice) -> None:
    """The first worker hangs longer than its lease, and the second delivers meanwhile."""
    (delivery,) = office.post(URL)
    slow, quick = office.worker(), office.worker()
    late = [office.deliver.send(one) for one in claim(office, slow)]
    office.clock.advance(seconds=LEASE.total_seconds())
    taken = claim(office, quick)
    assert office.deliver.record(slow, late) == 0
    assert office.now(delivery).lease_holder == quick
    office.sender.answers[URL] = [BUSY]
    assert office.deliver.record(quick, [office.deliver.send(one) for one in taken]) == 1
    assert office.deliver.record(slow, late) == 0
    assert (office.now(delivery).status, len(office.attempts(delivery))) == (DeliveryStatus.PENDING, 1)


def test_a_late_result_does_not_undo_that_it_is_sent_again(office: PostOffice) -> None:
    office.sender.answers[URL] = [replace(OK, status_code=400)]
    (delivery,) = office.post(URL)
    worker = office.worker()
    sent = [office.deliver.send(one) for one in claim(office, worker)]
    office.deliver.record(worker, sent)
    failed = office.now(delivery)
    with office.store.begin() as uow:
        assert uow.deliveries.requeue(replace(failed, status=DeliveryStatus.PENDING, attempts=0, finished_at=None))
        uow.commit()
    assert office.deliver.record(worker, sent) == 0
    assert office.now(delivery).status is DeliveryStatus.PENDING


def test_what_is_given_back_is_untried_and_free_again(office: PostOffice) -> None:
    (delivery,) = office.post(URL)
    first, second = office.worker(), office.worker()
    (claimed,) = claim(office, first)
    office.deliver.record(first, [office.deliver.give_back(claimed, timedelta(seconds=2))])
    assert claim(office, second) == []
    office.clock.advance(seconds=2)
    (claimed,) = claim(office, second)
    office.deliver.record(second, [office.deliver.give_back(claimed)])
    assert len(claim(office, first)) == 1
    assert office.deliver.release(first) == 1
    now = office.now(delivery)
    assert (now.status, now.attempts, now.lease_holder) == (DeliveryStatus.PENDING, 0, None)
    assert office.attempts(delivery) == []


def test_410_disables_the_endpoint_and_its_other_deliveries_fail_when_they_come_due(office: PostOffice) -> None:
    endpoint, other = office.endpoint(), office.endpoint("https://other.example/")
    office.sender.answers[endpoint.url] = [BUSY]
    (waiting,) = office.post(endpoint)
    worker = office.worker()
    try_all(office, worker)
    office.sender.answers[endpoint.url] = [GONE]
    gone, told = office.post(endpoint, 2), office.post(other)
    try_all(office, worker)
    assert {office.now(one).status for one in gone} == {DeliveryStatus.FAILED}
    assert office.now(told[0]).status is DeliveryStatus.DELIVERED
    after = office.endpoint_now(endpoint)
    assert after is not None
    assert (after.is_enabled, after.disabled_reason) == (False, "gone")
    assert office.audit() == ["webhook.disabled"]
    assert office.now(waiting).status is DeliveryStatus.PENDING
    requests = len(office.sender.requests)
    office.clock.advance(seconds=5)
    assert try_all(office, worker) == []
    failed = office.now(waiting)
    assert (failed.status, failed.last_error, failed.attempts) == (DeliveryStatus.FAILED, "endpoint_disabled", 1)
    assert failed.finished_at == office.clock.now()
    assert len(office.sender.requests) == requests
    assert len(office.attempts(waiting)) == 1


def test_410_of_an_address_that_was_left_disables_nothing(office: PostOffice) -> None:
    endpoint = office.endpoint()
    office.sender.answers[endpoint.url] = [GONE]
    office.post(endpoint)
    worker = office.worker()
    sent = [office.deliver.send(one) for one in claim(office, worker)]
    change(office, endpoint, url="https://shop.example/moved")
    office.deliver.record(worker, sent)
    after = office.endpoint_now(endpoint)
    assert after is not None
    assert after.is_enabled
    assert office.audit() == []


def test_410_of_a_sessions_own_address_fails_that_delivery_alone(office: PostOffice) -> None:
    office.sender.answers[URL] = [GONE, OK]
    first, second = office.post(URL, 2)
    try_all(office, office.worker())
    assert {office.now(first).status, office.now(second).status} == {
        DeliveryStatus.FAILED,
        DeliveryStatus.DELIVERED,
    }


def test_an_endpoint_that_was_enabled_again_in_time_is_told(office: PostOffice) -> None:
    endpoint = office.endpoint()
    office.sender.answers[endpoint.url] = [BUSY, OK]
    (delivery,) = office.post(endpoint)
    worker = office.worker()
    try_all(office, worker)
    change(office, endpoint, is_enabled=False, disabled_reason="switched_off")
    change(office, endpoint, is_enabled=True, disabled_reason=None)
    office.clock.advance(seconds=5)
    try_all(office, worker)
    assert office.now(delivery).status is DeliveryStatus.DELIVERED


def test_a_removed_endpoint_is_not_told_even_what_came_up_while_it_went(office: PostOffice) -> None:
    """The event was written by somebody who still saw the endpoint."""
    gone = replace(office.endpoint(), endpoint_id=office.randomness.object_id())
    (delivery,) = office.post(gone)
    assert claim(office, office.worker()) == []
    now = office.now(delivery)
    assert (now.status, now.last_error) == (DeliveryStatus.FAILED, "endpoint_removed")
    assert office.sender.requests == []


def test_an_endpoint_is_told_where_it_is_now(office: PostOffice) -> None:
    """The event was written by somebody who still saw the old address."""
    endpoint = change(office, office.endpoint(), url="https://shop.example/moved")
    (delivery,) = office.post(replace(endpoint, url="https://shop.example/hooks"))
    try_all(office, office.worker())
    assert [request.url for request in office.sender.requests] == ["https://shop.example/moved"]
    assert office.now(delivery).status is DeliveryStatus.DELIVERED


def test_a_bug_of_ours_costs_an_attempt_of_that_delivery_alone(office: PostOffice) -> None:
    bad, good = office.post(URL, 2)
    office.bodies.broken.add(bad.event_id)
    try_all(office, office.worker())
    assert office.now(good).status is DeliveryStatus.DELIVERED
    now = office.now(bad)
    assert (now.status, now.attempts, now.last_error) == (DeliveryStatus.PENDING, 1, "internal_error")
    assert office.failures == [f"delivery {bad.delivery_id}"]


def test_an_outage_of_the_store_that_secrets_come_from_costs_no_attempt(office: PostOffice) -> None:
    (delivery,) = office.post(URL)
    office.signatures.is_away = True
    (sent,) = try_all(office, office.worker())
    assert sent.outcome is None
    now = office.now(delivery)
    assert (now.status, now.attempts, now.lease_holder) == (DeliveryStatus.PENDING, 0, None)
    assert office.failures == []


def test_a_lane_without_room_gets_nothing_and_none_takes_a_whole_claim(office: PostOffice) -> None:
    many, few = office.post("https://many.example/", 30), office.post("https://few.example/", 2)
    (full, _) = office.post("https://full.example/", 2)
    claimed = office.deliver.claim(office.worker(), 100, 10, {full.lane: 0})
    ids = [one.delivery.delivery_id for one in claimed]
    assert [one.delivery_id in ids for one in few] == [True, True]
    assert len(ids) == 12
    assert {one.delivery_id for one in many} >= set(ids) - {one.delivery_id for one in few}


def test_events_come_with_their_deliveries(office: PostOffice) -> None:
    deliveries: dict[str, Delivery] = {one.delivery_id: one for one in office.post(URL, 5)}
    for claimed in claim(office, office.worker()):
        assert claimed.event.event_id == deliveries[claimed.delivery.delivery_id].event_id
        assert claimed.event.sequence in range(1, 6)
        assert claimed.endpoint is None
