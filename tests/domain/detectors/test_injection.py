"""INJECTION: cameras pass, slow ones too; scripts that repeat themselves do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from app.domain.detection import WatchedFrame
from app.domain.detector_evidence import LIMIT_SCORE, DetectorEvidence
from app.domain.detectors.injection import LIMITS_OF_INJECTION, InjectionDetector
from app.domain.frame_signals import FrameSignals
from app.domain.fusion import STRICT_SCORE
from tests.domain.detectors.room import Room, judged, performance
from tests.faces import seen

Frames = list[WatchedFrame]


@pytest.fixture(scope="module")
def frames() -> Frames:
    return performance(Room())


def changed(frames: Frames, change: Callable[[int, FrameSignals], FrameSignals]) -> Frames:
    return [replace(one, signals=change(number, one.signals)) for number, one in enumerate(frames)]


def on_time(frames: Frames) -> Frames:
    """As a script sends them: by the clock, to the millisecond."""
    return [replace(one, at_ms=100 * n, captured_at_ms=100.0 * n) for n, one in enumerate(frames)]


def injection(frames: Frames) -> DetectorEvidence:
    return judged(InjectionDetector(), frames)


def score(found: DetectorEvidence) -> float:
    assert found.score is not None
    return found.score


def returning(frames: Frames, every: int) -> Frames:
    digests = [one.signals.digest for one in frames]
    return changed(frames, lambda n, signals: replace(signals, digest=digests[n % every]))


def test_a_camera_passes(frames: Frames) -> None:
    found = injection(frames)
    assert score(found) >= 90
    assert found.reason == "camera"


@pytest.mark.parametrize("times", [2, 3, 5])
def test_a_camera_that_is_slower_than_the_page_passes(frames: Frames, times: int) -> None:
    digests = [one.signals.digest for one in frames]
    found = injection(changed(frames, lambda n, signals: replace(signals, digest=digests[n // times * times])))
    assert found.measured["repeated_frames"] > 0
    assert found.measured["returned_frames"] == 0
    assert score(found) >= STRICT_SCORE


def test_a_stream_that_stalls_for_two_seconds_passes(frames: Frames) -> None:
    digests = [one.signals.digest for one in frames]
    stalled = changed(
        frames, lambda n, signals: replace(signals, digest=digests[40] if 40 <= n < 60 else digests[n])
    )
    assert score(injection(stalled)) >= STRICT_SCORE


def test_a_bot_that_loops_by_the_clock_is_refused(frames: Frames) -> None:
    found = injection(on_time(returning(frames, every=20)))
    assert score(found) < LIMIT_SCORE
    assert found.reason == "returned_frames"


def test_a_loop_with_a_human_rhythm_is_refused_too(frames: Frames) -> None:
    assert score(injection(returning(frames, every=60))) < LIMIT_SCORE


def test_one_frame_for_ever_is_refused(frames: Frames) -> None:
    frozen = changed(frames, lambda _, signals: replace(signals, digest=b"one"))
    found = injection(frozen)
    assert score(found) < LIMIT_SCORE
    assert found.reason == "one_frame_stands"


def test_a_perfect_cadence_alone_is_told_and_costs_nothing(frames: Frames) -> None:
    found = injection(on_time(frames))
    assert found.measured["arrival_jitter_ms"] == 0.0
    assert score(found) == 100.0


def test_a_perfect_cadence_makes_another_doubt_graver(frames: Frames) -> None:
    twice = changed(frames, lambda n, s: replace(s, digest=frames[n - 9 if n in (40, 70) else n].signals.digest))
    assert score(injection(twice)) >= LIMIT_SCORE
    assert score(injection(on_time(twice))) < LIMIT_SCORE


def test_clocks_that_disagree_are_a_doubt(frames: Frames) -> None:
    slow = [replace(one, captured_at_ms=one.captured_at_ms * 0.5) for one in frames]
    found = injection(slow)
    assert found.reason == "clocks_apart"
    assert LIMIT_SCORE <= score(found) < 90


def test_a_late_start_of_the_page_clock_is_none(frames: Frames) -> None:
    later = [replace(one, captured_at_ms=one.captured_at_ms + 1e9) for one in frames]
    assert score(injection(later)) >= 90


def test_another_encoder_is_a_doubt(frames: Frames) -> None:
    mixed = changed(frames, lambda n, signals: replace(signals, jpeg="other" if n > 50 else "one"))
    found = injection(mixed)
    assert found.reason == "other_encoder"
    assert LIMIT_SCORE <= score(found) < 90


def test_noise_that_stands_still_under_a_face_that_moves_is_a_doubt(frames: Frames) -> None:
    patch = frames[0].signals.noise
    still = changed(frames, lambda _, signals: replace(signals, noise=patch))
    found = injection(still)
    assert found.reason == "noise_stands_still"
    assert LIMIT_SCORE <= score(found) < 90


def test_a_black_corner_says_nothing(frames: Frames) -> None:
    black = changed(frames, lambda _, signals: replace(signals, noise=np.zeros_like(signals.noise)))
    assert score(injection(black)) >= 90


def test_frames_without_a_face_count_too(frames: Frames) -> None:
    away = [replace(one, observation=seen(None)) for one in returning(frames, every=20)]
    assert score(injection(away)) < LIMIT_SCORE


def test_few_frames_are_no_measurement(frames: Frames) -> None:
    assert injection(frames[: LIMITS_OF_INJECTION.frames_min - 1]).score is None


def test_what_is_kept_is_bounded(frames: Frames) -> None:
    small = replace(LIMITS_OF_INJECTION, frames_max=10)
    detector = InjectionDetector(small)
    assert judged(detector, returning(frames, every=60)).measured["returned_frames"] == 0
