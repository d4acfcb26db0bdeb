"""TRACK: motion passes at any rate, cuts and swaps do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.capture_phase import CapturePhase
from app.domain.detection import WatchedFrame
from app.domain.detector_evidence import LIMIT_SCORE
from app.domain.detectors.frame_steps import jumps
from app.domain.detectors.track import GAPS_AT_PROMPTS, SLOW_FRAMES, TrackDetector, TrackLimits, could_hide_cuts
from app.domain.fusion import STRICT_SCORE
from app.domain.settings import STRICT
from tests.domain.detectors.room import KINDS, Room, Sway, SwayAt, judged, performance
from tests.faces import RESTING, seen

SOME = settings(max_examples=12, deadline=None)
FEW = settings(max_examples=4, deadline=None)
TAKES = (Sway(), Sway(14, 8, 3, 1.0), Sway(-12, 6, -2, 2.0), Sway(9, -12, 2, 3.0), Sway(-8, -9, -3, 4.0))


def cutting(at_ms: float, takes: tuple[Sway, ...] = TAKES) -> SwayAt:
    """Each prompt is followed by a cut to another take."""

    def sway(index: int, since_ms: float) -> Sway:
        return takes[index if since_ms < at_ms else index + 1] if 0 <= index < len(KINDS) else takes[0]

    return sway


def score(frames: list[WatchedFrame]) -> float:
    found = judged(TrackDetector(), frames).score
    assert found is not None
    return found


@SOME
@given(st.integers(0, 2**32 - 1), st.sampled_from([5.0, 7.0, 10.0, 12.5, 15.0]))
def test_somebody_who_moves_is_no_jump_at_any_rate(seed: int, fps: float) -> None:
    assert score(performance(Room(seed), fps)) >= STRICT_SCORE


def with_losses(seed: int, fps: float) -> list[WatchedFrame]:
    """A performance of which one frame in seven is lost."""
    frames = performance(Room(seed), fps)
    lost = np.random.default_rng(seed).random(len(frames)) < 0.15
    return [one for one, is_lost in zip(frames, lost, strict=True) if not is_lost]


@SOME
@given(st.integers(0, 2**32 - 1), st.sampled_from([10.0, 15.0]))
def test_frames_that_do_not_come_are_no_jump(seed: int, fps: float) -> None:
    found = judged(TrackDetector(), with_losses(seed, fps))
    assert found.score is not None
    assert found.score >= STRICT_SCORE or found.reason == GAPS_AT_PROMPTS


def test_frames_that_do_not_come_are_hardly_ever_taken_for_pauses_at_the_prompts() -> None:
    found = [judged(TrackDetector(), with_losses(seed, fps)) for seed in range(60) for fps in (10.0, 15.0)]
    assert sum(could_hide_cuts([one]) for one in found) <= 1


@SOME
@given(st.integers(0, 2**32 - 1), st.sampled_from([10.0, 12.5, 15.0]), st.integers(100, 400))
def test_a_tape_that_is_cut_to_the_take_asked_for_is_refused(seed: int, fps: float, at_ms: int) -> None:
    assert score(performance(Room(seed), fps, sway=cutting(at_ms))) < LIMIT_SCORE


@SOME
@given(st.integers(0, 2**32 - 1), st.sampled_from([3.0, 5.0, 7.0]), st.integers(100, 400))
def test_no_tape_passes_unseen_because_it_is_slow(seed: int, fps: float, at_ms: int) -> None:
    found = judged(TrackDetector(), performance(Room(seed), fps, sway=cutting(at_ms)))
    assert found.score is not None
    assert found.score < LIMIT_SCORE or could_hide_cuts([found])


def test_two_frames_a_second_prove_nothing() -> None:
    found = judged(TrackDetector(), performance(Room(), 2.0))
    assert (found.reason, could_hide_cuts([found])) == (SLOW_FRAMES, True)
    assert not could_hide_cuts([judged(TrackDetector(), performance(Room(), 6.25))])


@pytest.mark.parametrize("fps", [4.2, 5.0])
def test_whoever_sends_slowly_enough_to_hide_a_cut_is_left_to_a_person(fps: float) -> None:
    found = judged(TrackDetector(), performance(Room(), fps))
    assert (found.reason, could_hide_cuts([found])) == (SLOW_FRAMES, True)


def stuttering(frames: list[WatchedFrame]) -> list[WatchedFrame]:
    """Of three frames one is lost."""
    return [one for number, one in enumerate(frames) if number % 3]


@FEW
@given(st.integers(0, 2**32 - 1))
def test_a_page_that_stutters_is_given_what_slow_ones_are(seed: int) -> None:
    found = judged(TrackDetector(), stuttering(performance(Room(seed), 12.5)))
    assert found.measured["frame_interval_ms"] < 110 < found.measured["slow_interval_ms"]
    assert found.measured["allowance"] == TrackLimits().slower
    assert found.score is not None
    assert found.score >= STRICT_SCORE


@FEW
@given(st.integers(0, 2**32 - 1), st.integers(100, 400))
def test_no_tape_passes_unseen_because_it_stutters(seed: int, at_ms: int) -> None:
    found = judged(TrackDetector(), stuttering(performance(Room(seed), 12.5, sway=cutting(at_ms))))
    assert found.score is not None
    assert found.score < LIMIT_SCORE or could_hide_cuts([found])


def test_what_the_limits_of_slow_frames_let_pass_is_open_before_they_are_reached() -> None:
    """Cuts between takes that are alike: at 6 frames a second a step of a person may look so."""
    found = []
    for size in np.linspace(0.22, 0.32, 6):
        takes = tuple(Sway(size * one.x, size * one.y, size * one.yaw, one.phase) for one in TAKES)
        found += [
            judged(TrackDetector(), performance(Room(seed), 6.25, sway=cutting(250, takes))) for seed in (1, 2)
        ]
    passing = [one for one in found if one.score is not None and one.score >= LIMIT_SCORE]
    steep = [
        one
        for one in passing
        if one.measured["jump_at_each_prompt"] > 2.51 or one.measured["greatest_jump"] > 6.01
    ]
    assert len(steep) >= 3
    assert all(could_hide_cuts([one]) for one in steep)


def shifting(prompts: Sequence[int]) -> SwayAt:
    """Soon after each of these prompts all goes a little to the side at once, and back at the next of them."""

    def sway(index: int, since_ms: float) -> Sway:
        shifts = sum(index > one or (index == one and since_ms >= 250) for one in prompts)
        return Sway(4.6, 2.6, 1.0) if shifts % 2 else Sway()

    return sway


@pytest.mark.parametrize("seed", range(1, 4))
def test_what_an_unsteady_hand_does_at_some_prompts_is_a_cutter_s_work_at_each(seed: int) -> None:
    kinds = (*KINDS, *KINDS)
    unsteady = judged(TrackDetector(), performance(Room(seed), kinds=kinds, sway=shifting((1, 3, 6))))
    cutter = judged(TrackDetector(), performance(Room(seed), kinds=kinds, sway=shifting(range(8))))
    assert unsteady.measured["jumps_at_prompts"] > 3.2
    assert unsteady.reason == "continuous"
    assert cutter.measured["jump_at_each_prompt"] > unsteady.measured["jump_at_each_prompt"] + 1.0
    assert cutter.score is not None
    assert cutter.score < LIMIT_SCORE


@pytest.mark.parametrize("seed", range(1, 5))
def test_prompts_that_nobody_answered_do_not_excuse_cuts_at_the_others(seed: int) -> None:
    frames = performance(Room(seed), kinds=KINDS, sway=shifting(range(4)))
    first = next(number for number, one in enumerate(frames) if one.challenge is not None)
    asked = frames[first].challenge
    assert asked is not None
    idle = performance(Room(seed), kinds=())[:-8]
    voided = [
        replace(
            one,
            phase=CapturePhase.CHALLENGE,
            challenge=replace(asked, challenge_id=f"void-{number // 4}"),
            asked_ms=idle[number - number % 4].at_ms,
            neutral=frames[first].neutral,
        )
        for number, one in enumerate(idle)
    ]
    later = [
        replace(one, at_ms=one.at_ms + 2_000, asked_ms=None if one.asked_ms is None else one.asked_ms + 2_000)
        for one in frames
    ]
    plain, diluted = judged(TrackDetector(), frames), judged(TrackDetector(), [*voided, *later])
    least = plain.measured["jump_at_each_prompt"] - 0.2
    assert diluted.measured["jump_at_each_prompt"] >= least


def test_quick_turns_pass() -> None:
    assert score(performance(Room(), out_ms=150, hold_ms=300, back_ms=150)) >= STRICT_SCORE


def test_the_reason_and_the_place_of_the_greatest_jump_are_told() -> None:
    there = Sway(x=90, y=-40, yaw=8)
    frames = performance(Room(), sway=lambda index, _: Sway() if index < 2 else there)
    found = judged(TrackDetector(), frames)
    cut = next(frame for frame in frames if frame.challenge is not None and frame.challenge.index == 2)
    assert found.reason == "isolated_jump"
    assert found.measured["greatest_jump_at_ms"] == cut.at_ms


def test_one_cut_during_alignment_is_enough() -> None:
    there = Sway(x=80, y=30, yaw=6)
    frames = performance(Room(), sway=lambda index, ms: Sway() if index == -1 and ms < 700 else there)
    assert score(frames) < LIMIT_SCORE


def test_another_person_before_another_wall_is_a_jump_even_at_the_same_place() -> None:
    first, second = performance(Room(1)), performance(Room(2))
    swapped = [*first[:60], *second[60:]]
    assert score(swapped) < LIMIT_SCORE


def test_a_camera_that_delivers_frames_twice_is_no_jump() -> None:
    frames = [shown for one in performance(Room(), fps=7.0) for shown in (one, replace(one, at_ms=one.at_ms + 70))]
    assert score(frames) >= STRICT_SCORE


def test_exposure_that_settles_is_no_jump() -> None:
    frames = []
    room = Room()
    for number in range(120):
        light = 1.0 + 0.25 * float(np.clip((number - 50) / 4, 0.0, 1.0))
        frames.append(room.frame(100 * number, Sway().at(100 * number, RESTING), light))
    assert score(frames) >= STRICT_SCORE


def test_a_lost_face_is_a_gap_and_no_jump() -> None:
    frames = performance(Room())
    away = [replace(one, observation=seen(None)) if 40 <= n < 46 else one for n, one in enumerate(frames)]
    assert score(away) >= STRICT_SCORE


def test_pauses_at_the_prompts_alone_are_a_doubt_for_strict() -> None:
    frames = performance(Room(), sway=cutting(300))
    kept = [one for one in frames if one.asked_ms is None or not 50 < one.at_ms - one.asked_ms < 600]
    found = judged(TrackDetector(), kept)
    assert found.score is not None
    assert found.score < STRICT_SCORE, STRICT
    assert could_hide_cuts([found])
    assert found.measured["prompts_with_gaps"] >= 3


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_pauses_elsewhere_do_not_excuse_those_at_the_prompts(seed: int) -> None:
    frames = performance(Room(seed), sway=cutting(300))
    kept = [
        one
        for one in frames
        if not 400 < one.at_ms < 850 and (one.asked_ms is None or not 50 < one.at_ms - one.asked_ms < 600)
    ]
    found = judged(TrackDetector(), kept)
    assert found.score is not None
    assert found.score < STRICT_SCORE, STRICT
    assert could_hide_cuts([found])


@pytest.mark.parametrize("size", [1.0, 1.5, 2.0, 2.5, 3.0, 3.5])
def test_jumps_that_nearly_refuse_do_not_hide_the_pauses(size: float) -> None:
    """Scores between the limit and that of the pauses were approved."""
    takes = tuple(replace(one, x=size * one.x, y=size * one.y, yaw=size * one.yaw) for one in TAKES)
    for seed in range(8):
        frames = performance(Room(seed), sway=cutting(300, takes))
        kept = [one for one in frames if one.asked_ms is None or not 50 < one.at_ms - one.asked_ms < 600]
        found = judged(TrackDetector(), kept)
        assert found.score is not None
        assert found.score < LIMIT_SCORE or could_hide_cuts([found])


@pytest.mark.parametrize("seen_at", range(len(KINDS)))
def test_one_prompt_without_a_pause_does_not_excuse_the_others(seen_at: int) -> None:
    frames = performance(Room())
    kept = [
        one
        for one in frames
        if one.challenge is None
        or one.asked_ms is None
        or one.challenge.index == seen_at
        or not 50 < one.at_ms - one.asked_ms < 600
    ]
    found = judged(TrackDetector(), kept)
    assert found.measured["prompts_with_gaps"] == len(KINDS) - 1
    assert could_hide_cuts([found])


def test_pauses_at_half_of_the_prompts_are_no_doubt() -> None:
    frames = performance(Room())
    kept = [
        one
        for one in frames
        if one.challenge is None
        or one.asked_ms is None
        or one.challenge.index % 2
        or not 50 < one.at_ms - one.asked_ms < 600
    ]
    found = judged(TrackDetector(), kept)
    assert found.measured["prompts_with_gaps"] == len(KINDS) / 2
    assert not could_hide_cuts([found])
    assert score(kept) >= STRICT_SCORE


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_few_frames_are_no_measurement(count: int) -> None:
    found = judged(TrackDetector(), performance(Room())[:count])
    assert (found.score, found.reason) == (None, "too_few_frames")


def test_no_steps_are_no_jumps() -> None:
    assert len(jumps(()).strength) == 0
