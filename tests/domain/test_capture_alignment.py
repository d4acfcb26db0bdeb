"""Alignment: a second of holding still, one true hint at a time, help when it takes long, an end."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from app.domain.capture_events import AlignProgress, AttemptFailed, ChallengeAsked, HintChanged
from app.domain.capture_phase import CapturePhase
from app.domain.quality import Hint, HintCode, still_quality
from tests.domain.sitting import Sitting, config_for, new_run
from tests.faces import RESTING, Face, Motion, seen

DARK, FAR, ASIDE = replace(RESTING, luma=20.0), replace(RESTING, scale=0.4), replace(RESTING, x=460.0)
TOO_DARK, TOO_FAR = Hint(HintCode.TOO_DARK), Hint(HintCode.TOO_FAR)
HOLD_STILL = Hint(HintCode.HOLD_STILL)


def ms_to_align(sitting: Sitting) -> int:
    began_ms = sitting.now_ms
    return sitting.align().now_ms - began_ms


@pytest.mark.parametrize("fps", [5, 8, 10, 20])
def test_a_second_of_holding_still_is_enough_and_less_is_not(fps: int) -> None:
    sitting = Sitting(fps=fps).begin()
    sitting.show(RESTING)
    assert ms_to_align(sitting) in range(1_000, 1_000 + 2 * (1_000 // fps))
    progress = [event.percent for event in sitting.events if isinstance(event, AlignProgress)]
    assert progress == sorted(progress)
    assert (progress[0], progress[-1], max(progress[:-1]) < 100) == (0, 100, True)


def test_a_second_with_too_few_frames_is_not_enough() -> None:
    sitting = Sitting(fps=2).begin()
    sitting.show(RESTING)
    assert ms_to_align(sitting) == 2_000, "five frames, however long they take"


def test_what_nobody_saw_was_not_held_still() -> None:
    sitting = Sitting(fps=10).begin()
    sitting.rest(600)
    sitting.show(RESTING, after_ms=3_001)
    assert sitting.run.phase is CapturePhase.ALIGN
    assert ms_to_align(sitting) == 1_000


@pytest.mark.parametrize("trouble", [DARK, FAR, None, replace(RESTING, eyes_closed=0.9)])
def test_any_trouble_starts_the_second_anew(trouble: Face | None) -> None:
    sitting = Sitting().begin()
    sitting.rest(900)
    sitting.show(trouble)
    sitting.show(RESTING)
    assert ms_to_align(sitting) == 1_000


@pytest.mark.parametrize("elsewhere", [{"yaw": 7.0}, {"yaw": -7.0}, {"pitch": 7.0}, {"x": 345.0}, {"y": 265.0}])
def test_who_moves_is_asked_to_hold_still(elsewhere: dict[str, float]) -> None:
    sitting = Sitting().begin()
    sitting.rest(900)
    sitting.base = replace(RESTING, **elsewhere)
    events = sitting.show(sitting.base)
    assert HintChanged(HOLD_STILL, is_escalated=False) in events
    assert events[-1] == AlignProgress(0)
    assert ms_to_align(sitting) == 1_000, "where they are now is where they hold still"


@pytest.mark.parametrize("elsewhere", [{"yaw": 5.0}, {"pitch": -5.0}, {"x": 330.0}, {"y": 250.0}])
def test_nobody_is_a_statue(elsewhere: dict[str, float]) -> None:
    sitting = Sitting().begin()
    sitting.rest(500)
    sitting.base = replace(RESTING, **elsewhere)
    sitting.align()
    assert sitting.hints() == []


def test_slow_drift_does_not_pass_for_holding_still() -> None:
    sitting = Sitting().begin()
    for number in range(60):
        sitting.show(replace(RESTING, yaw=-15.0 + 0.8 * (number % 38)))
    assert sitting.run.phase is CapturePhase.ALIGN


def test_the_hint_is_told_once_and_cleared_when_the_cause_is_gone() -> None:
    sitting = Sitting().begin()
    sitting.hold(DARK, 1_000)
    assert sitting.hints() == [HintChanged(TOO_DARK, is_escalated=False)]
    sitting.show(RESTING)
    assert sitting.hints()[1:] == [HintChanged(None, is_escalated=False)]


def test_hints_follow_each_other_slowly_enough_to_be_read() -> None:
    sitting = Sitting(fps=20).begin()
    told: list[int] = []
    for number in range(200):
        events = sitting.show((DARK, FAR, RESTING, ASIDE, None)[number % 5])
        told += [sitting.now_ms for event in events if isinstance(event, HintChanged)]
    assert len(told) > 10
    assert min(later - earlier for earlier, later in pairwise(told)) >= 600


def test_after_the_wait_the_hint_is_the_cause_of_then() -> None:
    sitting = Sitting().begin()
    sitting.show(DARK)
    sitting.hold(FAR, 500)
    assert [event.hint for event in sitting.hints()] == [TOO_DARK]
    sitting.show(ASIDE)
    assert [event.hint for event in sitting.hints()] == [TOO_DARK, Hint(HintCode.OFF_CENTRE, "right")]


def test_a_hint_that_stands_for_five_seconds_is_told_with_help_once() -> None:
    sitting = Sitting().begin()
    sitting.show(DARK)
    sitting.hold(DARK, 4_900)
    assert sitting.hints() == [HintChanged(TOO_DARK, is_escalated=False)]
    sitting.show(DARK)
    sitting.hold(DARK, 8_000)
    assert sitting.hints()[1:] == [HintChanged(TOO_DARK, is_escalated=True)]
    sitting.hold(FAR, 5_100)
    assert sitting.hints()[2:] == [
        HintChanged(TOO_FAR, is_escalated=False),
        HintChanged(TOO_FAR, is_escalated=True),
    ]


def test_nothing_is_said_when_there_is_nothing_to_say() -> None:
    sitting = Sitting().begin().align()
    sitting.rest(8_000)
    assert sitting.hints() == []


def test_a_new_step_clears_the_hint_of_the_one_before_at_once() -> None:
    sitting = Sitting().begin()
    sitting.show(DARK)
    assert sitting.run.align(1, sitting.now_ms + 1) == [HintChanged(None, is_escalated=False)]
    sitting.align()
    kind = sitting.asked()[0].challenge.kind
    sitting.fps = 20
    sitting.obey()
    asked = max(index for index, event in enumerate(sitting.events) if isinstance(event, ChallengeAsked))
    assert sitting.events[asked - 1] == HintChanged(None, is_escalated=False), kind


@pytest.mark.parametrize("face", [DARK, None, RESTING])
def test_after_a_minute_without_alignment_the_attempt_ends_for_quality(face: Face | None) -> None:
    sitting = Sitting().begin()
    for number in range(599):
        sitting.show(DARK if face is RESTING and number % 8 == 0 else face)
    assert sitting.failures() == []
    sitting.show(DARK)
    assert sitting.failures() == [AttemptFailed("not_aligned", is_free=True, was_counted=False)]
    assert (sitting.run.phase, sitting.run.evidence) == (CapturePhase.STOPPED, [])


def test_each_alignment_has_its_own_minute() -> None:
    sitting = Sitting().begin()
    sitting.hold(DARK, 50_000)
    sitting.begin()
    sitting.hold(DARK, 50_000)
    assert sitting.failures() == []


def test_more_time_is_more_time() -> None:
    config = replace(config_for(), align_limit_ms=120_000)
    sitting = Sitting(new_run(config)).begin()
    sitting.hold(DARK, 119_900)
    assert sitting.failures() == []


def test_the_neutral_face_is_that_of_this_alignment() -> None:
    """Somebody who aligns with another resting face is judged by that one."""
    sitting = Sitting().begin().align()
    sitting.base = Face(pitch=-15.0, smile=0.3)
    sitting.begin(attempt=2).align()
    sitting.rest(2_000)
    assert sitting.failures() == []
    sitting.pass_all()
    assert sitting.run.phase is CapturePhase.CAPTURE


def test_hints_go_on_while_the_still_is_awaited() -> None:
    sitting = Sitting().begin().align().pass_all()
    before = len(sitting.hints())
    sitting.hold(DARK, 700)
    assert sitting.hints()[before:] == [HintChanged(TOO_DARK, is_escalated=False)]


def test_a_motion_ends_where_it_began() -> None:
    """The measure the other tests rest on."""
    for kind in config_for().kinds:
        frames = list(Motion(kind).frames(10))
        assert (frames[0][1], frames[-1][1]) == (RESTING, RESTING)


PALE, MASKED = replace(RESTING, lips_redness=0.035), replace(RESTING, lips_redness=0.012)
DEEP_SET, DARK_GLASSES = replace(RESTING, eyes_brightness=-0.55), replace(RESTING, eyes_brightness=-0.71)


@pytest.mark.parametrize("face", [PALE, DEEP_SET])
def test_who_only_looks_covered_is_told_so_for_a_while_and_then_goes_on(face: Face) -> None:
    sitting = Sitting().begin()
    told = sitting.show(face)
    assert Hint(HintCode.FACE_COVERED) in [event.hint for event in told if isinstance(event, HintChanged)]
    patience_ms = sitting.run.config.cover_patience_ms
    began_ms = sitting.now_ms
    while sitting.run.phase is CapturePhase.ALIGN and sitting.now_ms - began_ms < 30_000:
        sitting.show(face)
    assert sitting.now_ms - began_ms in range(patience_ms + 1_000, patience_ms + 1_400)
    assert still_quality(seen(face), sitting.run.config.quality) is not None, "their stills are good enough too"


@pytest.mark.parametrize("face", [MASKED, DARK_GLASSES])
def test_masks_and_dark_glasses_never_align(face: Face) -> None:
    sitting = Sitting().begin()
    while sitting.now_ms < 50_000 and sitting.run.phase is CapturePhase.ALIGN:
        sitting.show(face)
    assert sitting.run.phase is CapturePhase.ALIGN
