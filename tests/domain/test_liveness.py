"""Judges of the eight movements: what passes, what is not enough, what does not count."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.domain.challenge import ChallengeKind
from app.domain.liveness import LIMITS, Judgement, movement, neutral_of
from app.domain.quality import Hint, HintCode
from app.domain.verdict import ChallengeOutcome
from tests.domain.judging import KINDS, LIMIT_MS, blink, feed, judge_of, phases
from tests.faces import RESTING, Face, Motion, measurement, moved, seen

K = ChallengeKind

UNUSUAL = Face(pitch=-15.0, yaw=5.0, smile=0.3, eyes_closed=0.3, jaw_open=0.1, scale=0.8)
"""Someone whose resting face is not the average one."""


@pytest.mark.parametrize("fps", [5, 8, 10, 20])
@pytest.mark.parametrize("kind", KINDS)
def test_a_movement_from_onset_over_apex_to_return_passes(kind: ChallengeKind, fps: int) -> None:
    judge = judge_of(kind)
    judgements = feed(judge, Motion(kind).frames(fps))
    assert judgements[-1] == Judgement(100, None, ChallengeOutcome.PASSED)
    assert judge.onset_ms is not None
    assert judge.apex_ms is not None
    assert judge.return_ms is not None
    assert 600 <= judge.onset_ms <= judge.apex_ms <= 1_500 < judge.return_ms <= 2_000
    assert judge.peak == pytest.approx(1.4 * LIMITS[kind].required, rel=0.01)


@pytest.mark.parametrize("kind", KINDS)
def test_everybody_is_judged_by_their_own_resting_face(kind: ChallengeKind) -> None:
    assert feed(judge_of(kind, UNUSUAL), Motion(kind).frames(10, UNUSUAL))[-1].outcome is ChallengeOutcome.PASSED
    resting = [(at_ms, UNUSUAL) for at_ms in range(0, 3_000, 100)]
    assert {item.outcome for item in feed(judge_of(kind, UNUSUAL), resting)} == {None}
    short = feed(judge_of(kind, UNUSUAL), Motion(kind, peak=0.95).frames(10, UNUSUAL))
    assert short[-1].outcome is None


@pytest.mark.parametrize("kind", KINDS)
def test_progress_goes_out_to_90_stays_there_until_the_return_and_ends_at_100(kind: ChallengeKind) -> None:
    percents = [item.percent for item in feed(judge_of(kind), Motion(kind, out_ms=1_000).frames(10))]
    apex = percents.index(90)
    assert percents[:apex] == sorted(percents[:apex])
    assert percents[0] == 0
    assert 0 < percents[apex - 1] < 90
    assert set(percents[apex:-1]) == {90}
    assert percents[-1] == 100


@pytest.mark.parametrize("kind", KINDS)
def test_too_little_movement_is_no_pass_and_times_out_at_the_limit(kind: ChallengeKind) -> None:
    judge = judge_of(kind)
    frames = list(Motion(kind, peak=0.97).frames(20))
    assert {item.outcome for item in feed(judge, frames)} == {None}
    assert judge.peak == pytest.approx(0.97 * LIMITS[kind].required, rel=0.01)
    assert judge.observe(seen(), LIMIT_MS - 1).outcome is None
    assert judge.observe(seen(), LIMIT_MS).outcome is ChallengeOutcome.TIMED_OUT
    assert judge.return_ms is None


@pytest.mark.parametrize("kind", KINDS)
def test_without_any_movement_nothing_happens_until_the_limit(kind: ChallengeKind) -> None:
    judge = judge_of(kind)
    still = feed(judge, ((at_ms, RESTING) for at_ms in range(0, LIMIT_MS + 1, 200)))
    assert set(still[:-1]) == {Judgement(0, None, None)}
    assert still[-1].outcome is ChallengeOutcome.TIMED_OUT
    assert (judge.onset_ms, judge.apex_ms, judge.peak) == (None, None, None)


@pytest.mark.parametrize("kind", KINDS)
def test_a_movement_that_began_before_the_prompt_does_not_count(kind: ChallengeKind) -> None:
    judge = judge_of(kind)
    begun = Motion(kind, rest_ms=0, out_ms=1, hold_ms=600)
    head_start = [(at_ms, face) for at_ms, face in begun.frames(20) if at_ms > 0]
    judgements = feed(judge, head_start)
    assert {item.outcome for item in judgements} == {None}
    assert judge.onset_ms is None
    again = [(at_ms + 2_000, face) for at_ms, face in Motion(kind).frames(20)]
    assert feed(judge, again)[-1].outcome is ChallengeOutcome.PASSED


@pytest.mark.parametrize(("onset_ms", "outcome"), [(149, None), (150, ChallengeOutcome.PASSED)])
def test_nobody_reacts_faster_than_a_person_can(onset_ms: int, outcome: ChallengeOutcome | None) -> None:
    judge = judge_of(K.TURN_LEFT)
    frames = [(0, RESTING), (onset_ms, moved(K.TURN_LEFT, 0.5))]
    frames += [(500, moved(K.TURN_LEFT, 1.2)), (800, moved(K.TURN_LEFT, 1.2)), (1_000, RESTING), (1_500, RESTING)]
    assert feed(judge, frames)[-1].outcome is outcome


@pytest.mark.parametrize("kind", KINDS)
def test_the_return_must_reach_home(kind: ChallengeKind) -> None:
    limits = LIMITS[kind]
    home = limits.home / limits.required
    judge = judge_of(kind)
    out = [(300, RESTING), (600, moved(kind, 0.8)), (900, moved(kind, 1.2)), (1_400, moved(kind, 1.2))]
    assert feed(judge, out)[-1].outcome is None
    assert judge.observe(seen(moved(kind, home + 0.05)), 1_600).outcome is None
    assert judge.observe(seen(moved(kind, home - 0.02)), 1_900).outcome is ChallengeOutcome.PASSED


@pytest.mark.parametrize("fps", [5, 8, 10, 20])
@pytest.mark.parametrize("closed_ms", [100, 250, 400])
def test_a_natural_blink_is_not_what_was_asked_and_a_slow_one_after_it_is(closed_ms: int, fps: int) -> None:
    for phase_ms in phases(fps):
        judge = judge_of(K.BLINK)
        assert {item.outcome for item in feed(judge, blink(closed_ms, fps, phase_ms))} == {None}
        slow = [(at_ms + 3_000, face) for at_ms, face in blink(1_000, fps, phase_ms)]
        assert feed(judge, slow)[-1].outcome is ChallengeOutcome.PASSED


@pytest.mark.parametrize(("fps", "closed_ms"), [(5, 800), (8, 625), (10, 600), (20, 500)])
def test_a_slow_blink_passes_however_the_frames_fall(fps: int, closed_ms: int) -> None:
    """Shut for `lasting_ms`, rounded up to whole frames, and one frame more."""
    for phase_ms in phases(fps):
        assert feed(judge_of(K.BLINK), blink(closed_ms, fps, phase_ms))[-1].outcome is ChallengeOutcome.PASSED


@pytest.mark.parametrize("fps", [5, 8, 10, 20])
def test_a_blink_of_600_ms_passes_where_a_frame_falls_on_it_early(fps: int) -> None:
    assert feed(judge_of(K.BLINK), blink(600, fps))[-1].outcome is ChallengeOutcome.PASSED


@pytest.mark.parametrize("kind", KINDS)
def test_a_pose_that_is_held_is_no_movement_but_a_later_one_is(kind: ChallengeKind) -> None:
    judge = judge_of(kind, limit_ms=30_000)
    held = feed(judge, Motion(kind, hold_ms=8_500).frames(10))
    assert {item.outcome for item in held} == {None}
    later = [(at_ms + 11_000, face) for at_ms, face in Motion(kind).frames(10)]
    assert feed(judge, later)[-1].outcome is ChallengeOutcome.PASSED


@pytest.mark.parametrize("kind", KINDS)
def test_a_pose_that_is_held_for_a_few_seconds_still_passes(kind: ChallengeKind) -> None:
    assert feed(judge_of(kind), Motion(kind, hold_ms=6_000).frames(10))[-1].outcome is ChallengeOutcome.PASSED


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (K.TURN_LEFT, HintCode.RETURN_TO_CENTRE),
        (K.TURN_RIGHT, HintCode.RETURN_TO_CENTRE),
        (K.LOOK_UP, HintCode.RETURN_TO_CENTRE),
        (K.LOOK_DOWN, HintCode.RETURN_TO_CENTRE),
        (K.BLINK, HintCode.OPEN_EYES),
        (K.SMILE, HintCode.RELAX_FACE),
        (K.OPEN_MOUTH, HintCode.RELAX_FACE),
        (K.MOVE_CLOSER, HintCode.MOVE_BACK),
    ],
)
def test_hints_lead_out_and_back(kind: ChallengeKind, code: HintCode) -> None:
    judge = judge_of(kind)
    assert judge.observe(seen(moved(kind, 1.0)), 0).hint == Hint(code), "begun before the prompt"
    assert judge.observe(seen(), 300).hint is None
    assert judge.observe(seen(moved(kind, 0.8)), 600).hint == Hint(HintCode.KEEP_GOING)
    assert judge.observe(seen(moved(kind, 1.1)), 900).hint == Hint(HintCode.KEEP_GOING)
    assert judge.observe(seen(moved(kind, 1.1)), 900 + LIMITS[kind].lasting_ms).hint == Hint(code)


@pytest.mark.parametrize("kind", [K.TURN_LEFT, K.TURN_RIGHT, K.LOOK_UP, K.LOOK_DOWN])
def test_the_wrong_way_is_told_with_the_right_direction(kind: ChallengeKind) -> None:
    judge = judge_of(kind)
    assert judge.observe(seen(), 200).hint is None
    assert judge.observe(seen(moved(kind, -0.6)), 400).hint == Hint(HintCode.WRONG_WAY, kind.direction)


@pytest.mark.parametrize("kind", KINDS)
def test_a_movement_has_its_amount_and_sign_and_no_other_kind_takes_part(kind: ChallengeKind) -> None:
    neutral = neutral_of([measurement(RESTING)])
    there, back = measurement(moved(kind, 1.0)), measurement(moved(kind, -0.1))
    assert movement(kind, there, neutral) == pytest.approx(LIMITS[kind].required, rel=1e-3)
    assert movement(kind, back, neutral) < 0
    turned = {K.TURN_LEFT: K.TURN_RIGHT, K.TURN_RIGHT: K.TURN_LEFT, K.LOOK_UP: K.LOOK_DOWN, K.LOOK_DOWN: K.LOOK_UP}
    for other in KINDS:
        if other is not kind:
            expected = -LIMITS[kind].required if turned.get(kind) is other else 0.0
            assert movement(other, there, neutral) == pytest.approx(expected, abs=1e-3)


def test_the_neutral_face_is_the_median_so_that_a_blink_in_between_changes_nothing() -> None:
    faces = [measurement(face) for face in (RESTING, RESTING, replace(RESTING, eyes_closed=0.9, yaw=15.0))]
    assert neutral_of(faces) == neutral_of([measurement(RESTING)])
