"""Judges of the eight movements when something else happens: other movements, no face, a second one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.domain.challenge import ChallengeKind
from app.domain.liveness import LIMITS
from app.domain.quality import Hint, HintCode
from app.domain.verdict import ChallengeOutcome
from tests.domain.judging import KINDS, blink, feed, judge_of
from tests.faces import RESTING, Motion, moved, seen

K = ChallengeKind
OTHERS = [kind for kind in KINDS if kind is not K.BLINK]
LASTING_MS = {
    K.TURN_LEFT: 250,
    K.TURN_RIGHT: 250,
    K.LOOK_UP: 250,
    K.LOOK_DOWN: 250,
    K.BLINK: 450,
    K.SMILE: 400,
    K.OPEN_MOUTH: 500,
    K.MOVE_CLOSER: 400,
}


@pytest.mark.parametrize("fps", [5, 10])
@pytest.mark.parametrize("performed", KINDS)
@pytest.mark.parametrize("asked", KINDS)
def test_another_movement_instead_is_wrong(asked: ChallengeKind, performed: ChallengeKind, fps: int) -> None:
    if performed is asked or (performed, asked) == (K.BLINK, K.LOOK_DOWN):
        return
    judge = judge_of(asked)
    assert feed(judge, Motion(performed, hold_ms=1_200).frames(fps))[-1].outcome is ChallengeOutcome.WRONG_MOVEMENT
    assert judge.apex_ms is None


@pytest.mark.parametrize("performed", KINDS)
def test_another_movement_counts_once_it_has_lasted(performed: ChallengeKind) -> None:
    asked = K.LOOK_UP if performed is K.TURN_LEFT else K.TURN_LEFT
    judge, foreign = judge_of(asked), seen(moved(performed, 1.1))
    assert judge.observe(seen(), 200).outcome is None
    assert judge.observe(foreign, 1_000).outcome is None
    assert judge.observe(foreign, 1_000 + LASTING_MS[performed] - 1).outcome is None
    assert judge.observe(foreign, 1_000 + LASTING_MS[performed]).outcome is ChallengeOutcome.WRONG_MOVEMENT


@pytest.mark.parametrize("performed", KINDS)
def test_what_stays_below_its_limit_or_ceases_in_between_is_no_other_movement(performed: ChallengeKind) -> None:
    asked = K.LOOK_UP if performed is K.TURN_LEFT else K.TURN_LEFT
    weak = judge_of(asked)
    assert {item.outcome for item in feed(weak, Motion(performed, peak=0.97, hold_ms=3_000).frames(10))} == {None}
    twice = judge_of(asked)
    for at_ms in (0, LASTING_MS[performed]):
        assert twice.observe(seen(moved(performed, 1.1)), at_ms).outcome is None
        assert twice.observe(seen(), at_ms + LASTING_MS[performed] // 2).outcome is None


@pytest.mark.parametrize("fps", [5, 8, 10, 20])
@pytest.mark.parametrize("asked", OTHERS)
def test_a_natural_blink_is_never_held_against_anyone(asked: ChallengeKind, fps: int) -> None:
    for closed_ms in (250, 400):
        assert {item.outcome for item in feed(judge_of(asked), blink(closed_ms, fps))} == {None}
        frames = [
            (at_ms, replace(face, eyes_closed=0.9) if 900 <= at_ms <= 900 + closed_ms else face)
            for at_ms, face in Motion(asked).frames(fps)
        ]
        assert feed(judge_of(asked), frames)[-1].outcome is ChallengeOutcome.PASSED


@pytest.mark.parametrize("fps", [5, 8, 10, 20])
@pytest.mark.parametrize("asked", OTHERS)
def test_a_slow_blink_is_another_movement_whatever_else_is_asked(asked: ChallengeKind, fps: int) -> None:
    assert feed(judge_of(asked), blink(800, fps))[-1].outcome is ChallengeOutcome.WRONG_MOVEMENT


@pytest.mark.parametrize("nod", [0.0, 0.7, 0.95])
def test_who_looks_down_has_closed_the_lids_for_it_only_once_the_head_has_followed(nod: float) -> None:
    """Else whoever blinks before each guess has a blink for nothing where a lowered head is asked."""
    judge = judge_of(K.LOOK_DOWN)
    frames = [(at_ms, moved(K.LOOK_DOWN, nod, face)) for at_ms, face in blink(1_000, 10)]
    assert feed(judge, frames)[-1].outcome is ChallengeOutcome.WRONG_MOVEMENT
    assert judge.return_ms is None


def test_lids_that_lead_or_open_while_the_head_is_down_are_no_other_movement() -> None:
    shut_before_and_during = [
        (at_ms, replace(face, eyes_closed=0.9) if 100 <= at_ms <= 1_800 else face)
        for at_ms, face in Motion(K.LOOK_DOWN, hold_ms=1_200).frames(10)
    ]
    assert feed(judge_of(K.LOOK_DOWN), shut_before_and_during)[-1].outcome is ChallengeOutcome.PASSED


@pytest.mark.parametrize("drifted", OTHERS)
def test_a_posture_that_was_there_before_the_prompt_is_no_other_movement_until_it_comes_anew(
    drifted: ChallengeKind,
) -> None:
    """Somebody who has come nearer or slid down since alignment is not asked to be where they were."""
    asked = K.BLINK
    posture = moved(drifted, 1.1)
    judge = judge_of(asked)
    held = [(at_ms, posture) for at_ms in range(0, 3_000, 100)]
    assert {item.outcome for item in feed(judge, held)} == {None}
    anew = [(3_100, RESTING), *[(at_ms, posture) for at_ms in range(3_200, 5_000, 100)]]
    assert feed(judge, anew)[-1].outcome is ChallengeOutcome.WRONG_MOVEMENT


def test_the_lids_may_follow_a_lowered_gaze_but_the_head_does_not_follow_the_lids() -> None:
    lids_follow = [
        (at_ms, replace(face, eyes_closed=0.9) if at_ms >= 700 else face)
        for at_ms, face in Motion(K.LOOK_DOWN, hold_ms=1_200).frames(10)
    ]
    assert feed(judge_of(K.LOOK_DOWN), lids_follow)[-1].outcome is ChallengeOutcome.PASSED
    assert feed(judge_of(K.BLINK), lids_follow)[-1].outcome is ChallengeOutcome.WRONG_MOVEMENT
    nods = [(at_ms, moved(K.LOOK_DOWN, 0.7, face)) for at_ms, face in blink(1_000, 10)]
    assert feed(judge_of(K.BLINK), nods)[-1].outcome is ChallengeOutcome.PASSED


@pytest.mark.parametrize(
    ("asked", "drift"),
    [
        (K.TURN_LEFT, K.LOOK_DOWN),
        (K.TURN_RIGHT, K.LOOK_UP),
        (K.LOOK_UP, K.TURN_LEFT),
        (K.SMILE, K.OPEN_MOUTH),
        (K.OPEN_MOUTH, K.SMILE),
        (K.MOVE_CLOSER, K.LOOK_DOWN),
    ],
)
def test_a_movement_may_carry_a_lesser_one_along(asked: ChallengeKind, drift: ChallengeKind) -> None:
    def combined(own: float, other: float) -> ChallengeOutcome | None:
        own_motion, drifting = Motion(asked, peak=own, hold_ms=1_200), Motion(drift, peak=other, hold_ms=1_200)
        frames = [
            (at_ms, moved(drift, round(drifting.share_at(at_ms), 3), face))
            for at_ms, face in own_motion.frames(10)
        ]
        return feed(judge_of(asked), frames)[-1].outcome

    assert combined(own=2.0, other=1.3) is ChallengeOutcome.PASSED
    assert combined(own=1.2, other=1.8) is ChallengeOutcome.WRONG_MOVEMENT


def test_what_follows_a_greater_apex_on_the_way_back_is_no_other_movement() -> None:
    judge = judge_of(K.TURN_LEFT)
    frames = [(300, RESTING), (400, moved(K.TURN_LEFT, 1.8)), (650, moved(K.TURN_LEFT, 1.8))]
    frames += [(at_ms, moved(K.LOOK_DOWN, 1.4, moved(K.TURN_LEFT, 0.7))) for at_ms in range(700, 1_200, 100)]
    assert feed(judge, [*frames, (1_300, RESTING)])[-1].outcome is ChallengeOutcome.PASSED


def test_a_single_frame_of_the_movement_asked_excuses_nothing_that_follows() -> None:
    for rests_in_between in (True, False):
        between = RESTING if rests_in_between else moved(K.TURN_LEFT, 0.5)
        frames = [(300, RESTING), (500, moved(K.TURN_LEFT, 3.0)), (600, between)]
        frames += [(at_ms, moved(K.LOOK_DOWN, 1.4, between)) for at_ms in range(700, 1_200, 100)]
        assert feed(judge_of(K.TURN_LEFT), frames)[-1].outcome is ChallengeOutcome.WRONG_MOVEMENT


@pytest.mark.parametrize("kind", KINDS)
def test_a_face_that_is_gone_for_a_second_and_a_half_is_lost(kind: ChallengeKind) -> None:
    judge = judge_of(kind)
    assert judge.observe(seen(), 1_000).outcome is None
    gone = judge.observe(seen(None), 2_499)
    assert (gone.outcome, gone.hint) == (None, Hint(HintCode.NO_FACE))
    assert judge.observe(seen(), 2_499).outcome is None, "the face came back, so the time starts anew"
    assert judge.observe(seen(None), 3_998).outcome is None
    assert judge.observe(seen(None), 3_999).outcome is ChallengeOutcome.FACE_LOST


def test_a_face_that_never_came_is_lost_from_the_prompt_on() -> None:
    judge = judge_of(K.SMILE)
    assert judge.observe(seen(None), 1_499).outcome is None
    assert judge.observe(seen(None), 1_500).outcome is ChallengeOutcome.FACE_LOST


def test_in_the_dark_the_hint_says_dark_and_the_face_is_lost_all_the_same() -> None:
    judge = judge_of(K.SMILE)
    assert judge.observe(seen(None, luma=10.0), 500).hint == Hint(HintCode.TOO_DARK)
    assert judge.observe(seen(None, luma=10.0), 1_500).outcome is ChallengeOutcome.FACE_LOST


def test_a_second_face_warns_at_once_and_fails_after_a_second() -> None:
    judge, crowd = judge_of(K.SMILE), seen(second_face_ratio=0.5)
    first = judge.observe(crowd, 2_000)
    assert (first.outcome, first.hint) == (None, Hint(HintCode.MULTIPLE_FACES))
    assert judge.observe(crowd, 2_999).outcome is None
    assert judge.observe(crowd, 3_000).outcome is ChallengeOutcome.MULTIPLE_FACES


def test_a_second_face_that_leaves_or_is_far_away_is_harmless() -> None:
    judge = judge_of(K.SMILE)
    for at_ms in range(0, 4_000, 400):
        ratio = 0.6 if at_ms % 800 else 0.49
        assert judge.observe(seen(second_face_ratio=ratio), at_ms).outcome is None


def test_nothing_moves_on_while_a_second_face_is_there() -> None:
    judge = judge_of(K.TURN_LEFT)
    judge.observe(seen(), 200)
    judge.observe(seen(moved(K.TURN_LEFT, 1.2), second_face_ratio=0.9), 400)
    assert judge.onset_ms is None
    assert judge.observe(seen(), 600).outcome is None


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_too_short_to_count_against_anyone_is_too_short_to_pass(kind: ChallengeKind) -> None:
    """Else a clip of quick movements of every kind, played in a loop, would pass whatever is asked."""
    for far_ms, outcome in ((LASTING_MS[kind] - 1, None), (LASTING_MS[kind], ChallengeOutcome.PASSED)):
        judge, far = judge_of(kind), moved(kind, 1.2)
        frames = [(300, RESTING), (600, moved(kind, 0.8)), (700, far), (700 + far_ms, far)]
        assert feed(judge, [*frames, (1_200, RESTING), (1_400, RESTING)])[-1].outcome is outcome


@pytest.mark.parametrize("kind", KINDS)
def test_a_movement_must_last_in_one_piece(kind: ChallengeKind) -> None:
    judge, far, near = judge_of(kind), moved(kind, 1.2), moved(kind, 0.8)
    pieces = [(600 + 200 * number, far if number % 2 else near) for number in range(10)]
    assert {item.outcome for item in feed(judge, [(300, RESTING), *pieces, (2_600, RESTING)])} == {None}


def test_every_kind_can_be_performed_instead() -> None:
    assert {kind: limits.lasting_ms for kind, limits in LIMITS.items()} == LASTING_MS
