"""SHAPE on solid heads, planes and rolled sheets that are turned before a camera, with a landmarker's noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.domain.capture_phase import CapturePhase
from app.domain.challenge import Challenge, ChallengeKind
from app.domain.detection import WatchedFrame
from app.domain.detector_evidence import DetectorEvidence
from app.domain.detectors.shape import RIGID_POINTS, ShapeDetector, planar_fit
from app.domain.face import FaceMeasurement, HeadPose, Landmarks, Observation
from app.domain.liveness import neutral_of
from tests.domain.detectors.room import Room
from tests.faces import RESTING, Face, measurement

Points = NDArray[np.float64]

CAMERA_PX = 640.0
"""From the camera to the face, and the focal length: a face of 170 pixels is then drawn in its size."""

ANGLES = (0.0, 8.0, 15.0, 20.0, 24.0, 24.0, 20.0, 12.0, 4.0)


def solid() -> Points:
    """The head of the tests' faces with a nose: 478 × 3 around its middle, z away from the camera."""
    points = measurement(Face(x=0.0, y=0.0)).landmarks.astype(np.float64)
    nose = np.array([4, 5, 1, 195, 197])
    points[nose] = [[0, 10, -105], [0, 4, -100], [0, 16, -100], [0, -4, -92], [0, -14, -84]]
    return np.asarray(points - [0, 0, points[RIGID_POINTS, 2].mean()], dtype=np.float64)


def flat() -> Points:
    return solid() * [1.0, 1.0, 0.0]


def rolled(radius_px: float) -> Points:
    """The flat picture on a cylinder about the vertical."""
    x, y, _ = flat().T
    angle = x / radius_px
    return np.stack([radius_px * np.sin(angle), y, radius_px * (1 - np.cos(angle))], axis=1)


def photographed(points: Points, yaw: float, pitch: float) -> Points:
    """Turned about a neck that lies behind, and projected with perspective."""
    a, b = np.radians([yaw, pitch])
    about_y = np.array([[np.cos(a), 0, -np.sin(a)], [0, 1, 0], [np.sin(a), 0, np.cos(a)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(b), np.sin(b)], [0, -np.sin(b), np.cos(b)]])
    turned = (points - [0, 0, 60]) @ (about_x @ about_y).T + [0, 0, 60]
    return np.column_stack([turned[:, :2] * (CAMERA_PX / (CAMERA_PX + turned[:, 2:])), turned[:, 2]])


def face_of(points: Points, yaw: float, pitch: float, seed: int, noise_px: float) -> FaceMeasurement:
    landmarks: Landmarks = (points + np.array([320, 240, 0])).astype(np.float32)
    landmarks[:, :2] += np.random.default_rng(seed).normal(0, noise_px, (478, 2)).astype(np.float32)
    return replace(measurement(RESTING), landmarks=landmarks, pose=HeadPose(yaw, pitch, 0.0))


def attempt(
    points: Points,
    kind: ChallengeKind = ChallengeKind.TURN_LEFT,
    angles: Sequence[float] = ANGLES,
    noise_px: float = 0.6,
) -> DetectorEvidence:
    """Ten frames at rest, then one challenge in which the thing is turned by these angles."""
    detector, room = ShapeDetector(), Room()
    resting = [face_of(photographed(points, 0, 0), 0, 0, seed, noise_px) for seed in range(10)]
    neutral = neutral_of(resting)
    challenge = Challenge("one", "nonce", kind, 0, 4, 15_000)
    for number, face in enumerate(resting):
        detector.observe(watched(room, number, face))
    for number, angle in enumerate(angles):
        yaw, pitch = (angle, 0.0) if kind is ChallengeKind.TURN_LEFT else (0.0, angle)
        face = face_of(photographed(points, yaw, pitch), yaw, pitch, 100 + number, noise_px)
        frame = watched(room, 10 + number, face)
        detector.observe(
            replace(frame, phase=CapturePhase.CHALLENGE, challenge=challenge, asked_ms=0, neutral=neutral)
        )
    return detector.evidence()


def watched(room: Room, number: int, face: FaceMeasurement) -> WatchedFrame:
    return replace(room.frame(100.0 * number, RESTING), observation=Observation(640, 480, face, 0.0, 120.0))


@pytest.mark.parametrize("kind", [ChallengeKind.TURN_LEFT, ChallengeKind.LOOK_UP])
def test_a_head_that_turns_is_a_head(kind: ChallengeKind) -> None:
    found = attempt(solid(), kind, angles=(0, 12, 22, 30, 34, 34, 30, 15))
    assert found.score is not None
    assert found.score >= 60.0
    assert found.reason == "head"


@pytest.mark.parametrize("kind", [ChallengeKind.TURN_LEFT, ChallengeKind.LOOK_UP])
@pytest.mark.parametrize("noise_px", [0.0, 0.6, 1.5])
def test_a_turned_plane_is_told_from_a_head(kind: ChallengeKind, noise_px: float) -> None:
    found = attempt(flat(), kind, angles=(0, 15, 25, 35, 40, 40, 35, 20), noise_px=noise_px)
    assert found.score == 0.0
    assert found.reason == "plane"


def test_a_sheet_that_is_rolled_and_turned_is_told_from_a_head() -> None:
    found = attempt(rolled(140.0), angles=(0, 15, 25, 35, 40, 40, 35, 20))
    assert found.score is not None
    assert found.score < 50.0


def test_who_hardly_turns_is_not_measured() -> None:
    found = attempt(solid(), angles=(0.0, 1.0, 2.0, 1.0))
    assert (found.score, found.reason) == (None, "no_turn")


def test_without_alignment_nothing_is_compared() -> None:
    detector = ShapeDetector()
    room = Room()
    face = face_of(photographed(flat(), 40, 0), 40, 0, 1, 0.5)
    challenge = Challenge("one", "nonce", ChallengeKind.TURN_LEFT, 0, 4, 15_000)
    for number in range(10):
        frame = watched(room, number, face)
        detector.observe(
            replace(
                frame,
                phase=CapturePhase.CHALLENGE,
                challenge=challenge,
                asked_ms=0,
                neutral=neutral_of([measurement(RESTING)]),
            )
        )
    assert detector.evidence().score is None


@given(
    yaw=st.floats(-50, 50),
    pitch=st.floats(-50, 50),
    scale=st.floats(0.5, 2.0),
    roll=st.floats(-np.pi, np.pi),
    shift=st.tuples(st.floats(-300, 300), st.floats(-300, 300)),
)
def test_a_plane_leaves_no_residual_however_it_stands(
    yaw: float, pitch: float, scale: float, roll: float, shift: tuple[float, float]
) -> None:
    resting = photographed(flat(), 0, 0)[RIGID_POINTS, :2]
    turn = scale * np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    fit = planar_fit(resting, photographed(flat(), yaw, pitch)[RIGID_POINTS, :2] @ turn.T + shift)
    assert fit is not None
    assert fit.residual < 1e-6
    assert 0.0 <= fit.foreshortening <= 1.0


@given(scale=st.floats(0.5, 2.0), roll=st.floats(-np.pi, np.pi))
def test_nearness_roll_and_place_are_no_foreshortening(scale: float, roll: float) -> None:
    resting = photographed(solid(), 0, 0)[RIGID_POINTS, :2]
    turn = scale * np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    fit = planar_fit(resting, resting @ turn.T + [10, 20])
    assert fit is not None
    assert fit.foreshortening < 1e-6
    assert fit.residual < 1e-6


def test_points_that_coincide_fit_nothing() -> None:
    assert planar_fit(np.ones((8, 2)), np.ones((8, 2))) is None
