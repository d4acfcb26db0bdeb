"""Who is held up by whose failures."""

from __future__ import annotations

from collections import Counter

import pytest

from app.services.limit_requests import (
    KNOWN_KEYS_MAX,
    LOOKUPS_PER_FAILURE,
    STRANGER_GROUPS,
    KnownKeys,
    LimitGuesses,
    stranger_of,
)
from app.services.ports import Rate
from tests.fakes import FakeClock, FakeRateLimiter

HERE, ELSEWHERE = "203.0.113.5", "198.51.100.7"
FAILURES = 60


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def guesses(clock: FakeClock) -> LimitGuesses:
    return LimitGuesses(limiter=FakeRateLimiter(clock), failures=Rate("failures", FAILURES))


def fail(guesses: LimitGuesses, times: int, address: str = HERE) -> Counter[str]:
    """What becomes of so many guesses at a key."""
    became: Counter[str] = Counter()
    for turn in range(times):
        authorization = f"Bearer guess-{turn}"
        if guesses.refusal(authorization, address) is not None:
            became["refused without a look"] += 1
            continue
        standing = guesses.count_failure(authorization, address)
        assert standing is not None
        became["told it is wrong" if standing.is_allowed else "told to wait"] += 1
    return became


def test_guesses_are_answered_then_throttled_then_not_even_looked_up(guesses: LimitGuesses) -> None:
    assert fail(guesses, 2000) == {
        "told it is wrong": FAILURES,
        "told to wait": FAILURES * LOOKUPS_PER_FAILURE,
        "refused without a look": 2000 - FAILURES * (1 + LOOKUPS_PER_FAILURE),
    }
    refusal = guesses.refusal("Bearer new", HERE)
    assert refusal is not None
    assert refusal.rate.name == "failures"
    assert refusal.opens_in_seconds == 60


def test_a_key_in_use_is_looked_up_whatever_others_do_at_its_address(guesses: LimitGuesses) -> None:
    guesses.remember("Bearer good")
    fail(guesses, 2000)
    assert guesses.refusal("Bearer good", HERE) is None
    # Revoked since, it is a guess like any other.
    guesses.count_failure("Bearer good", HERE)
    assert guesses.refusal("Bearer good", HERE) is not None


def test_a_new_key_is_looked_up_beside_a_script_with_a_wrong_one(guesses: LimitGuesses, clock: FakeClock) -> None:
    """Five failures a second, far beyond the limit, hold up nobody else behind the same address."""
    for _ in range(5 * 90):
        fail(guesses, 1)
        clock.advance(milliseconds=200)
    assert guesses.refusal("Bearer new", HERE) is None


def test_other_addresses_are_not_held_up_and_it_ends(guesses: LimitGuesses, clock: FakeClock) -> None:
    fail(guesses, 2000)
    assert guesses.refusal("Bearer new", ELSEWHERE) is None
    assert fail(guesses, 1, ELSEWHERE)["told it is wrong"] == 1
    clock.advance(seconds=60)
    assert fail(guesses, 1)["told it is wrong"] == 1


def test_switched_off_it_counts_and_remembers_nothing(clock: FakeClock) -> None:
    limiter = FakeRateLimiter(clock)
    guesses = LimitGuesses(limiter=limiter, failures=None)
    guesses.remember("Bearer good")
    assert guesses.refusal("Bearer x", HERE) is None
    assert guesses.count_failure("Bearer x", HERE) is None
    assert limiter.hits == {}
    assert "Bearer good" not in guesses.known


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("203.0.113.5", "::ffff:203.0.113.5"),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff"),
        ("2001:DB8:0:1::1", "2001:db8:0:1::1"),
        ("fe80::1%eth0", "fe80::2%eth1"),
        (None, ""),
        ("", "unix:"),
    ],
)
def test_one_caller_is_one_stranger_however_it_is_written(one: str | None, other: str | None) -> None:
    assert stranger_of(one) == stranger_of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [(HERE, ELSEWHERE), ("2001:db8:0:1::1", "2001:db8:0:2::1"), (HERE, ""), ("::1", "127.0.0.1")],
)
def test_others_are_others(one: str, other: str) -> None:
    assert stranger_of(one) != stranger_of(other)


def test_a_stranger_is_counted_without_their_address() -> None:
    assert HERE not in stranger_of(HERE)
    groups = {stranger_of(f"2001:db8:{block:x}::1") for block in range(60_000)}
    assert len(groups) <= STRANGER_GROUPS
    assert len(groups) > 0.99 * STRANGER_GROUPS


def test_the_keys_longest_unused_are_forgotten_first() -> None:
    known = KnownKeys()
    for number in range(KNOWN_KEYS_MAX):
        known.remember(f"Bearer {number}")
    known.remember("Bearer 0")
    known.remember("Bearer new")
    assert "Bearer 0" in known
    assert "Bearer 1" not in known
    assert "Bearer 2" in known
    assert "Bearer new" in known
    known.forget("Bearer new")
    known.forget("Bearer never there")
    assert "Bearer new" not in known
    assert None not in known
