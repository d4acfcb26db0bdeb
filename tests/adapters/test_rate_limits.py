"""Counting itself, in this process and in Redis, on clocks that are moved by hand."""

from __future__ import annotations

import contextlib
import logging
import math
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.adapters.rate_limits import STORE_AWAY_MS, STORE_TIMEOUT_SECONDS, MemoryRateLimiter, SharedRateLimiter
from app.services.ports import Rate, RateStanding
from tests.fakes import FakeClock
from tests.live_server import free_port

REDIS_HOST, REDIS_PORT = "127.0.0.1", 6379
REDIS_URL = f"redis://{REDIS_HOST}:{REDIS_PORT}/9"
TEN = Rate("creates", 10)


@dataclass
class WallClock:
    """What the library reads instead of the system's."""

    at: float = 1_800_000_000.0

    def time(self) -> float:
        return self.at


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> WallClock:
    clock = WallClock()
    monkeypatch.setattr("limits.storage.memory.time", SimpleNamespace(time=clock.time))
    return clock


@pytest.fixture
def memory(wall: WallClock) -> MemoryRateLimiter:  # noqa: ARG001 (it moves the library's clock)
    return MemoryRateLimiter()


def exhaust(limiter: MemoryRateLimiter | SharedRateLimiter, rate: Rate, who: str = "a") -> RateStanding:
    """Ask until it is refused; the refusal."""
    for _ in range(rate.per_minute + 1):
        standing = limiter.hit(rate, who)
        if not standing.is_allowed:
            return standing
    raise AssertionError("never refused")


class TestInThisProcess:
    def test_as_many_as_the_rate_are_let_through(self, memory: MemoryRateLimiter) -> None:
        standings = [memory.hit(TEN, "a") for _ in range(12)]
        assert [standing.is_allowed for standing in standings] == [True] * 10 + [False] * 2
        assert [standing.remaining for standing in standings] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0]
        assert all(standing.opens_in_seconds == 0 for standing in standings[:9])
        assert all(standing.opens_in_seconds >= 1 for standing in standings[9:])

    def test_callers_and_rates_are_counted_apart(self, memory: MemoryRateLimiter) -> None:
        exhaust(memory, TEN)
        assert memory.hit(TEN, "b").remaining == 9
        assert memory.hit(Rate("reads", 10), "a").remaining == 9

    def test_looking_counts_nothing_and_foretells_the_next_request(self, memory: MemoryRateLimiter) -> None:
        for left in range(10, 0, -1):
            assert memory.look(TEN, "a") == RateStanding(TEN, True, left, 0)
            assert memory.look(TEN, "a").remaining == left
            memory.hit(TEN, "a")
        assert not memory.look(TEN, "a").is_allowed
        assert memory.look(TEN, "a") == memory.hit(TEN, "a")

    def test_no_burst_passes_at_the_edge_of_a_minute(self, memory: MemoryRateLimiter, wall: WallClock) -> None:
        """A fixed window lets 1,200 of 600 a minute through within a second."""
        rate = Rate("creates", 600)
        wall.at = math.floor(wall.at / 60) * 60 + 59.5
        exhaust(memory, rate)
        wall.at += 1
        passed = sum(memory.hit(rate, "a").is_allowed for _ in range(600))
        assert passed <= 10

    def test_those_who_are_refused_do_not_keep_the_door_shut(
        self, memory: MemoryRateLimiter, wall: WallClock
    ) -> None:
        until = exhaust(memory, TEN).opens_in_seconds
        for _ in range(until - 1):
            wall.at += 1
            assert not memory.hit(TEN, "a").is_allowed
        wall.at += 1
        assert memory.hit(TEN, "a").is_allowed

    @settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        per_minute=st.integers(1, 40),
        start=st.floats(0, 60, exclude_max=True),
        waits=st.lists(st.floats(0, 70) | st.integers(0, 20), max_size=60),
    )
    def test_it_opens_when_it_was_said_and_not_before(
        self, wall: WallClock, per_minute: int, start: float, waits: list[float]
    ) -> None:
        rate, limiter = Rate("creates", per_minute), MemoryRateLimiter()
        wall.at = 1_800_000_000 + start
        for wait in waits:
            wall.at += wait / per_minute
            limiter.hit(rate, "a")
        refusal = exhaust(limiter, rate)
        assert 1 <= refusal.opens_in_seconds <= 61
        # A whole second before it is shut; a hair more, since seconds are rounded.
        wall.at += max(0, refusal.opens_in_seconds - 1.01)
        assert not limiter.look(rate, "a").is_allowed
        wall.at += min(1.01, refusal.opens_in_seconds)
        assert limiter.hit(rate, "a").is_allowed

    def test_of_those_who_come_at_once_exactly_the_rate_passes(self, memory: MemoryRateLimiter) -> None:
        gate = threading.Barrier(50)

        def ask(_: int) -> bool:
            gate.wait()
            return memory.hit(TEN, "a").is_allowed

        with ThreadPoolExecutor(50) as threads:
            assert sum(threads.map(ask, range(50))) == 10


@pytest.fixture
def server() -> Iterator[redis.Redis]:
    """The Redis of this machine, where there is one; what a test leaves in it is removed."""
    client = redis.Redis.from_url(REDIS_URL, socket_connect_timeout=1)
    try:
        client.ping()
    except redis.RedisError:
        pytest.skip("no Redis on this machine")
    yield client
    for key in client.scan_iter("bonafide:*test-*"):
        client.delete(key)
    client.close()


def fresh_rate(per_minute: int = 10) -> Rate:
    """Nobody else's keys."""
    return Rate(f"test-{secrets.token_hex(8)}", per_minute)


def age(server: redis.Redis, rate: Rate, seconds: float) -> None:
    """Let time pass for the counters of a rate: Redis goes by when its keys end."""
    for key in server.scan_iter(f"bonafide:*{rate.name}*"):
        left = server.pttl(key)
        assert isinstance(left, int)
        server.pexpire(key, left - round(seconds * 1000))


class TestInRedis:
    def test_processes_share_the_count(self, server: redis.Redis) -> None:
        rate = fresh_rate()
        limiters = [SharedRateLimiter(REDIS_URL, FakeClock()) for _ in range(2)]
        standings = [limiters[turn % 2].hit(rate, "a") for turn in range(12)]
        assert [standing.is_allowed for standing in standings] == [True] * 10 + [False] * 2
        assert [standing.remaining for standing in standings] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0]
        assert limiters[0].look(rate, "b").remaining == 10
        assert len(list(server.scan_iter(f"bonafide:*{rate.name}*"))) == 1

    def test_it_opens_when_it_was_said_and_not_before(self, server: redis.Redis) -> None:
        rate, limiter = fresh_rate(), SharedRateLimiter(REDIS_URL, FakeClock())
        for _ in range(2):
            until = exhaust(limiter, rate).opens_in_seconds
            assert 1 <= until <= 61
            age(server, rate, until - 1.5)
            assert not limiter.look(rate, "a").is_allowed
            age(server, rate, 1.5)
            assert limiter.hit(rate, "a").is_allowed

    def test_of_those_who_come_at_once_exactly_the_rate_passes(self, server: redis.Redis) -> None:
        rate, limiter = fresh_rate(), SharedRateLimiter(REDIS_URL, FakeClock())
        with ThreadPoolExecutor(50) as threads:
            passed = threads.map(lambda _: limiter.hit(rate, "a").is_allowed, range(50))
            assert sum(passed) == 10

    def test_a_redis_that_was_restarted_is_none_that_is_away(
        self, server: redis.Redis, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Connections of the pool are dead then, and its scripts are forgotten."""
        rate, limiter = fresh_rate(), SharedRateLimiter(REDIS_URL, FakeClock())
        with relay(free_port()) as port:
            limiter = SharedRateLimiter(f"redis://{REDIS_HOST}:{port}/9", FakeClock())
            limiter.hit(rate, "a")
        server.script_flush()
        with relay(port):
            assert limiter.hit(rate, "a").remaining == 8
        assert caplog.records == []


class TestWhileRedisIsAway:
    def test_this_process_counts_and_the_log_has_one_line_without_the_password(
        self, caplog: pytest.LogCaptureFixture, wall: WallClock
    ) -> None:
        limiter = SharedRateLimiter(f"redis://:hunter2@{REDIS_HOST}:{free_port()}/0", FakeClock())
        exhaust(limiter, TEN)
        assert [record.levelno for record in caplog.records] == [logging.WARNING]
        assert "away (ConnectionError)" in caplog.text
        assert "hunter2" not in caplog.text
        wall.at += 61
        assert limiter.hit(TEN, "a").is_allowed

    def test_one_that_does_not_answer_holds_up_one_request(self, caplog: pytest.LogCaptureFixture) -> None:
        with socket.create_server((REDIS_HOST, 0)) as silent:
            port = silent.getsockname()[1]
            clock = FakeClock()
            limiter = SharedRateLimiter(f"redis://{REDIS_HOST}:{port}/0", clock)
            assert seconds_for(limiter) < 2
            assert seconds_for(limiter) < STORE_TIMEOUT_SECONDS
            clock.advance(milliseconds=STORE_AWAY_MS)
            with ThreadPoolExecutor(8) as threads:
                waited = sorted(threads.map(lambda _: seconds_for(limiter), range(8)))
            assert waited[6] < STORE_TIMEOUT_SECONDS
        assert "away (TimeoutError)" in caplog.text
        assert len(caplog.records) == 1

    def test_it_is_found_again_without_a_restart(
        self, server: redis.Redis, caplog: pytest.LogCaptureFixture
    ) -> None:
        rate, clock, port = fresh_rate(), FakeClock(), free_port()
        limiter = SharedRateLimiter(f"redis://{REDIS_HOST}:{port}/9", clock)
        exhaust(limiter, rate)
        with relay(port):
            clock.advance(milliseconds=STORE_AWAY_MS - 1)
            assert not limiter.hit(rate, "a").is_allowed
            clock.advance(milliseconds=1)
            assert limiter.hit(rate, "a").remaining == 9
            assert limiter.hit(rate, "a").remaining == 8
        assert [record.getMessage() for record in caplog.records][1:] == ["the store of rate limits is back"]
        # And should it go again, that is news again.
        limiter.hit(rate, "a")
        assert len(caplog.records) == 3

    def test_a_wrong_password_stops_nobody_either(
        self, server: redis.Redis, caplog: pytest.LogCaptureFixture
    ) -> None:
        limiter = SharedRateLimiter(f"redis://nobody:hunter2@{REDIS_HOST}:{REDIS_PORT}/9", FakeClock())
        assert limiter.hit(fresh_rate(), "a").is_allowed
        assert "away (AuthenticationError)" in caplog.text
        assert "hunter2" not in caplog.text


def seconds_for(limiter: SharedRateLimiter) -> float:
    """How long one request waits for its count."""
    begun = time.monotonic()
    assert limiter.hit(Rate("creates", 1000), "a").is_allowed
    return time.monotonic() - begun


@contextmanager
def relay(port: int) -> Iterator[int]:
    """Redis at another port, for the time of the block."""
    opened: list[socket.socket] = []

    def carry(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                caller, _ = listener.accept()
            except OSError:
                return
            behind = socket.create_connection((REDIS_HOST, REDIS_PORT))
            opened.extend((caller, behind))
            for source, sink in ((caller, behind), (behind, caller)):
                threading.Thread(target=carry, args=(source, sink), daemon=True).start()

    with closing(socket.create_server((REDIS_HOST, port))) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        yield port
        listener.shutdown(socket.SHUT_RDWR)
    for one in opened:
        with closing(one), contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
