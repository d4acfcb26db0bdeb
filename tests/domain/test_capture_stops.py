"""A run that is interrupted, given up, or asked for another movement."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.domain.capture_events import AttemptFailed, ChallengeAsked, ChallengeJudged
from app.domain.capture_phase import CapturePhase
from app.domain.challenge import ChallengeKind, more_after_replacement, number_of_challenges
from app.domain.verdict import ChallengeOutcome
from tests.domain.sitting import ALL_KINDS, Sitting, config_for, new_run
from tests.fakes import EPOCH

K = ChallengeKind
INTERRUPTED, PASSED, SWAPPED = ChallengeOutcome.INTERRUPTED, ChallengeOutcome.PASSED, ChallengeOutcome.SWAPPED


def standing_id(sitting: Sitting) -> str:
    assert sitting.run.challenge is not None
    return sitting.run.challenge.challenge_id


def test_what_was_asked_when_the_page_went_away_is_not_asked_again() -> None:
    sitting = Sitting().begin().align()
    sitting.obey()
    challenge_id = standing_id(sitting)
    assert sitting.run.interrupt(EPOCH) == [
        ChallengeJudged(challenge_id, INTERRUPTED),
        AttemptFailed("interrupted", is_free=True, was_counted=True),
    ]
    assert (sitting.run.phase, sitting.run.challenge) == (CapturePhase.IDLE, None)
    assert [item.outcome for item in sitting.run.evidence] == [PASSED, INTERRUPTED]
    assert sitting.run.interrupt(EPOCH) == [], "once is enough"
    sitting.begin().align()
    assert sitting.run.passed_count() == 0
    assert standing_id(sitting) != challenge_id


def test_an_interrupted_alignment_costs_nothing_and_waits_for_the_camera() -> None:
    sitting = Sitting().begin()
    sitting.rest(500)
    assert sitting.run.interrupt(EPOCH) == []
    assert (sitting.run.phase, sitting.run.evidence) == (CapturePhase.IDLE, [])
    assert sitting.rest(2_000) == []


def test_an_interruption_does_not_take_back_what_is_passed() -> None:
    sitting = Sitting().begin().align().pass_all()
    nonce = sitting.run.nonce
    assert sitting.run.interrupt(EPOCH) == []
    assert (sitting.run.phase, sitting.run.nonce) == (CapturePhase.CAPTURE, nonce)
    stopped = Sitting()
    stopped.run.stop()
    assert stopped.run.interrupt(EPOCH) == []
    assert stopped.run.phase is CapturePhase.STOPPED


@pytest.mark.parametrize(("is_asked", "was_counted"), [(False, False), (True, True)])
def test_giving_up_counts_from_the_first_challenge(is_asked: bool, was_counted: bool) -> None:
    sitting = Sitting().begin()
    if is_asked:
        sitting.align()
    failure = sitting.run.give_up("too_much_data")
    assert failure == AttemptFailed("too_much_data", is_free=False, was_counted=was_counted)
    assert (sitting.run.phase, sitting.run.challenge) == (CapturePhase.STOPPED, None)


def test_giving_up_after_the_last_challenge_counts_and_an_earlier_attempt_does_not() -> None:
    sitting = Sitting().begin().align().pass_all()
    assert sitting.run.give_up("too_much_data").was_counted
    sitting.begin(attempt=2)
    assert not sitting.run.give_up("too_much_data").was_counted


def test_a_swapped_challenge_is_replaced_and_its_ability_not_asked_again() -> None:
    sitting = Sitting(new_run(config_for(), seed=3)).begin().align()
    sitting.obey()
    before = sitting.run.challenge
    assert before is not None
    events = sitting.run.swap(before.challenge_id, sitting.now_ms, EPOCH)
    assert events is not None
    (asked,) = (event.challenge for event in events if isinstance(event, ChallengeAsked))
    assert (asked.index, asked.challenge_id != before.challenge_id) == (1, True)
    assert asked.nonce != before.nonce
    assert sitting.run.config.kinds == tuple(kind for kind in ALL_KINDS if kind.ability is not before.kind.ability)
    assert [item.outcome for item in sitting.run.evidence] == [PASSED, SWAPPED]
    sitting.pass_all()
    assert sitting.run.phase is CapturePhase.CAPTURE
    assert all(item.kind.ability is not before.kind.ability for item in sitting.run.evidence[2:])


@pytest.mark.parametrize("seed", range(24))
def test_what_replaces_swapped_challenges_is_not_the_movement_that_was_just_passed(seed: int) -> None:
    sitting = Sitting(new_run(config_for(), seed)).begin().align()
    sitting.obey()
    passed = sitting.run.evidence[-1].kind
    for _ in range(2):
        assert sitting.run.swap(standing_id(sitting), sitting.now_ms, EPOCH) is not None
        assert sitting.run.challenge is not None
        assert sitting.run.challenge.kind is not passed


def test_with_fewer_kinds_left_more_is_asked_and_never_less() -> None:
    """And two more for the draw that was let go, where kinds are few."""
    for raised in (None, 8):
        number = number_of_challenges(5, raised)
        run = new_run(replace(config_for(ALL_KINDS[3:]), number_of_challenges=number))
        sitting = Sitting(run).begin().align()
        events = run.swap(standing_id(sitting), sitting.now_ms, EPOCH) or []
        (asked,) = (event.challenge for event in events if isinstance(event, ChallengeAsked))
        assert run.config.number_of_challenges == (raised or 7)
        assert asked.total == run.config.number_of_challenges + more_after_replacement(4)
        assert len(sitting.pass_all().run.evidence) == asked.total + 1


def test_a_swap_keeps_enough_kinds_for_a_verdict() -> None:
    sitting = Sitting(new_run(config_for((K.BLINK, K.SMILE, K.OPEN_MOUTH, K.MOVE_CLOSER)))).begin().align()
    before = sitting.run.challenge
    assert sitting.run.swap(standing_id(sitting), sitting.now_ms, EPOCH) is None
    assert (sitting.run.challenge, sitting.run.evidence) == (before, [])


def test_only_the_challenge_that_stands_can_be_swapped() -> None:
    sitting = Sitting().begin()
    assert sitting.run.swap("", sitting.now_ms, EPOCH) is None
    sitting.align()
    first = standing_id(sitting)
    sitting.obey()
    assert sitting.run.swap(first, sitting.now_ms, EPOCH) is None
    assert sitting.run.swap("another", sitting.now_ms, EPOCH) is None
    sitting.pass_all()
    assert sitting.run.swap(first, sitting.now_ms, EPOCH) is None
    assert SWAPPED not in {item.outcome for item in sitting.run.evidence}
