"""The deliverer step by step, over a real store, by a clock that is moved: who is sent what, what is written."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import pytest

from app.adapters.db.unit_of_work import SqlStore
from app.domain.errors import StoreUnavailable
from app.domain.webhook import DeliveryStatus
from app.jobs import delivery as jobs
from app.jobs.delivery import RECORD_MAX, RECORD_MS, Crew, Deliverer, Pace
from app.services.deliver_webhooks import Claimed, DeliverWebhooks, Sent
from tests.post_office import BUSY, LEASE, OK, TIMEOUT, PostOffice

PACE = Pace(in_flight=64, per_lane=8, poll_ms=500, attempt_ms=15_000)
GOOD, DEAD = "https://good.example/hooks", "https://dead.example/hooks"


@dataclass
class Hands:
    """Work that was begun, and is done when it is told."""

    begun: list[Callable[[], None]] = field(default_factory=list)

    def begin(self, work: Callable[[], None]) -> None:
        self.begun.append(work)

    def finish(self) -> int:
        """All that was begun; how many that were."""
        work, self.begun = self.begun, []
        for one in work:
            one()
        return len(work)


@dataclass(frozen=True)
class Writing:
    """Counts what is written, and fails as it is told."""

    deliver: DeliverWebhooks
    batches: list[int] = field(default_factory=list)
    claims: list[int] = field(default_factory=list)
    troubles: list[Exception] = field(default_factory=list)

    def __getattr__(self, name: str) -> object:
        return getattr(self.deliver, name)

    def record(self, holder: str, sent: list[Sent]) -> int:
        if self.troubles:
            raise self.troubles.pop(0)
        self.batches.append(len(sent))
        return self.deliver.record(holder, sent)

    def claim(self, holder: str, limit: int, first_room: int, rooms: Mapping[str, int]) -> list[Claimed]:
        found = list(self.deliver.claim(holder, limit, first_room, rooms))
        self.claims.append(len(found))
        return found


class Work:
    """A worker, and the hands that it begins things with."""

    def __init__(self, office: PostOffice, pace: Pace = PACE) -> None:
        self.office, self.hands = office, Hands()
        self.writing = Writing(office.deliver)
        self.holder = office.worker()
        self.deliverer = Deliverer(
            self.writing,  # type: ignore[arg-type]
            office.clock,
            self.holder,
            pace,
            self.hands.begin,
        )

    def run(self, seconds: float, step_ms: int = 50) -> None:
        """Steps at least so often, every attempt done between two of them."""
        for _ in range(round(seconds * 1000 / step_ms)):
            self.deliverer.step()
            self.hands.finish()
            self.office.clock.advance(milliseconds=step_ms)
        self.deliverer.step()


@pytest.fixture
def office(sqlite_store: SqlStore) -> PostOffice:
    return PostOffice(sqlite_store)


def test_what_is_due_is_sent_and_written_together_in_time(office: PostOffice) -> None:
    work, posted = Work(office), office.post(GOOD, 2)
    work.deliverer.step()
    assert work.hands.finish() == 2
    assert work.deliverer.step() == RECORD_MS / 1000
    assert work.writing.batches == []
    office.clock.advance(milliseconds=RECORD_MS)
    work.deliverer.step()
    assert work.writing.batches == [2]
    assert {office.now(one).status for one in posted} == {DeliveryStatus.DELIVERED}


def test_many_results_are_written_before_their_time_and_in_small_batches(office: PostOffice) -> None:
    work = Work(office, replace(PACE, in_flight=256, per_lane=128))
    for _ in range(10):
        office.post(office.endpoint(), 60)
        work.run(0.5)
    posted = office.post(office.endpoint(), 120)
    before = len(work.writing.batches)
    office.clock.advance(milliseconds=PACE.poll_ms)
    work.deliverer.step()
    while work.hands.finish():
        work.deliverer.step()
    office.clock.advance(milliseconds=RECORD_MS)
    work.deliverer.step()
    assert max(work.writing.batches) <= RECORD_MAX
    assert RECORD_MAX in work.writing.batches
    assert len(work.writing.batches) > before
    work.run(3)
    assert {office.now(one).status for one in posted} == {DeliveryStatus.DELIVERED}


def test_it_waits_until_something_is_due_and_asks_without_writing(office: PostOffice) -> None:
    work = Work(office)
    assert work.deliverer.step() == 0.5
    office.sender.answers[GOOD] = [BUSY, OK]
    office.post(GOOD)
    work.run(0.6)
    assert len(work.writing.claims) == 1
    work.run(4.2)
    assert len(work.writing.claims) == 1
    work.run(0.9)
    assert office.sender.ids == [office.sender.ids[0]] * 2


def test_a_poll_ends_early_for_what_comes_due_before_it(office: PostOffice) -> None:
    office.sender.answers[GOOD] = [BUSY, OK]
    office.post(GOOD)
    work = Work(office)
    work.run(0.2)
    office.clock.advance(milliseconds=4_500)
    work.deliverer.step()
    assert work.deliverer.step() <= 0.3


def test_a_long_queue_flows_without_a_poll_between_claims(office: PostOffice) -> None:
    posted = office.post(office.endpoint(GOOD), 400)
    work = Work(office)
    work.run(5)
    assert {office.now(one).status for one in posted} == {DeliveryStatus.DELIVERED}
    assert len(office.sender.requests) == 400
    assert max(work.writing.claims) <= 64


@pytest.mark.parametrize(
    ("queue", "is_session"), [(1, False), (400, False), (1, True), (400, True), (5_000, True)]
)
def test_a_receiver_that_hangs_delays_another_by_less_than_two_seconds(
    office: PostOffice, queue: int, *, is_session: bool
) -> None:
    """The dead one's attempts never end; the others' end at once. No two sessions there have the same address."""
    dead = f"{DEAD}?session={{}}" if is_session else office.endpoint(DEAD)
    office.post(dead, queue)
    work, hanging = Work(office), []
    for second in range(20):
        (told,) = office.post(GOOD if is_session else office.endpoint(GOOD))
        for _ in range(35):
            office.clock.advance(milliseconds=50)
            work.deliverer.step()
            requests = len(office.sender.requests)
            begun, work.hands.begun = work.hands.begun, []
            for one in begun:
                if _url_of(one).startswith(DEAD):
                    hanging.append(one)
                else:
                    one()
            assert len(office.sender.requests) - requests <= 1
        assert office.now(told).status is DeliveryStatus.DELIVERED, f"late in second {second}"
    assert 1 <= len(hanging) <= 2


def test_a_receiver_that_times_out_again_and_again_holds_few_places(office: PostOffice) -> None:
    office.sender.answers[DEAD] = [TIMEOUT]
    office.post(office.endpoint(DEAD), 200)
    work = Work(office)
    work.run(60, step_ms=500)
    assert 3 <= len(office.sender.requests) <= 12


def test_a_receiver_that_is_back_gets_everything(office: PostOffice) -> None:
    office.sender.answers[GOOD] = [BUSY, BUSY, OK]
    posted = office.post(office.endpoint(GOOD), 100)
    work = Work(office)
    work.run(360, step_ms=500)
    assert {office.now(one).status for one in posted} == {DeliveryStatus.DELIVERED}


def test_nothing_is_begun_whose_lease_would_not_outlast_it(office: PostOffice) -> None:
    office.post(office.endpoint(GOOD), 4)
    work = Work(office)
    work.deliverer.step()
    assert len(work.hands.begun) == 2
    office.clock.advance(seconds=LEASE.total_seconds() - 19.9)
    work.hands.finish()
    work.deliverer.step()
    assert len(work.hands.begun) == 0
    office.clock.advance(seconds=2)
    work.run(1)
    assert len(office.sender.requests) == 4


def test_what_is_claimed_twice_is_sent_once_at_a_time(office: PostOffice) -> None:
    """The process stood still longer than its lease, and claims what it still has in flight."""
    (delivery,) = office.post(GOOD)
    work = Work(office)
    work.deliverer.step()
    office.clock.advance(seconds=LEASE.total_seconds())
    work.deliverer.step()
    assert len(work.hands.begun) == 1
    work.hands.finish()
    office.clock.advance(milliseconds=RECORD_MS)
    work.deliverer.step()
    office.clock.advance(milliseconds=RECORD_MS)
    work.deliverer.step()
    assert office.now(delivery).status is DeliveryStatus.DELIVERED


def test_a_dead_workers_deliveries_are_taken_over(office: PostOffice) -> None:
    posted = office.post(office.endpoint(GOOD), 2)
    dead, alive = Work(office), Work(office)
    dead.deliverer.step()
    alive.run(1)
    assert office.sender.requests == []
    office.clock.advance(seconds=LEASE.total_seconds())
    alive.run(1)
    assert {office.now(one).status for one in posted} == {DeliveryStatus.DELIVERED}
    dead.hands.finish()
    dead.run(1)
    assert [len(office.attempts(one)) for one in posted] == [1, 1]


def test_the_end_gives_back_what_was_not_sent_and_writes_what_was(office: PostOffice) -> None:
    posted = office.post(office.endpoint(GOOD), 4)
    work = Work(office)
    work.deliverer.step()
    work.hands.begun.pop()()
    work.deliverer.wind_up(0)
    now = [office.now(one) for one in posted]
    assert sorted(one.status for one in now) == [DeliveryStatus.DELIVERED] + [DeliveryStatus.PENDING] * 3
    assert {one.lease_holder for one in now} == {None}
    assert {one.attempts for one in now if one.status is DeliveryStatus.PENDING} == {0}


def test_an_outage_of_the_store_is_told_once_and_loses_no_result(
    office: PostOffice, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "app")
    (delivery,) = office.post(GOOD)
    work = Work(office)
    work.writing.troubles.extend([StoreUnavailable("away")] * 3)
    work.run(0.2)
    office.post(GOOD)
    pauses = [work.deliverer.step()]
    work.run(2)
    assert len(office.sender.requests) == 1, "nothing is begun meanwhile"
    work.run(8)
    assert pauses[0] <= 1.0
    assert office.now(delivery).status is DeliveryStatus.DELIVERED
    assert [record.getMessage() for record in caplog.records] == ["webhooks wait: away", "webhooks go on"]
    assert len(office.sender.requests) == 2


def test_what_the_store_refuses_holds_up_nothing(office: PostOffice, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "app")
    (refused,) = office.post(GOOD)
    work = Work(office)
    work.writing.troubles.append(ZeroDivisionError("a bug"))
    work.run(1)
    (written,) = office.post(GOOD)
    work.run(1)
    assert office.now(written).status is DeliveryStatus.DELIVERED
    assert office.now(refused).status is DeliveryStatus.PENDING
    office.clock.advance(seconds=LEASE.total_seconds())
    work.run(1)
    assert office.now(refused).status is DeliveryStatus.DELIVERED


def test_the_log_tells_when_a_receiver_fails_and_when_it_is_back_by_its_host_alone(
    office: PostOffice, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "app")
    secret = "https://user-hooks.example/T0/secret-path?token=secret"
    office.sender.answers[secret] = [BUSY, TIMEOUT, OK]
    office.post(secret)
    work = Work(office)
    work.run(320, step_ms=500)
    assert [record.getMessage() for record in caplog.records] == [
        "webhooks to user-hooks.example fail: 503",
        "webhooks reach user-hooks.example again",
    ]


def test_it_runs_in_threads_until_it_is_stopped(sqlite_store: SqlStore) -> None:
    office = PostOffice(sqlite_store)
    is_sent, may_end = threading.Event(), threading.Event()
    posted = office.post(GOOD)
    send = office.sender.send

    def wait(request: object) -> object:
        is_sent.set()
        may_end.wait(10)
        return send(request)  # type: ignore[arg-type]

    office.sender.send = wait  # type: ignore[method-assign, assignment]
    deliverer = Deliverer(office.deliver, office.clock, office.worker(), PACE, Crew(2).begin)
    deliverer.start()
    assert is_sent.wait(10)
    may_end.set()
    deliverer.stop()
    assert not deliverer._thread.is_alive()
    assert office.now(posted[0]).status is DeliveryStatus.DELIVERED
    deliverer.stop()


def test_attempts_that_hang_do_not_hold_up_the_end(
    office: PostOffice, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(jobs, "WIND_UP_SECONDS", 0.0)
    caplog.set_level(logging.CRITICAL, "app")
    is_sent, may_end = threading.Event(), threading.Event()

    def hang(_request: object) -> object:
        is_sent.set()
        may_end.wait(10)
        return OK

    office.sender.send = hang  # type: ignore[method-assign, assignment]
    (delivery,) = office.post(GOOD)
    deliverer = Deliverer(office.deliver, office.clock, office.worker(), PACE, Crew(2).begin)
    deliverer.start()
    assert is_sent.wait(10)
    deliverer.stop()
    assert not deliverer._thread.is_alive()
    assert office.now(delivery).lease_holder is None
    may_end.set()


def test_a_crew_uses_its_threads_again_and_has_no_more_than_its_size() -> None:
    crew, names, lock = Crew(3), set(), threading.Lock()
    done = threading.Semaphore(0)

    def work() -> None:
        with lock:
            names.add(threading.current_thread().name)
        done.release()

    for _ in range(50):
        crew.begin(work)
    assert all(done.acquire(timeout=10) for _ in range(50))
    assert 1 <= len(names) <= 3


def _url_of(work: Callable[[], None]) -> str:
    assert isinstance(work, partial)
    return str(work.args[0].delivery.url)
