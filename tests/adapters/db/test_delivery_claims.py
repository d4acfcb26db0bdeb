"""Deliveries are claimed by one worker at a time, the longest due first, and no receiver is in the way."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from app.adapters.db.delivery_claims import _due, _keep_to_indexes, _waiting_lanes
from app.adapters.db.outbox_tables import DeliveryRow
from app.adapters.db.unit_of_work import SqlStore
from app.domain.webhook import (
    DeliveryStatus,
)
from app.services.outbox_store import Claim
from tests.adapters.db.told import HOLDER, LEASE, OTHER_HOLDER, URL, World, make_world
from tests.fakes import EPOCH


@pytest.fixture
def world(store: SqlStore) -> World:
    return make_world(store)


def test_only_what_is_due_is_claimed_and_only_once(world: World) -> None:
    (late,) = world.tell(URL, next_attempt_at=EPOCH + timedelta(microseconds=1))
    (due,) = world.tell(URL)
    world.tell(URL, status=DeliveryStatus.FAILED)
    (longer_due,) = world.tell(URL, next_attempt_at=EPOCH - LEASE)
    claimed = world.claim()
    assert [one.delivery_id for one in claimed] == [longer_due.delivery_id, due.delivery_id]
    assert {(one.lease_holder, one.lease_until) for one in claimed} == {(HOLDER, EPOCH + LEASE)}
    assert world.claim(holder=OTHER_HOLDER) == []
    assert world.stored(late) == late


def test_a_lease_that_ran_out_is_anybodys_and_its_holder_writes_nothing_any_more(world: World) -> None:
    world.tell(URL)
    (lost,) = world.claim()
    later = EPOCH + LEASE
    (taken,) = world.claim(holder=OTHER_HOLDER, now=later, lease_until=later + LEASE)
    assert world.record(lost, status=DeliveryStatus.FAILED) == 0
    assert world.record(taken, OTHER_HOLDER, status=DeliveryStatus.DELIVERED) == 1
    stored = world.stored(taken)
    assert (stored.status, stored.lease_holder, stored.lease_until) == (DeliveryStatus.DELIVERED, None, None)
    with world.store.read() as uow:
        assert len(uow.deliveries.attempts_of(taken.delivery_id)) == 1


def test_attempts_are_numbered_on_after_a_redelivery(world: World) -> None:
    (delivery,) = world.tell(URL)
    for _ in range(2):
        (claimed,) = world.claim()
        assert world.record(claimed, status=DeliveryStatus.FAILED) == 1
        with world.store.begin() as uow:
            again = replace(
                claimed, status=DeliveryStatus.PENDING, attempts=0, lease_holder=None, lease_until=None
            )
            assert uow.deliveries.requeue(again)
            assert not uow.deliveries.requeue(again)
            uow.commit()
    with world.store.read() as uow:
        attempts = uow.deliveries.attempts_of(delivery.delivery_id)
    assert [(one.number, one.status_code, one.latency_ms) for one in attempts] == [(1, 503, 5), (2, 503, 5)]


def test_a_result_does_not_undo_a_move_of_its_endpoint(world: World) -> None:
    endpoint = world.endpoint()
    with world.store.begin() as uow:
        uow.webhook_endpoints.add(endpoint)
        uow.commit()
    world.tell(URL, endpoint_id=endpoint.endpoint_id)
    (claimed,) = world.claim()
    with world.store.begin() as uow:
        uow.webhook_endpoints.save(replace(endpoint, url="https://moved.example/"))
        uow.commit()
    assert world.record(claimed, next_attempt_at=EPOCH + LEASE) == 1
    assert world.stored(claimed).url == "https://moved.example/"


def test_a_worker_gives_back_what_it_holds(world: World) -> None:
    world.tell(URL, URL, URL)
    assert len(world.claim(limit=2)) == 2
    with world.store.begin() as uow:
        assert uow.deliveries.release(HOLDER) == 2
        uow.commit()
    assert len(world.claim(holder=OTHER_HOLDER)) == 3


def test_the_next_one_due_is_known(world: World) -> None:
    def next_due() -> datetime | None:
        with world.store.read() as uow:
            return uow.deliveries.next_due()

    assert next_due() is None
    world.tell(URL, next_attempt_at=EPOCH + 3 * LEASE)
    assert next_due() == EPOCH + 3 * LEASE
    world.tell(URL)
    assert next_due() == EPOCH
    (claimed,) = world.claim()
    assert next_due() == EPOCH + LEASE
    world.record(claimed, status=DeliveryStatus.DELIVERED)
    assert next_due() == EPOCH + 3 * LEASE


def test_one_receiver_with_a_long_queue_does_not_fill_a_claim(world: World) -> None:
    """It has been due the longest, and both ways of looking must pass it."""
    world.tell(*([URL] * 300), next_attempt_at=EPOCH - LEASE)
    others = [f"https://{number}.example/" for number in range(5)]
    world.tell(*others, *others)
    claimed = world.claim(limit=20, first_room=4)
    assert Counter(one.url for one in claimed) == {URL: 4} | dict.fromkeys(others, 2)
    assert claimed == sorted(claimed, key=lambda one: (one.next_attempt_at, one.delivery_id))


def test_lanes_without_room_get_nothing_however_long_their_queue(world: World) -> None:
    world.tell(*([URL] * 100), next_attempt_at=EPOCH - LEASE)
    (other,) = world.tell("https://other.example/")
    (claimed,) = world.claim(limit=10, first_room=4, rooms={world.lane(): 0})
    assert claimed.delivery_id == other.delivery_id
    assert world.claim(limit=10, first_room=4, rooms={world.lane(): 0}) == []


def test_what_a_claim_has_room_for_is_shared_by_those_who_wait(world: World) -> None:
    world.tell(*([URL] * 100), next_attempt_at=EPOCH - LEASE)
    others = [f"https://{number}.example/" for number in range(3)]
    for url in others:
        world.tell(*([url] * 50))
    claimed = world.claim(limit=16, first_room=8)
    assert Counter(one.url for one in claimed) == {URL: 8} | dict.fromkeys(others, 2)


def test_a_lane_whose_queue_is_leased_or_not_due_is_passed(world: World) -> None:
    world.tell(*([URL] * 60), next_attempt_at=EPOCH - LEASE)
    world.tell(*(["https://later.example/"] * 60), next_attempt_at=EPOCH + LEASE)
    world.tell("https://leased.example/")
    assert len(world.claim(limit=10, first_room=1)) == 2
    assert world.claim(limit=10, first_room=1, holder=OTHER_HOLDER, rooms={world.lane(): 0}) == []


def test_events_of_a_newer_release_are_left_alone_and_in_nobodys_way(world: World, engine: Engine) -> None:
    """In the front, and in a lane with others."""
    unknown = world.tell(*([URL] * 60), next_attempt_at=EPOCH - LEASE)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE events SET name = 'biometric.session_of_tomorrow'")
    (known,) = world.tell(URL)
    (other,) = world.tell("https://other.example/")
    claimed = world.claim(limit=10, first_room=4)
    assert {one.delivery_id for one in claimed} == {known.delivery_id, other.delivery_id}
    assert {world.stored(one).lease_holder for one in unknown} == {None}
    assert world.claim(limit=10, first_room=4, rooms={world.lane(): 0}) == []


@pytest.mark.parametrize("first_room", [3, 100])
def test_workers_that_claim_at_once_never_get_the_same(world: World, first_room: int) -> None:
    urls = [f"https://{number % 7}.example/" for number in range(140)]
    world.tell(*urls)
    holders = [world.new_id() for _ in range(6)]

    def work(holder: str) -> list[str]:
        found: list[str] = []
        misses = 0
        while misses < 3:
            claimed = world.claim(limit=10, first_room=first_room, holder=holder)
            found += [one.delivery_id for one in claimed]
            misses += not claimed
        return found

    with ThreadPoolExecutor(len(holders)) as pool:
        taken = [one for found in pool.map(work, holders) for one in found]
    taken += [one.delivery_id for one in world.claim(limit=200)]
    assert len(taken) == len(set(taken)) == 140


def test_sessions_own_addresses_at_one_server_are_one_lane(world: World) -> None:
    """However many there are, and though no two are alike."""
    own = [f"https://SHOP.example:443/done?session={number}" for number in range(2_000)]
    world.tell(*own, next_attempt_at=EPOCH - LEASE)
    endpoint_id = world.new_id()
    (other,) = world.tell(URL, endpoint_id=endpoint_id)
    (elsewhere,) = world.tell("https://shop.example:8443/done")
    claimed = world.claim(limit=100, first_room=4)
    assert len(claimed) == 6
    assert {one.delivery_id for one in claimed[4:]} == {other.delivery_id, elsewhere.delivery_id}
    assert world.claim(limit=100, first_room=4, rooms={world.lane(): 0}, holder=OTHER_HOLDER) == []


def test_a_lane_gets_as_much_as_it_has_room_for(world: World) -> None:
    """Whether it is found in the front or by the index."""
    urls = [URL] * 40 + ["https://other.example/"] * 40
    world.tell(*urls, next_attempt_at=EPOCH - LEASE)
    world.tell("https://third.example/", "https://third.example/")
    rooms = {world.lane(): 7, world.lane("https://third.example/"): 1}
    claimed = world.claim(limit=20, first_room=3, rooms=rooms)
    counts = Counter(one.url for one in claimed)
    assert counts == {URL: 7, "https://other.example/": 3, "https://third.example/": 1}


def plan_of(engine: Engine, statement: sa.Select[*tuple[Any, ...]]) -> str:
    """How the database carries it out in a claim."""
    explain = "EXPLAIN QUERY PLAN " if engine.dialect.name == "sqlite" else "EXPLAIN "
    text = explain + str(statement.compile(engine, compile_kwargs={"literal_binds": True}))
    with engine.connect() as connection:
        _keep_to_indexes(connection)
        return str(connection.exec_driver_sql(text.replace("%", "%%")).all())


@pytest.mark.parametrize("is_analyzed", [False, True])
def test_claims_use_the_partial_indexes(world: World, engine: Engine, *, is_analyzed: bool) -> None:
    """Whatever the planner believes of the tables: their statistics are old after a rush."""
    for number in range(20):
        urls = [f"https://{url}.example/" for url in range(100)]
        world.tell(*urls, next_attempt_at=EPOCH + timedelta(seconds=number - 10))
        world.tell(*urls, *urls, status=DeliveryStatus.DELIVERED)
    if is_analyzed:
        with engine.connect() as connection:
            connection.exec_driver_sql("ANALYZE")
    claim = Claim(HOLDER, EPOCH, EPOCH + LEASE, 10, 4)
    front = plan_of(engine, _due(claim).limit(200))
    lane = plan_of(engine, _due(claim).where(DeliveryRow.lane == world.lane("https://7.example/")).limit(64))
    lanes = plan_of(engine, _waiting_lanes(EPOCH, 10, {world.lane()}))
    assert "ix_deliveries_pending" in front
    assert "ix_deliveries_lanes" in lane
    assert lanes.count("ix_deliveries_lanes") >= 3
    for plan in (front, lane):
        assert "Sort" not in plan
        assert "TEMP B-TREE" not in plan
    for plan in (front, lane, lanes):
        for name in ("deliveries", "events"):
            assert f"Seq Scan on {name}" not in plan
            assert f"SCAN {name}'" not in plan
