"""TIMING: people pass, clocks and clairvoyants do not."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.detection import WatchedFrame
from app.domain.detector_evidence import LIMIT_SCORE, DetectorEvidence
from app.domain.detectors.timing import TimingDetector
from app.domain.fusion import STRICT_SCORE
from tests.domain.detectors.room import Room, judged, performance
from tests.faces import moved, seen


def timing(frames: list[WatchedFrame]) -> DetectorEvidence:
    return judged(TimingDetector(), frames)


def score(found: DetectorEvidence) -> float:
    assert found.score is not None
    return found.score


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.integers(300, 1_500), min_size=4, max_size=4).filter(lambda all_: max(all_) - min(all_) > 250),
    st.sampled_from([5.0, 10.0, 15.0]),
)
def test_people_pass(reactions_ms: list[int], fps: float) -> None:
    found = timing(performance(Room(), fps, reactions_ms=reactions_ms))
    assert score(found) >= STRICT_SCORE
    assert found.reason == "human"


def test_reactions_are_measured_from_prompt_to_onset() -> None:
    found = timing(performance(Room(), 15.0, reactions_ms=(700, 700, 700, 700)))
    # Of 500 ms out to 1.4 times what is required, a third comes before onset.
    assert 750 <= found.measured["reaction_median_ms"] <= 950
    assert found.measured["challenges"] == 4


def test_who_is_always_faster_than_people_is_refused() -> None:
    found = timing(performance(Room(), 15.0, reactions_ms=(0, 40, 10, 0), out_ms=150))
    assert score(found) < LIMIT_SCORE
    assert found.reason == "faster_than_people"


def test_one_quick_answer_is_luck() -> None:
    assert score(timing(performance(Room(), 10.0, reactions_ms=(60, 500, 700, 420)))) >= STRICT_SCORE


def test_a_script_that_always_does_the_same_is_refused() -> None:
    found = timing(performance(Room(), 15.0, reactions_ms=(600,)))
    assert score(found) < LIMIT_SCORE
    assert found.reason == "always_the_same"


def test_a_tape_that_runs_through_is_refused() -> None:
    frames, shown = performance(Room()), set[str]()
    for place, one in enumerate(frames):
        if one.challenge is not None and one.challenge.challenge_id not in shown:
            shown.add(one.challenge.challenge_id)
            frames[place] = replace(one, observation=seen(moved(one.challenge.kind, 1.2)))
    found = timing(frames)
    assert found.measured["share_under_way"] == 1.0
    assert score(found) < LIMIT_SCORE
    assert found.reason == "before_the_prompt"


def test_one_challenge_is_no_measurement() -> None:
    frames = [one for one in performance(Room()) if one.challenge is None or one.challenge.index == 0]
    assert timing(frames).score is None


def test_frames_without_a_face_say_nothing() -> None:
    frames = [replace(one, observation=seen(None)) for one in performance(Room())]
    assert timing(frames).reason == "too_few_challenges"
