"""The breaker before a remote core: it opens, keeps quiet, tries again, and never puts calls in a row."""

from __future__ import annotations

import json
import threading

import pytest

from app.domain.errors import MatchingUnavailable
from app.matching.breaker import Breaker
from app.matching.remote import RemoteMatchingCore
from app.matching.wire import score_json
from tests.fakes import FakeMatchingCore, face_of
from tests.matching.served import Slept, answer, remote, rogue, serving

TEMPLATE = face_of(b"somebody").template
GOOD = json.dumps(
    {"probe": {"face": None}, "scores": [{"score": 7, "cosine": 0.5}], "calibration": "c", "warnings": []}
)


class TestBreaker:
    def failing(self, core: RemoteMatchingCore, times: int) -> None:
        for _ in range(times):
            with pytest.raises(MatchingUnavailable):
                core.compare(TEMPLATE, [TEMPLATE])

    def test_stops_asking_after_failures_in_a_row_and_tries_again_after_a_pause(self) -> None:
        slept = Slept()
        with (
            rogue(answer("502 Bad Gateway")) as server,
            remote(server.url, slept, breaker_failures=3, breaker_seconds=10) as core,
        ):
            self.failing(core, 5)
            assert server.asked == 3
            slept.now += 9.9
            self.failing(core, 1)
            assert server.asked == 3
            slept.now += 0.2
            self.failing(core, 3)
            assert server.asked == 4, "one call tries, fails, and opens it anew"
            slept.now += 10
            server.talk = answer("200 OK", GOOD.encode())
            for asked in (5, 6, 7):
                assert [score_json(one) for one in core.compare(TEMPLATE, [TEMPLATE])] == [
                    {"score": 7.0, "cosine": 0.5}
                ]
                assert server.asked == asked

    def test_ends_the_retries_of_the_call_that_opens_it(self) -> None:
        slept = Slept()
        with (
            rogue(answer("502 Bad Gateway")) as server,
            remote(server.url, slept, retries=9, breaker_failures=2) as core,
        ):
            self.failing(core, 1)
            assert server.asked == 2

    def test_stays_closed_for_a_core_that_says_itself_that_it_is_busy(self) -> None:
        """A burst of pictures would otherwise turn every server away from a core that works."""
        with rogue(answer("503 Busy")) as server, remote(server.url, Slept(), breaker_failures=2) as core:
            self.failing(core, 5)
            assert server.asked == 5

    def test_counts_failures_in_a_row_only(self) -> None:
        with rogue(answer("502 Bad Gateway")) as server, remote(server.url, Slept(), breaker_failures=2) as core:
            for asked in (1, 3, 5, 7):
                server.talk = answer("502 Bad Gateway")
                self.failing(core, 1)
                assert server.asked == asked
                server.talk = answer("200 OK", GOOD.encode())
                assert core.compare(TEMPLATE, [TEMPLATE])

    def test_does_not_keep_health_from_asking(self) -> None:
        with rogue(answer("502 Bad Gateway")) as server, remote(server.url, Slept(), breaker_failures=1) as core:
            self.failing(core, 2)
            assert server.asked == 1
            core.health()
            assert server.asked == 2


def fail() -> None:
    raise MatchingUnavailable("away")


def opened(slept: Slept) -> Breaker:
    breaker = Breaker(1, 10, slept.monotonic)
    with pytest.raises(MatchingUnavailable):
        breaker.call(fail)
    assert breaker.is_open
    return breaker


def test_one_call_tries_while_all_others_are_refused() -> None:
    slept = Slept()
    breaker = opened(slept)
    slept.now += 10

    def trial() -> str:
        with pytest.raises(MatchingUnavailable, match="not asked for a while"):
            breaker.call(lambda: pytest.fail("was asked"))
        return "answer"

    assert breaker.call(trial) == "answer"
    assert not breaker.is_open
    assert breaker.call(lambda: "another") == "another"


def test_a_trial_that_ends_in_a_bug_leaves_room_for_the_next() -> None:
    slept = Slept()
    breaker = opened(slept)
    slept.now += 10
    with pytest.raises(ZeroDivisionError):
        breaker.call(lambda: 1 // 0)
    assert breaker.call(lambda: "answer") == "answer"


def test_what_was_under_way_when_it_opened_changes_nothing() -> None:
    slept = Slept()
    breaker = Breaker(1, 10, slept.monotonic)

    def late() -> str:
        with pytest.raises(MatchingUnavailable):
            breaker.call(fail)
        return "answer"

    assert breaker.call(late) == "answer"
    assert breaker.is_open
    with pytest.raises(MatchingUnavailable, match="not asked for a while"):
        breaker.call(lambda: pytest.fail("was asked"))


def test_calls_run_side_by_side() -> None:
    """As pybreaker comes, they would wait for each other."""
    together = threading.Barrier(3)

    class Meeting(FakeMatchingCore):
        def create_template(self, image: bytes) -> None:
            together.wait(20)

    with serving(Meeting()) as url, remote(url) as core:
        threads = [threading.Thread(target=core.create_template, args=(b"image",)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not together.broken
