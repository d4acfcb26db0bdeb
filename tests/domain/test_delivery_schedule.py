"""When a delivery is tried again, when it has failed, and that nobody has to wait less than they asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.delivery_schedule import (
    ATTEMPTS_MAX,
    JITTER,
    PAUSES,
    Meaning,
    after_attempt,
    meaning_of,
    pause_after,
)
from app.domain.webhook import Delivery, DeliveryStatus

NOW = datetime(2026, 6, 19, 14, 40, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Came:
    """What came back."""

    status_code: int | None = None
    error: str | None = None
    retry_after_seconds: int | None = None
    is_refused: bool = False


def delivery(**changes: object) -> Delivery:
    made = Delivery("d-1", "e-1", "o-1", True, "w-1", "https://a.example/", NOW, NOW)
    return replace(made, lease_holder="w", lease_until=NOW + DAY, **changes)  # type: ignore[arg-type]


def test_the_schedule_is_that_of_the_contract() -> None:
    seconds = [5, 5 * 60, 30 * 60, *(hours * 3600 for hours in (2, 5, 10, 14, 20, 24))]
    assert [pause.total_seconds() for pause in PAUSES] == seconds
    assert ATTEMPTS_MAX == 10


@pytest.mark.parametrize("code", [None, 408, 409, 425, 429, 500, 502, 503, 504, 599])
def test_what_may_pass_is_tried_until_the_schedule_ends(code: int | None) -> None:
    came = Came(code, error=None if code else "timeout")
    tried, now, pauses = delivery(), NOW, []
    while tried.status is DeliveryStatus.PENDING:
        tried = after_attempt(tried, came, now, 0)
        pauses.append(tried.next_attempt_at - now)
        assert tried.last_status_code == code
        assert tried.last_error == came.error
        if tried.status is DeliveryStatus.PENDING:
            assert tried.finished_at is None
            now = tried.next_attempt_at
    assert tuple(pauses[:-1]) == PAUSES
    assert (tried.status, tried.attempts, tried.finished_at) == (DeliveryStatus.FAILED, ATTEMPTS_MAX, now)


@pytest.mark.parametrize("code", [100, 301, 302, 303, 307, 308, 400, 401, 403, 404, 410, 422, 451, 600])
def test_what_trying_again_would_not_change_fails_at_once(code: int) -> None:
    tried = after_attempt(delivery(), Came(code, retry_after_seconds=5), NOW, 0)
    assert (tried.status, tried.attempts, tried.finished_at) == (DeliveryStatus.FAILED, 1, NOW)
    assert tried.last_status_code == code


def test_an_address_that_may_not_be_called_is_not_tried_again() -> None:
    tried = after_attempt(delivery(), Came(error="refused_address", is_refused=True), NOW, 0)
    assert (tried.status, tried.last_error) == (DeliveryStatus.FAILED, "refused_address")


@pytest.mark.parametrize("code", [200, 201, 202, 204, 299])
def test_any_success_delivers_and_ends_what_was_wrong(code: int) -> None:
    before = delivery(attempts=3, last_status_code=500, last_error="timeout")
    tried = after_attempt(before, Came(code), NOW, 1)
    assert (tried.status, tried.attempts, tried.finished_at) == (DeliveryStatus.DELIVERED, 4, NOW)
    assert (tried.last_status_code, tried.last_error) == (code, None)


def test_only_410_says_that_nothing_more_is_wanted() -> None:
    codes = [None, *range(100, 600)]
    assert [code for code in codes if meaning_of(Came(code)) is Meaning.GONE] == [410]


@pytest.mark.parametrize("came", [Came(200), Came(500), Came(400), Came(error="dns")])
def test_nobody_has_a_lease_after_an_attempt(came: Came) -> None:
    tried = after_attempt(delivery(), came, NOW, 0.5)
    assert (tried.lease_holder, tried.lease_until) == (None, None)


@given(
    attempts=st.integers(1, ATTEMPTS_MAX - 1),
    wished=st.none() | st.integers(0, 10**9),
    jitter=st.floats(0, 1),
)
def test_a_pause_is_bounded_and_never_shorter_than_the_schedule_or_the_wish(
    attempts: int, wished: int | None, jitter: float
) -> None:
    pause, least = pause_after(attempts, wished, jitter), PAUSES[attempts - 1]
    wish = min(timedelta(seconds=wished or 0), DAY)
    assert pause >= max(least, wish)
    assert pause <= max(least, wish) * (1 + JITTER) + timedelta(microseconds=1)


def test_jitter_spreads_what_failed_together() -> None:
    pauses = {pause_after(2, None, part / 10) for part in range(11)}
    assert len(pauses) == 11
    assert max(pauses) - min(pauses) == PAUSES[1] * JITTER


@pytest.mark.parametrize("jitter", [-0.01, 1.01])
def test_jitter_beyond_its_bounds_is_a_mistake_of_ours(jitter: float) -> None:
    with pytest.raises(ValueError, match="0 to 1"):
        pause_after(1, None, jitter)
