"""Whose turn it is: no receiver takes the room of the others, whatever it does."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.domain.event import Event, EventName
from app.domain.webhook import Delivery, WebhookEndpoint
from app.jobs import delivery_lanes
from app.jobs.delivery_lanes import (
    FIRST_WIDTH,
    LONGEST_REST_MS,
    PROMPT_MS,
    Change,
    Lanes,
    Result,
)
from app.services.deliver_webhooks import Claimed
from tests.builders import Builder
from tests.fakes import EPOCH, SeededRandomness

HANGS_MS = 15_000
"""What an attempt takes where nobody answers."""

build = Builder(SeededRandomness())
organization = build.organization()
entity = build.entity(organization)


def claimed(url: str, number: int = 1, *, is_session: bool = False) -> list[Claimed]:
    """Of an endpoint, or of sessions whose addresses differ in the query."""
    made = []
    for position in range(number):
        own = f"{url}?session={position}" if is_session else url
        event = Event(
            build.randomness.object_id(),
            organization.organization_id,
            True,
            EventName.SESSION_APPROVED,
            "s-1",
            EPOCH,
            entity,
        )
        endpoint = WebhookEndpoint(f"w {url}", organization.organization_id, True, url, ("*",), EPOCH, EPOCH)
        delivery = Delivery(
            build.randomness.object_id(),
            event.event_id,
            event.organization_id,
            event.is_test,
            None if is_session else endpoint.endpoint_id,
            own,
            EPOCH,
            EPOCH,
            lease_until=EPOCH + timedelta(seconds=90),
        )
        made.append(Claimed(delivery, event, None if is_session else endpoint))
    return made


def begin_all(lanes: Lanes, now_ms: int = 0) -> list[Claimed]:
    begun = []
    while (one := lanes.next(now_ms)) is not None:
        begun.append(one)
    return begun


def end_all(
    lanes: Lanes, begun: list[Claimed], result: Result, now_ms: int = 0, took_ms: int = HANGS_MS
) -> list[Change | None]:
    return [lanes.ended(one, result, now_ms, took_ms) for one in begun]


def make_prompt(lanes: Lanes, url: str, answers: int = 20) -> None:
    """A receiver that has shown that it answers."""
    for _ in range(answers):
        lanes.take_in(claimed(url), 0)
        end_all(lanes, begin_all(lanes), Result.PROMPT)


def urls(some: list[Claimed]) -> set[str]:
    return {one.delivery.url for one in some}


def test_a_lane_begins_narrow_and_grows_with_prompt_answers_up_to_its_width() -> None:
    lanes = Lanes(64, 8)
    lanes.take_in(claimed("https://a/", 4), 0)
    begun = begin_all(lanes)
    assert len(begun) == FIRST_WIDTH
    end_all(lanes, begun, Result.PROMPT)
    make_prompt(lanes, "https://a/")
    assert lanes.take_in(claimed("https://a/", 30), 0) == []
    assert len(begin_all(lanes)) == 8


def test_what_an_unknown_receiver_has_no_room_for_is_put_off() -> None:
    lanes = Lanes(64, 8)
    put_off = lanes.take_in(claimed("https://a/", 30), 0)
    assert len(put_off) == 30 - 2 * FIRST_WIDTH
    assert lanes.first_room == 2 * FIRST_WIDTH
    assert lanes.rooms(0) == {"https://a/": 0}


def test_a_prompt_lane_takes_a_whole_claim_but_not_a_second_one() -> None:
    lanes = Lanes(64, 8)
    make_prompt(lanes, "https://a/")
    assert lanes.take_in(claimed("https://a/", 40), 0) == []
    assert len(lanes.take_in(claimed("https://a/", 40), 0)) == 40


def test_turns_go_round() -> None:
    lanes = Lanes(6, 8)
    for url in ("https://a/", "https://b/", "https://c/"):
        make_prompt(lanes, url)
    lanes.take_in([*claimed("https://a/", 5), *claimed("https://b/", 5), *claimed("https://c/", 5)], 0)
    begun = [one.delivery.url for one in begin_all(lanes)]
    assert begun == ["https://a/", "https://b/", "https://c/"] * 2


def test_a_slow_receiver_is_narrow_again() -> None:
    lanes = Lanes(64, 8)
    make_prompt(lanes, "https://a/")
    lanes.take_in(claimed("https://a/", 20), 0)
    end_all(lanes, begin_all(lanes)[:1], Result.SLOW)
    assert begin_all(lanes) == []
    assert lanes.in_flight == 7


def test_a_receiver_that_refuses_at_once_has_each_delivery_tried_on_its_schedule() -> None:
    """It was tried twice a minute, and what waited behind never came to its end."""
    lanes, tried = Lanes(64, 8), 0
    for now in range(0, 60_000, 500):
        lanes.take_in(claimed("https://a/", 2), now)
        for one in begin_all(lanes, now):
            lanes.ended(one, Result.TROUBLE, now + 3, took_ms=3)
            tried += 1
        assert lanes.stalled(now + 3) == []
    assert tried >= 120


def test_a_receiver_that_hangs_is_tried_one_by_one_with_growing_rests() -> None:
    lanes, now, rests = Lanes(64, 8), 0, []
    for _ in range(8):
        assert lanes.take_in(claimed("https://a/", 1), now) == []
        (one,) = begin_all(lanes, now)
        lanes.ended(one, Result.TROUBLE, now, HANGS_MS)
        assert len(lanes.take_in(claimed("https://a/", 1), now)) == 1
        rests.append(next(pause for pause in range(0, 60_000, 500) if lanes.rooms(now + pause)["https://a/"]))
        now += rests[-1]
    assert rests == [1_000, 2_000, 4_000, 8_000, 16_000, LONGEST_REST_MS, LONGEST_REST_MS, LONGEST_REST_MS]


def test_what_was_in_flight_together_fails_once() -> None:
    lanes = Lanes(64, 8)
    make_prompt(lanes, "https://a/")
    lanes.take_in(claimed("https://a/", 8), 0)
    changes = end_all(lanes, begin_all(lanes), Result.TROUBLE, 500)
    assert changes == [Change.FAILS] + [None] * 7
    assert len(lanes.take_in(claimed("https://a/", 2), 1_500)) == 1
    (one,) = begin_all(lanes, 1_500)
    assert lanes.ended(one, Result.PROMPT, 1_500) is Change.IS_BACK


def test_what_waits_behind_a_failure_is_given_back() -> None:
    lanes = Lanes(64, 8)
    make_prompt(lanes, "https://a/")
    lanes.take_in(claimed("https://a/", 20), 0)
    begun = begin_all(lanes)
    lanes.ended(begun[0], Result.TROUBLE, 100, HANGS_MS)
    assert len(lanes.stalled(100)) == 12
    assert lanes.stalled(100) == []


def test_what_waits_behind_attempts_that_hang_is_given_back() -> None:
    lanes = Lanes(64, 8)
    make_prompt(lanes, "https://a/")
    lanes.take_in(claimed("https://a/", 20), 0)
    assert len(begin_all(lanes)) == 8
    assert lanes.stalled(PROMPT_MS - 1) == []
    assert len(lanes.stalled(PROMPT_MS)) == 12
    assert lanes.rooms(PROMPT_MS) == {"https://a/": 0}


def test_however_many_hang_receivers_that_answer_find_room() -> None:
    lanes = Lanes(64, 8)
    make_prompt(lanes, "https://good/")
    for number in range(200):
        lanes.take_in(claimed(f"https://dead-{number}/", 4), 0)
    hanging = begin_all(lanes)
    assert "https://good/" not in urls(hanging)
    assert len(hanging) == 48
    assert lanes.room > 0
    for later_ms in range(0, 15_000, 500):
        lanes.stalled(later_ms)
        assert lanes.take_in(claimed("https://good/", 8), later_ms) == []
        begun = begin_all(lanes, later_ms)
        assert urls(begun) == {"https://good/"}
        assert len(begun) == 8
        end_all(lanes, begun, Result.PROMPT, later_ms)


def test_sessions_at_one_server_share_a_lane_but_not_with_another_organization() -> None:
    first, second = claimed("https://shop.example/hook", 2, is_session=True)
    lane = f"{organization.organization_id} https://shop.example:443"
    assert first.delivery.lane == second.delivery.lane == lane
    (endpoint,) = claimed("https://shop.example/hook")
    assert endpoint.delivery.lane == "https://shop.example/hook"
    lanes = Lanes(64, 8)
    put_off = lanes.take_in(claimed("https://shop.example/hook", 10, is_session=True), 0)
    assert len(put_off) == 10 - 2 * FIRST_WIDTH


def test_what_has_not_begun_can_be_dropped() -> None:
    lanes = Lanes(64, 8)
    lanes.take_in(claimed("https://a/", 4) + claimed("https://b/", 2), 0)
    begun = begin_all(lanes)
    assert len(lanes.drop_waiting()) == 2
    assert (lanes.in_flight, lanes.next(0)) == (len(begun), None)
    end_all(lanes, begun, Result.PROMPT)
    assert lanes.room == 64 * 4


def test_an_attempt_that_was_none_says_nothing_of_the_receiver() -> None:
    lanes = Lanes(64, 8)
    lanes.take_in(claimed("https://a/"), 0)
    (one,) = begin_all(lanes)
    assert lanes.ended(one, None, 0) is None
    assert lanes.rooms(0) == {"https://a/": lanes.first_room}


def test_receivers_are_forgotten_in_the_end_but_none_that_is_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery_lanes, "LANES_MAX", 3)
    lanes = Lanes(64, 8)
    lanes.take_in(claimed("https://busy/", 4), 0)
    (one, _) = begin_all(lanes)
    for number in range(10):
        lanes.take_in(claimed(f"https://{number}/"), 0)
        end_all(lanes, [last for last in begin_all(lanes) if last is not one], Result.PROMPT)
    assert len(lanes._lanes) == 3
    assert "https://busy/" in lanes._lanes


def test_one_place_is_enough_for_work_to_go_on() -> None:
    lanes = Lanes(1, 1)
    lanes.take_in(claimed("https://a/"), 0)
    assert len(begin_all(lanes)) == 1
