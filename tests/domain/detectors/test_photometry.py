"""PHOTOMETRY: light that lives is natural; light that jumps or never changes is a doubt."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from app.domain.capture_phase import CapturePhase
from app.domain.detection import WatchedFrame
from app.domain.detector_evidence import LIMIT_SCORE, DetectorEvidence
from app.domain.detectors.photometry import PhotometryDetector
from app.domain.fusion import STRICT_SCORE
from tests.domain.detectors.room import Room, Sway, judged, performance
from tests.faces import RESTING, seen


def lit(*lights: float) -> list[WatchedFrame]:
    room = Room()
    return [room.frame(100 * n, Sway().at(100 * n, RESTING), light) for n, light in enumerate(lights)]


def photometry(frames: list[WatchedFrame]) -> DetectorEvidence:
    return judged(PhotometryDetector(), frames)


def score(found: DetectorEvidence) -> float:
    assert found.score is not None
    return found.score


def test_a_camera_passes() -> None:
    assert score(photometry(performance(Room()))) >= STRICT_SCORE


def test_one_lamp_that_is_switched_on_passes() -> None:
    assert score(photometry(lit(*[1.0] * 30, *[1.3] * 30))) >= STRICT_SCORE


def test_exposure_that_settles_over_frames_passes() -> None:
    lights = np.interp(np.arange(60), [20, 26, 40, 46], [1.0, 0.7, 0.7, 1.1])
    assert photometry(lit(*lights)).measured["exposure_jumps"] == 0


def test_light_that_jumps_with_every_take_is_doubted() -> None:
    found = photometry(lit(*[light for take in (1.0, 0.8, 1.1, 0.75, 1.0, 1.25) for light in [take] * 12]))
    assert found.measured["exposure_jumps"] == 5
    assert score(found) < LIMIT_SCORE
    assert found.reason == "exposure_jumps"


def test_a_drawing_whose_light_never_changes_is_doubted() -> None:
    frames = performance(Room())
    drawn = [
        replace(one, signals=replace(one.signals, skin=(90.0, 100.0, 150.0), surroundings=(120.0, 120.0, 120.0)))
        for one in frames
    ]
    found = photometry(drawn)
    assert score(found) < LIMIT_SCORE
    assert found.reason == "light_is_frozen"


def test_the_same_frame_twice_is_no_frozen_light() -> None:
    frames = [again for one in performance(Room()) for again in (one, one)]
    assert photometry(frames).measured["share_frozen"] == 0.0


def test_without_a_face_nothing_is_measured() -> None:
    frames = [replace(one, observation=seen(None)) for one in performance(Room())]
    assert photometry(frames).score is None


def test_black_frames_are_measured_without_harm() -> None:
    assert score(photometry(lit(*[0.0] * 20))) <= 100.0


def test_what_the_screen_itself_changes_is_not_looked_at() -> None:
    frames = lit(*[1.0] * 30, *[light for take in (1.0, 0.8, 1.1, 0.75, 1.0, 1.25) for light in [take] * 7])
    in_colours = [replace(one, phase=CapturePhase.LIGHT) for one in frames[30:]]
    assert photometry([*frames[:30], *in_colours]).measured["frames"] == 30
