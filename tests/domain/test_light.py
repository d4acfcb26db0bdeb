"""The light challenge in the run: the notice first, colours by the clock, free where the picture fails."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from app.domain.capture_config import CaptureConfig
from app.domain.capture_events import AttemptFailed, CaptureEvent, StillRequested
from app.domain.capture_phase import CapturePhase
from app.domain.face import Observation
from app.domain.light import (
    LIGHT_COLOUR_MS,
    LIGHT_COLOURS_SHOWN,
    LIGHT_HUES,
    LIGHT_RGB,
    LightColour,
    LightNoticed,
    LightShown,
    LightStanding,
    draw_light,
)
from app.domain.liveness import FACE_LOST_MS, SECOND_FACE_MS
from tests.domain.sitting import Sitting, config_for, new_run
from tests.faces import RESTING, seen
from tests.fakes import EPOCH, SeededRandomness

ASKED = replace(config_for(), light=LightStanding.ASKED)
TWO_FACES = replace(seen(RESTING), second_face_ratio=0.9)


def noticed(fps: int = 10, config: CaptureConfig = ASKED) -> Sitting:
    """The challenges are passed, and the notice stands."""
    return Sitting(new_run(config), fps=fps).begin().align().pass_all()


def shining(fps: int = 10) -> Sitting:
    sitting = noticed(fps)
    answer(sitting)
    return sitting


def answer(sitting: Sitting, *, is_accepted: bool = True) -> list[CaptureEvent]:
    events = sitting.run.answer_light(is_accepted=is_accepted, now_ms=sitting.now_ms)
    assert events is not None
    sitting.events += events
    return events


def colours(sitting: Sitting) -> list[LightShown]:
    return [event for event in sitting.events if isinstance(event, LightShown)]


def stills(sitting: Sitting) -> list[StillRequested]:
    return [event for event in sitting.events if isinstance(event, StillRequested)]


def test_draw_shows_every_hue_and_none_twice_running() -> None:
    drawn = {draw_light(SeededRandomness(seed).choose) for seed in range(500)}
    for sequence in drawn:
        assert len(sequence) == LIGHT_COLOURS_SHOWN
        assert all(one is not other for one, other in pairwise(sequence))
        assert set(LIGHT_HUES) <= set(sequence) <= set(LIGHT_RGB)
    assert len(drawn) > 350, "sequences are not to be guessed"


def test_draw_is_over_whatever_chance_does() -> None:
    assert len(draw_light(lambda options: options[0])) == LIGHT_COLOURS_SHOWN
    assert len(draw_light(lambda options: options[-1])) == LIGHT_COLOURS_SHOWN


@pytest.mark.parametrize("light", [LightStanding.NOT_ASKED, LightStanding.AVOIDED, LightStanding.DECLINED])
def test_where_it_is_not_asked_the_still_comes_at_once(light: LightStanding) -> None:
    sitting = noticed(config=replace(ASKED, light=light))
    assert sitting.run.phase is CapturePhase.CAPTURE
    assert (len(stills(sitting)), colours(sitting)) == (1, [])
    assert sitting.run.light is light


def test_notice_comes_before_the_first_colour_and_waits() -> None:
    sitting = noticed()
    notice = sitting.events[-1]
    assert notice == LightNoticed(sitting.run.nonce)
    assert sitting.run.frame_nonce == sitting.run.nonce
    sitting.rest(10_000)
    assert (colours(sitting), stills(sitting), sitting.run.lit) == ([], [], None)
    assert sitting.run.phase is CapturePhase.LIGHT


@pytest.mark.parametrize("fps", [4, 5, 10, 15])
def test_sequence_runs_by_the_clock_under_one_nonce(fps: int) -> None:
    sitting, times = noticed(fps), []
    nonce = sitting.run.nonce
    times.append(sitting.now_ms)
    answer(sitting)
    while sitting.run.phase is CapturePhase.LIGHT:
        if any(isinstance(event, LightShown) for event in sitting.show(RESTING)):
            times.append(sitting.now_ms)
    shown = colours(sitting)
    assert [one.index for one in shown] == list(range(LIGHT_COLOURS_SHOWN + 1))
    assert {one.nonce for one in shown} == {nonce}
    assert [one.colour is LightColour.OFF for one in shown] == [False] * LIGHT_COLOURS_SHOWN + [True]
    assert all(later - earlier >= LIGHT_COLOUR_MS for earlier, later in pairwise(times))
    assert sitting.run.light is LightStanding.SHOWN
    assert stills(sitting)[0].nonce == sitting.run.nonce != nonce


def test_no_second_sees_more_than_two_changes() -> None:
    assert 2 * LIGHT_COLOUR_MS > 1_000


def test_answer_is_taken_once_and_only_to_a_notice() -> None:
    sitting = shining()
    assert sitting.run.answer_light(is_accepted=True, now_ms=sitting.now_ms) is None
    assert sitting.run.answer_light(is_accepted=False, now_ms=sitting.now_ms) is None
    early = Sitting().begin().align()
    assert early.run.answer_light(is_accepted=True, now_ms=early.now_ms) is None


def test_who_declines_is_not_asked_in_a_later_attempt() -> None:
    sitting = noticed()
    events = answer(sitting, is_accepted=False)
    assert isinstance(events[-1], StillRequested)
    assert sitting.run.light is LightStanding.DECLINED
    sitting.begin(2).align().pass_all()
    assert (sitting.run.phase, sitting.run.light) == (CapturePhase.CAPTURE, LightStanding.DECLINED)


def test_sequence_that_was_broken_off_is_shown_anew() -> None:
    sitting = shining()
    sitting.hold(None, FACE_LOST_MS + 500)
    assert sitting.run.light is LightStanding.ASKED
    sitting.begin(2).align().pass_all()
    assert sitting.run.is_light_unanswered


@pytest.mark.parametrize(
    ("frame", "lasting_ms", "reason", "is_free"),
    [(None, FACE_LOST_MS, "face_lost", True), (TWO_FACES, SECOND_FACE_MS, "multiple_faces", False)],
)
def test_sequence_ends_as_a_challenge_does(
    frame: Observation | None, lasting_ms: int, reason: str, is_free: bool
) -> None:
    sitting = shining()
    sitting.hold(frame, lasting_ms - 300)
    assert sitting.failures() == []
    sitting.rest(100)
    sitting.hold(frame, lasting_ms + 300)
    assert sitting.failures() == [AttemptFailed(reason, is_free=is_free)]
    assert sitting.run.frame_nonce is None


def test_a_gap_voids_the_sequence_and_not_the_notice() -> None:
    sitting = noticed()
    sitting.show(RESTING, after_ms=5_000)
    assert sitting.failures() == []
    answer(sitting)
    sitting.show(RESTING, after_ms=5_000)
    assert sitting.failures() == [AttemptFailed("interrupted", is_free=True)]


@pytest.mark.parametrize("is_shining", [False, True])
def test_a_page_that_is_hidden_voids_it_at_no_cost(is_shining: bool) -> None:
    sitting = shining() if is_shining else noticed()
    assert sitting.run.interrupt(EPOCH) == [AttemptFailed("interrupted", is_free=True)]
    assert (sitting.run.phase, sitting.run.lit) == (CapturePhase.IDLE, None)


def test_nobody_waits_for_an_answer_for_ever() -> None:
    sitting = noticed()
    sitting.rest(ASKED.attempt_limit_ms)
    assert sitting.failures()[0] == AttemptFailed("timed_out", is_free=True)


def test_no_red_is_saturated() -> None:
    """WCAG 2.2: a red flash has red over the sum of all three, in linear light, at 0.8 or more."""
    for red, green, blue in LIGHT_RGB.values():
        linear = [((value / 255 + 0.055) / 1.055) ** 2.4 for value in (red, green, blue)]
        assert linear[0] / sum(linear) < 0.8
