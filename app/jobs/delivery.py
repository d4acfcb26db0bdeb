"""The delivery of webhooks beside everything else: one thread that decides, and others that wait for receivers."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from urllib.parse import urlsplit

from app.domain.delivery_schedule import Meaning, meaning_of
from app.domain.errors import StoreUnavailable
from app.jobs.background import STOP_SECONDS, log_failure
from app.jobs.delivery_lanes import PROMPT_MS, PUT_OFF_MS, Change, Lanes, Result
from app.services.deliver_webhooks import Claimed, DeliverWebhooks, Sent
from app.services.ports import Clock

log = logging.getLogger(__name__)

RECORD_MAX = 50
RECORD_MS = 100
"""Results are written together: so many, or those of such a time, whichever is first."""

CLAIM_MAX = 100
"""Deliveries that are claimed in one transaction."""

LEASE_MARGIN_MS = 5_000
"""What may lie between the end of an attempt and the commit of its result."""

WIND_UP_SECONDS = 1.0
"""How long the end waits for attempts that are in flight; then they are given back as well."""

FIRST_PAUSE_MS = 1_000
LONGEST_PAUSE_MS = 5_000
"""While the store is out of reach; doubled with each failure."""

Work = Callable[[], None]


@dataclass(frozen=True)
class Pace:
    """How a worker works. Times in milliseconds."""

    in_flight: int
    per_lane: int
    poll_ms: int
    attempt_ms: int
    """How long an attempt takes at most."""


class Crew:
    """Runs work in daemon threads, so many at most: they do not hold up the end of the process."""

    def __init__(self, size: int) -> None:
        self._size, self._threads = size, 0
        self._work: queue.SimpleQueue[Work] = queue.SimpleQueue()
        self._idle = threading.Semaphore(0)

    def begin(self, work: Work) -> None:
        """For one thread to call. Another thread is started only where none is idle."""
        self._work.put(work)
        if not self._idle.acquire(blocking=False) and self._threads < self._size:
            self._threads += 1
            threading.Thread(target=self._run, name=f"webhooks-{self._threads}", daemon=True).start()

    def _run(self) -> None:
        while True:
            self._work.get()()
            self._idle.release()


class Deliverer:
    """Claims, sends and writes results. `step` is the whole loop's body; `start` runs it in a thread until `stop`.

    `begin` runs a piece of work elsewhere and returns at once. `holder` is this worker's name in the store.
    """

    def __init__(
        self, deliver: DeliverWebhooks, clock: Clock, holder: str, pace: Pace, begin: Callable[[Work], None]
    ) -> None:
        self._deliver, self._clock, self._holder = deliver, clock, holder
        self._pace, self._begin = pace, begin
        self._lanes = Lanes(pace.in_flight, pace.per_lane)
        self._mine: set[str] = set()
        self._ended: queue.SimpleQueue[Sent] = queue.SimpleQueue()
        self._unwritten: list[Sent] = []
        self._write_at_ms = self._claim_at_ms = clock.monotonic_ms()
        self._full_lanes: frozenset[str] = frozenset()
        self._failures = 0
        self._resume_at_ms = 0
        self._wake = threading.Event()
        self._is_stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="webhooks", daemon=True)

    def start(self) -> None:
        """Once, in the process that delivers: threads do not survive a fork."""
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Begin nothing new. Returns at once."""
        self._is_stopping.set()
        self._wake.set()

    def stop(self) -> None:
        """Within two seconds, with everything given back that was not sent."""
        self.ask_to_stop()
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)

    def _loop(self) -> None:
        pause = 0.0
        while not self._is_stopping.is_set():
            self._wake.wait(pause)
            self._wake.clear()
            pause = self.step()
        self.wind_up(WIND_UP_SECONDS)

    def step(self) -> float:
        """All that is to be done now; seconds until something else is, unless an attempt ends before.

        A store that is out of reach is told of once, and nothing is begun until it is back.
        """
        if self._clock.monotonic_ms() < self._resume_at_ms:
            return self._seconds_until(self._resume_at_ms)
        try:
            self._turn()
        except StoreUnavailable as error:
            if not self._failures:
                log.warning("webhooks wait: %s", error)
        except Exception as error:  # noqa: BLE001 - a bug must not end the deliveries for good
            log_failure("delivering webhooks", error)
        else:
            if self._failures:
                log.warning("webhooks go on")
            self._failures = 0
            due_ms = min(self._claim_at_ms, self._write_at_ms) if self._unwritten else self._claim_at_ms
            return self._seconds_until(due_ms)
        self._failures += 1
        pause_ms = min(FIRST_PAUSE_MS << min(self._failures - 1, 20), LONGEST_PAUSE_MS)
        self._resume_at_ms = self._clock.monotonic_ms() + pause_ms
        return pause_ms / 1000

    def _turn(self) -> None:
        self._collect()
        for claimed in self._lanes.stalled(self._clock.monotonic_ms()):
            self._give_back(claimed, PUT_OFF_MS)
        self._write_what_is_due()
        if self._clock.monotonic_ms() >= self._claim_at_ms:
            self._claim()
        self._begin_attempts()

    def wind_up(self, seconds: float) -> None:
        """Wait so long for what is in flight, write what came of it, and give back the rest."""
        ends_ms = self._clock.monotonic_ms() + round(seconds * 1000)
        self._lanes.drop_waiting()
        self._collect()
        while self._lanes.in_flight and (left_ms := ends_ms - self._clock.monotonic_ms()) > 0:
            self._wake.wait(left_ms / 1000)
            self._wake.clear()
            self._collect()
        try:
            while self._unwritten:
                self._write()
            self._deliver.release(self._holder)
        except StoreUnavailable as error:
            log.warning("webhooks are not given back, their leases run out: %s", error)

    def _collect(self) -> None:
        """Attempts that have ended since."""
        while not self._ended.empty():
            sent = self._ended.get()
            self._keep(sent)
            took_ms = sent.outcome.latency_ms if sent.outcome else 0
            change = self._lanes.ended(sent.claimed, _result_of(sent), self._clock.monotonic_ms(), took_ms)
            if change is not None:
                _tell(change, sent)
            if sent.claimed.delivery.lane in self._full_lanes and self._lanes.is_half_empty(sent.claimed):
                self._claim_at_ms = self._clock.monotonic_ms()

    def _keep(self, sent: Sent) -> None:
        if not self._unwritten:
            self._write_at_ms = self._clock.monotonic_ms() + RECORD_MS
        self._unwritten.append(sent)

    def _give_back(self, claimed: Claimed, put_off_ms: int) -> None:
        self._keep(self._deliver.give_back(claimed, timedelta(milliseconds=put_off_ms)))

    def _write_what_is_due(self) -> None:
        while len(self._unwritten) >= RECORD_MAX:
            self._write()
        if self._unwritten and self._clock.monotonic_ms() >= self._write_at_ms:
            self._write()

    def _write(self) -> None:
        """One batch. What the store refuses is dropped, so that it holds up nothing: its lease runs out."""
        batch = self._unwritten[:RECORD_MAX]
        try:
            self._deliver.record(self._holder, batch)
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - see above
            log_failure("writing what became of webhooks", error)
        del self._unwritten[:RECORD_MAX]
        self._mine.difference_update(sent.claimed.delivery.delivery_id for sent in batch)

    def _claim(self) -> None:
        """Take what is due, and again at once where there may be more; first look, which locks nothing."""
        now_ms = self._clock.monotonic_ms()
        limit = min(CLAIM_MAX, self._lanes.room)
        self._claim_at_ms = now_ms + self._pace.poll_ms
        if limit <= 0 or not self._is_anything_due():
            return
        found = self._deliver.claim(self._holder, limit, self._lanes.first_room, self._lanes.rooms(now_ms))
        new = [one for one in found if one.delivery.delivery_id not in self._mine]
        self._mine.update(one.delivery.delivery_id for one in new)
        for claimed in self._lanes.take_in(new, now_ms):
            self._give_back(claimed, PUT_OFF_MS)
        self._full_lanes = frozenset(name for name, room in self._lanes.rooms(now_ms).items() if not room)
        if len(found) == limit:
            self._claim_at_ms = now_ms

    def _is_anything_due(self) -> bool:
        due_at = self._deliver.next_due()
        if due_at is None:
            return False
        early_ms = round((due_at - self._clock.now()).total_seconds() * 1000)
        if early_ms > 0:
            self._claim_at_ms = min(self._claim_at_ms, self._clock.monotonic_ms() + early_ms)
        return early_ms <= 0

    def _begin_attempts(self) -> None:
        while (claimed := self._lanes.next(self._clock.monotonic_ms())) is not None:
            if self._has_time(claimed):
                self._begin(partial(self._attempt, claimed))
            else:
                self._lanes.ended(claimed, None, self._clock.monotonic_ms())
                self._give_back(claimed, 0)

    def _has_time(self, claimed: Claimed) -> bool:
        """Whether an attempt that begins now ends and is written while the lease lasts."""
        lease_until = claimed.delivery.lease_until
        assert lease_until is not None, "what was claimed has a lease"
        left_ms = (lease_until - self._clock.now()).total_seconds() * 1000
        return left_ms >= self._pace.attempt_ms + LEASE_MARGIN_MS

    def _attempt(self, claimed: Claimed) -> None:
        """In another thread."""
        self._ended.put(self._deliver.send(claimed))
        self._wake.set()

    def _seconds_until(self, at_ms: int) -> float:
        return max(0, at_ms - self._clock.monotonic_ms()) / 1000


def _result_of(sent: Sent) -> Result | None:
    if sent.outcome is None:
        return None
    if meaning_of(sent.outcome) is Meaning.TRY_AGAIN:
        return Result.TROUBLE
    return Result.PROMPT if sent.outcome.latency_ms < PROMPT_MS else Result.SLOW


def _tell(change: Change, sent: Sent) -> None:
    """The host alone: paths and queries of such addresses can be secrets."""
    host, outcome = urlsplit(sent.claimed.delivery.url).hostname, sent.outcome
    if change is Change.IS_BACK:
        log.info("webhooks reach %s again", host)
    elif outcome is not None:
        log.warning("webhooks to %s fail: %s", host, outcome.error or outcome.status_code)
