"""MICRO_MOTION on faces that stand still, and on faces that do not quite."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from app.domain.capture_phase import CapturePhase
from app.domain.detector_evidence import DetectorEvidence
from app.domain.detectors.micro_motion import MOVING_POINTS, MicroMotionDetector
from app.domain.face import Observation
from tests.domain.detectors.room import Room
from tests.faces import RESTING, Face, measurement


def aligned(
    drift_px: Callable[[int], float], frames: int = 12, eyes: Callable[[int], float] = lambda _: 0.05
) -> DetectorEvidence:
    """`drift_px`: how far lids, lips and brows are from their mean, in a face of 170 pixels."""
    detector, room = MicroMotionDetector(), Room()
    directions = np.random.default_rng(5).normal(0, 1, (len(MOVING_POINTS), 2)).astype(np.float32)
    for number in range(frames):
        face = measurement(Face(eyes_closed=eyes(number)))
        landmarks = face.landmarks.copy()
        landmarks[MOVING_POINTS, :2] += drift_px(number) * directions
        seen = Observation(640, 480, replace(face, landmarks=landmarks), 0.0, 120.0)
        detector.observe(replace(room.frame(100.0 * number, RESTING), observation=seen))
    return detector.evidence()


def test_a_frame_that_is_shown_again_and_again_stands_still() -> None:
    found = aligned(lambda _: 0.0)
    assert found.score is not None
    assert found.score < 50.0
    assert found.reason == "stands_still"
    assert found.measured["motion_permille"] == 0.0


def test_somebody_who_holds_still_drifts_by_half_a_pixel() -> None:
    found = aligned(lambda number: 0.5 * float(np.sin(number / 3)))
    assert found.score is not None
    assert found.score >= 50.0
    assert found.reason == "moves"


def test_a_natural_blink_is_reported() -> None:
    found = aligned(lambda number: 0.3 * number, eyes=lambda number: 0.6 if number in (4, 5) else 0.05)
    assert found.measured["blinks"] == 1.0


def test_too_few_frames_are_no_measurement() -> None:
    found = aligned(lambda _: 0.0, frames=5)
    assert (found.score, found.reason) == (None, "too_few_frames")


def test_only_the_alignment_counts() -> None:
    detector, room = MicroMotionDetector(), Room()
    for number in range(20):
        detector.observe(replace(room.frame(100.0 * number, RESTING), phase=CapturePhase.CHALLENGE))
    assert detector.evidence().score is None


def test_motion_of_the_whole_face_is_no_motion_of_its_parts() -> None:
    detector, room = MicroMotionDetector(), Room()
    for number in range(12):
        face = measurement(RESTING)
        moved = face.landmarks + np.array([3.0 * number, 0, 0], dtype=np.float32)
        seen = Observation(640, 480, replace(face, landmarks=moved), 0.0, 120.0)
        detector.observe(replace(room.frame(100.0 * number, RESTING), observation=seen))
    assert detector.evidence().measured["motion_permille"] < 0.01


def test_noise_steps_as_far_as_it_wanders_and_drift_does_not() -> None:
    chance = np.random.default_rng(3)
    noise = aligned(lambda _: float(chance.normal(0, 0.5)), frames=40)
    drift = aligned(lambda number: 2.0 * float(np.sin(number / 8)), frames=40)
    assert noise.measured["steps_against_wandering"] > 0.7
    assert drift.measured["steps_against_wandering"] < 0.3
