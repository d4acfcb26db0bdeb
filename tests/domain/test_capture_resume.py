"""An attempt that is interrupted goes on where it was, in time and at no gain."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from app.domain.capture_phase import CapturePhase
from app.domain.challenge import (
    MIN_KINDS_FOR_VERDICT,
    ChallengeKind,
    more_after_replacement,
    number_of_challenges,
)
from app.domain.light import LightStanding
from app.domain.verdict import ChallengeOutcome
from app.services.attempts import MORE_WHEN_USED_UP
from app.services.live_capture import FREE_QUALITY_RETRIES
from tests.domain.sitting import Sitting, config_for, new_run
from tests.faces import RESTING
from tests.fakes import EPOCH

K = ChallengeKind
INTERRUPTED, PASSED, RESUMED = ChallengeOutcome.INTERRUPTED, ChallengeOutcome.PASSED, ChallengeOutcome.RESUMED
LIMIT_MS = 15_000


def interrupted(seed: int = 1) -> Sitting:
    """One challenge passed, the second one void."""
    sitting = Sitting(new_run(config_for(), seed)).begin().align()
    sitting.obey()
    sitting.run.interrupt(EPOCH)
    return sitting


def resume(sitting: Sitting, after_ms: int = 5_000) -> bool:
    sitting.now_ms += after_ms
    return sitting.run.resume(sitting.now_ms) is not None


def outcomes(sitting: Sitting) -> list[ChallengeOutcome]:
    return [item.outcome for item in sitting.run.evidence]


@pytest.mark.parametrize(("after_ms", "is_resumed"), [(0, True), (LIMIT_MS, True), (LIMIT_MS + 1, False)])
def test_it_can_be_resumed_for_so_long_and_no_longer(after_ms: int, is_resumed: bool) -> None:
    sitting = interrupted()
    assert resume(sitting, after_ms) is is_resumed
    assert (sitting.run.phase is CapturePhase.ALIGN) is is_resumed
    assert resume(sitting, 0) is False, "once"


@pytest.mark.parametrize("seed", range(8))
def test_what_is_passed_stays_passed_and_one_more_is_asked_another_than_before(seed: int) -> None:
    sitting = interrupted(seed)
    before, usual = sitting.asked()[-1].challenge, sitting.run.config.number_of_challenges
    assert resume(sitting)
    sitting.align()
    asked = sitting.asked()[-1]
    assert asked.is_first
    assert (asked.challenge.index, asked.challenge.total) == (1, usual + 1)
    assert asked.challenge.kind is not before.kind
    assert asked.challenge.nonce != before.nonce
    sitting.pass_all()
    assert sitting.run.phase is CapturePhase.CAPTURE
    assert outcomes(sitting) == [PASSED, RESUMED, *[PASSED] * usual]


@pytest.mark.parametrize("seed", range(24))
def test_it_goes_on_with_neither_what_was_void_nor_what_was_passed_last(seed: int) -> None:
    sitting = interrupted(seed)
    passed = sitting.run.evidence[0].kind
    for _ in range(2):
        void = sitting.asked()[-1].challenge.kind
        assert resume(sitting)
        sitting.align()
        assert sitting.asked()[-1].challenge.kind not in (void, passed)
        sitting.run.interrupt(EPOCH)


def test_what_an_earlier_attempt_passed_bars_nothing() -> None:
    """Resumed before anything of the present attempt was passed, only what was void cannot come."""
    drawn = set[ChallengeKind]()
    for seed in range(60):
        sitting = Sitting(new_run(config_for((K.BLINK, K.SMILE, K.OPEN_MOUTH, K.MOVE_CLOSER)), seed))
        sitting.begin().align().obey()
        passed = sitting.run.evidence[0].kind
        sitting.begin(attempt=2).align().run.interrupt(EPOCH)
        void = sitting.asked()[-1].challenge.kind
        assert resume(sitting)
        again = sitting.align().asked()[-1].challenge.kind
        assert again is not void
        drawn |= {again} if again is passed else set()
    assert drawn


def test_each_interruption_asks_one_more() -> None:
    sitting, usual = interrupted(), config_for().number_of_challenges
    for times in range(1, 4):
        assert resume(sitting)
        sitting.align()
        assert sitting.asked()[-1].challenge.total == usual + times
        sitting.run.interrupt(EPOCH)


def test_an_interruption_of_the_alignment_after_it_asks_no_more_for_it() -> None:
    sitting = interrupted()
    usual = sitting.run.config.number_of_challenges
    for _ in range(3):
        assert resume(sitting)
        sitting.rest(300)
        assert sitting.run.interrupt(EPOCH) == []
    assert resume(sitting)
    sitting.align()
    assert sitting.asked()[-1].challenge.total == usual + 1


def test_the_attempts_own_time_goes_on_while_it_is_interrupted() -> None:
    sitting = Sitting(new_run(replace(config_for(), attempt_limit_ms=12_000))).begin().align()
    sitting.run.interrupt(EPOCH)
    assert resume(sitting, 11_000)
    sitting.rest(300)
    sitting.run.interrupt(EPOCH)
    assert not resume(sitting, 1_000)


@pytest.mark.parametrize(("gap_ms", "is_resumed"), [(3_100, True), (LIMIT_MS, True), (LIMIT_MS + 100, False)])
def test_frames_that_pause_on_a_living_connection_are_an_interruption_like_any(
    gap_ms: int, is_resumed: bool
) -> None:
    sitting = Sitting().begin().align()
    sitting.obey()
    sitting.show(RESTING, after_ms=gap_ms)
    assert sitting.run.phase is CapturePhase.IDLE
    assert resume(sitting, 0) is is_resumed


def test_a_new_attempt_forgets_the_interrupted_one() -> None:
    sitting = interrupted()
    assert resume(sitting)
    sitting.begin(attempt=1).align()
    assert outcomes(sitting) == [PASSED, INTERRUPTED]
    challenge = sitting.asked()[-1].challenge
    assert (challenge.index, challenge.total) == (0, sitting.run.config.number_of_challenges)


def test_a_run_that_was_stopped_is_not_resumed() -> None:
    sitting = interrupted()
    sitting.run.stop()
    assert not resume(sitting, 0)


@pytest.mark.parametrize("kinds", [(K.BLINK,), (K.BLINK, K.SMILE), (K.BLINK, K.SMILE, K.OPEN_MOUTH)])
def test_with_too_few_kinds_for_a_verdict_the_attempt_begins_anew(kinds: tuple[ChallengeKind, ...]) -> None:
    sitting = Sitting(new_run(config_for(kinds))).begin().align()
    sitting.run.interrupt(EPOCH)
    assert not resume(sitting)


def test_other_wishes_end_what_was_suspended_and_count_from_the_next_alignment() -> None:
    sitting = interrupted()
    config = config_for(kind for kind in K if kind is not K.BLINK)
    sitting.run.reconfigure(config)
    assert sitting.run.config is config
    assert not resume(sitting, 0)


def test_wishes_in_the_alignment_of_a_resumed_attempt_void_what_it_had() -> None:
    sitting = interrupted()
    assert resume(sitting)
    sitting.run.reconfigure(replace(sitting.run.config, challenge_limit_ms=30_000))
    sitting.align()
    challenge = sitting.asked()[-1].challenge
    assert (challenge.index, challenge.total, challenge.time_limit_ms) == (
        0,
        config_for().number_of_challenges,
        30_000,
    )
    assert outcomes(sitting) == [PASSED, INTERRUPTED]


def test_the_same_wishes_again_change_nothing_and_none_while_something_is_asked() -> None:
    sitting = interrupted()
    sitting.run.reconfigure(replace(sitting.run.config))
    assert resume(sitting)
    sitting.align()
    before = sitting.run.config
    sitting.run.reconfigure(config_for([K.BLINK]))
    assert sitting.run.config is before


def test_who_has_declined_the_light_is_not_asked_again_by_another_wish() -> None:
    sitting = Sitting(new_run(replace(config_for(), light=LightStanding.DECLINED))).begin()
    sitting.run.reconfigure(replace(config_for(), light=LightStanding.ASKED, challenge_limit_ms=30_000))
    assert (sitting.run.config.challenge_limit_ms, sitting.run.light) == (30_000, LightStanding.DECLINED)


def chance_of_a_recording(kinds: int, drops: int) -> float:
    """Of movements in a fixed order: who plays it drops the line, `drops` times, where another is asked.

    What was dropped does not come next, nor what was passed last.
    """
    more = more_after_replacement(kinds)

    @cache
    def from_here(to_do: int, drops: int, has_passed: bool, has_dropped: bool) -> float:
        if to_do == 0:
            return 1.0
        is_it = 1 / (kinds - has_passed - has_dropped)
        other = from_here(to_do + more, drops - 1, has_passed, True) if drops else 0.0
        return is_it * from_here(to_do - 1, drops, True, False) + (1 - is_it) * other

    return from_here(number_of_challenges(kinds), drops, False, False)


@pytest.mark.parametrize("kinds", range(MIN_KINDS_FOR_VERDICT, len(K) + 1))
def test_dropping_the_line_at_an_unwelcome_movement_is_worth_less_than_beginning_anew(kinds: int) -> None:
    attempts, free = 3, FREE_QUALITY_RETRIES
    whole = chance_of_a_recording(kinds, 0)
    dropping = chance_of_a_recording(kinds, free) + (attempts - 1) * whole
    assert dropping < (attempts + free) * whole
    assert dropping < 0.002, "what blind guessing may reach in a session"
    harder = whole / (kinds - 1) ** MORE_WHEN_USED_UP
    hiding = (attempts - 1 + free) * whole + harder
    assert hiding < 0.002, "the face hidden wherever another movement is asked, once all else was tried"


def test_with_few_kinds_each_interruption_asks_two_more() -> None:
    kinds = (K.TURN_LEFT, K.BLINK, K.SMILE, K.OPEN_MOUTH, K.MOVE_CLOSER)
    sitting = Sitting(new_run(config_for(kinds))).begin().align()
    sitting.run.interrupt(EPOCH)
    assert resume(sitting)
    sitting.align()
    assert sitting.asked()[-1].challenge.total == number_of_challenges(len(kinds)) + 2
