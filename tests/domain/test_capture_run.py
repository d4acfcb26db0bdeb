"""A whole run: challenges one at a time until a still is wanted, fresh ones in each attempt."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.capture_events import AttemptFailed, ChallengeAsked, ChallengeJudged, StillRequested
from app.domain.capture_phase import CapturePhase
from app.domain.challenge import Ability, ChallengeKind, kinds_left
from app.domain.liveness import LIMITS
from app.domain.verdict import ChallengeOutcome
from tests.domain.sitting import ALL_KINDS, Sitting, config_for, new_run
from tests.faces import RESTING, Face, seen
from tests.fakes import EPOCH

K = ChallengeKind
PASSED = ChallengeOutcome.PASSED
MILESTONES = (ChallengeAsked, ChallengeJudged, StillRequested, AttemptFailed)


@pytest.mark.parametrize("fps", [5, 8, 10, 20])
@pytest.mark.parametrize("base", [RESTING, Face(smile=0.3, pitch=-15.0)], ids=["average", "own"])
def test_who_does_what_is_asked_is_asked_for_a_still(base: Face, fps: int) -> None:
    sitting = Sitting(fps=fps, base=base).begin().align().pass_all()
    assert sitting.run.phase is CapturePhase.CAPTURE
    assert [item.outcome for item in sitting.run.evidence] == [PASSED] * 4
    assert sitting.events[-1] == StillRequested(sitting.run.nonce)
    assert sitting.failures() == []


def test_challenges_are_revealed_one_at_a_time_with_new_ids_and_nonces() -> None:
    sitting = Sitting().begin().align()
    for number in range(4):
        assert len(sitting.asked()) == number + 1
        challenge = sitting.run.challenge
        assert challenge is not None
        assert (challenge.index, challenge.total, challenge.time_limit_ms) == (number, 4, 15_000)
        assert challenge.nonce == sitting.run.nonce
        judged, following = (event for event in sitting.obey() if isinstance(event, MILESTONES))
        assert judged == ChallengeJudged(challenge.challenge_id, PASSED)
        assert isinstance(following, ChallengeAsked if number < 3 else StillRequested)
    asked = [event.challenge for event in sitting.asked()]
    assert len({item.challenge_id for item in asked}) == 4
    assert len({sitting.run.nonce, *(item.nonce for item in asked)}) == 5
    assert all(one.kind is not next_one.kind for one, next_one in itertools.pairwise(asked))


def test_evidence_says_when_what_and_how_far() -> None:
    sitting = Sitting().begin().align()
    asked_ms, kind = sitting.now_ms, sitting.asked()[0].challenge.kind
    sitting.obey()
    (item,) = sitting.run.evidence
    assert (item.attempt, item.kind, item.outcome) == (1, kind, PASSED)
    assert item.asked_at == EPOCH + timedelta(milliseconds=asked_ms)
    assert item.passed_at == EPOCH + timedelta(milliseconds=sitting.now_ms)
    assert (item.unit, item.required) == (LIMITS[kind].unit, LIMITS[kind].required)
    assert item.measured == pytest.approx(1.4 * item.required, rel=0.01)
    assert item.onset_ms is not None
    assert item.apex_ms is not None
    assert item.onset_ms <= item.apex_ms < (item.return_ms or 0) == sitting.now_ms - asked_ms


@pytest.mark.parametrize(
    ("avoid", "number"), [((), 4), ((Ability.HEAD_TURN,), 5), ((Ability.HEAD_TURN, Ability.SMILE), 6)]
)
def test_the_number_follows_the_kinds_and_only_those_are_asked(avoid: tuple[Ability, ...], number: int) -> None:
    kinds = kinds_left(avoid)
    sitting = Sitting(new_run(config_for(kinds))).begin().align().pass_all()
    assert len(sitting.run.evidence) == number
    assert {item.kind for item in sitting.run.evidence} <= set(kinds)


@pytest.mark.parametrize("number", [1, 4, 8])
def test_as_many_as_configured_are_asked(number: int) -> None:
    config = replace(config_for(), number_of_challenges=number)
    sitting = Sitting(new_run(config)).begin().align().pass_all()
    assert len(sitting.asked()) == number == len(sitting.run.evidence)


@pytest.mark.parametrize(
    ("kinds", "is_reviewed"), [(0, True), (1, True), (2, True), (3, True), (4, False), (8, False)]
)
def test_few_kinds_still_lead_to_a_still_but_a_person_must_look(kinds: int, is_reviewed: bool) -> None:
    config = config_for(ALL_KINDS[:kinds])
    sitting = Sitting(new_run(config)).begin().align().pass_all()
    assert sitting.run.phase is CapturePhase.CAPTURE
    assert config.needs_review is is_reviewed


def test_a_failed_challenge_ends_the_attempt_and_the_next_one_starts_afresh() -> None:
    sitting = Sitting().begin().align()
    sitting.obey()
    failed = sitting.run.challenge
    assert failed is not None
    wrong = next(kind for kind in (K.LOOK_UP, K.TURN_LEFT) if kind is not failed.kind)
    events = sitting.perform(wrong)
    outcome = ChallengeOutcome.WRONG_MOVEMENT
    assert events[-2:] == [
        ChallengeJudged(failed.challenge_id, outcome),
        AttemptFailed("wrong_movement", is_free=False, was_counted=True),
    ]
    assert (sitting.run.phase, sitting.run.challenge) == (CapturePhase.STOPPED, None)
    assert sitting.rest(1_000) == [], "no frame counts after the end of an attempt"
    sitting.begin(attempt=2).align()
    assert (sitting.run.passed_count(), sitting.asked()[-1].challenge.index) == (0, 0)
    sitting.pass_all()
    assert [item.attempt for item in sitting.run.evidence] == [1, 1, 2, 2, 2, 2]
    assert [item.outcome for item in sitting.run.evidence] == [PASSED, outcome, *[PASSED] * 4]
    assert sitting.run.phase is CapturePhase.CAPTURE


def test_attempts_and_sessions_draw_different_challenges() -> None:
    def drawn(sitting: Sitting, attempt: int) -> tuple[ChallengeKind, ...]:
        before = len(sitting.asked())
        sitting.begin(attempt).align().pass_all()
        return tuple(event.challenge.kind for event in sitting.asked()[before:])

    orders = [drawn(Sitting(new_run(config_for(), seed)), 1) for seed in range(12)]
    assert len(set(orders)) >= 10
    again = Sitting()
    assert len({drawn(again, attempt) for attempt in range(1, 5)}) >= 3


@pytest.mark.parametrize(
    ("frames", "outcome", "is_free"),
    [
        ((None, 1_600), ChallengeOutcome.FACE_LOST, True),
        ((seen(second_face_ratio=0.8), 1_200), ChallengeOutcome.MULTIPLE_FACES, False),
        ((RESTING, 15_200), ChallengeOutcome.TIMED_OUT, False),
    ],
)
def test_what_is_free_and_what_costs_the_attempt(
    frames: tuple[Face | None, int], outcome: ChallengeOutcome, is_free: bool
) -> None:
    sitting = Sitting().begin().align()
    events = sitting.hold(*frames)
    assert events[-1] == AttemptFailed(outcome.value, is_free=is_free, was_counted=True)
    assert sitting.run.evidence[-1].outcome is outcome
    assert sitting.run.evidence[-1].passed_at is None


@pytest.mark.parametrize(("gap_ms", "is_interrupted"), [(3_000, False), (3_001, True)])
def test_a_gap_between_frames_voids_the_challenge(gap_ms: int, is_interrupted: bool) -> None:
    sitting = Sitting().begin().align()
    events = sitting.show(RESTING, after_ms=gap_ms)
    expected = AttemptFailed("interrupted", is_free=True, was_counted=True)
    assert (expected in events) is is_interrupted
    assert (sitting.run.phase is CapturePhase.IDLE) is is_interrupted


def test_a_gap_does_no_harm_while_the_still_is_awaited() -> None:
    sitting = Sitting().begin().align().pass_all()
    assert sitting.show(RESTING, after_ms=10_000) == []
    assert sitting.run.phase is CapturePhase.CAPTURE


def test_an_attempt_has_its_time_whatever_the_challenges_take() -> None:
    config = replace(config_for(), attempt_limit_ms=10_000)
    sitting = Sitting(new_run(config)).begin().align()
    began_ms = sitting.now_ms
    sitting.rest(9_900)
    assert sitting.failures() == []
    events = sitting.rest(100)
    assert sitting.now_ms - began_ms == 10_000
    assert events[-1] == AttemptFailed("timed_out", is_free=False, was_counted=True)


def test_a_still_that_never_comes_ends_the_attempt_too() -> None:
    sitting = Sitting().begin().align()
    began_ms = sitting.now_ms
    sitting.pass_all()
    sitting.show(RESTING, after_ms=began_ms + 209_999 - sitting.now_ms)
    assert sitting.failures() == []
    sitting.show(RESTING, after_ms=1)
    assert sitting.failures() == [AttemptFailed("timed_out", is_free=True, was_counted=True)]
    assert sitting.run.phase is CapturePhase.STOPPED


def test_frames_before_alignment_and_after_the_end_mean_nothing() -> None:
    sitting = Sitting()
    assert sitting.rest(2_000) == []
    assert sitting.run.phase is CapturePhase.IDLE
    sitting.begin().align()
    sitting.run.stop()
    assert sitting.rest(2_000) == []
    assert (sitting.run.phase, sitting.run.challenge) == (CapturePhase.STOPPED, None)
