"""TEXTURE on drawn skins: the same picture again, and skin that changes as it moves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from app.domain.capture_phase import CapturePhase
from app.domain.challenge import Challenge, ChallengeKind
from app.domain.detection import WatchedFrame
from app.domain.detector_evidence import DetectorEvidence
from app.domain.detectors.texture import LIMITS_OF_TEXTURE, RestingLook, TextureDetector
from app.domain.frame_signals import TEXTURE_SIDE, GreyImage
from app.domain.liveness import neutral_of
from tests.domain.detectors.room import Room
from tests.faces import RESTING, measurement, moved
from tests.skins import Skin, drawn, living, same_picture, skin

Look = Callable[[float], Skin]
"""What the face looks like when its movement has gone so far, as a share of what is required."""

SHARES = (0.0, 0.5, 1.0, 1.2, 1.3, 1.3, 1.2, 0.6, 0.0)


def attempt(
    look: Look, kind: ChallengeKind = ChallengeKind.TURN_LEFT, noise: float = 2.0, aligned: int = 10
) -> DetectorEvidence:
    return attempt_of([(kind, look)], noise, aligned)


def attempt_of(
    movements: Sequence[tuple[ChallengeKind, Look]], noise: float = 2.0, aligned: int = 10
) -> DetectorEvidence:
    """Alignment with the first one's resting look, then the movements."""
    detector, room = TextureDetector(), Room()
    neutral = neutral_of([measurement(RESTING)])
    for number in range(aligned):
        detector.observe(watched(room, number, drawn(movements[0][1](0.0), number, noise)))
    for index, (kind, look) in enumerate(movements):
        challenge = Challenge(f"number {index}", "nonce", kind, index, 4, 15_000)
        first = 10 + len(SHARES) * index
        for number, share in enumerate(SHARES, first):
            frame = watched(room, number, drawn(look(share), 40 + number, noise), moved_to=(kind, share))
            detector.observe(
                replace(frame, phase=CapturePhase.CHALLENGE, challenge=challenge, asked_ms=0, neutral=neutral)
            )
    return detector.evidence()


def watched(
    room: Room, number: int, texture: GreyImage, moved_to: tuple[ChallengeKind, float] | None = None
) -> WatchedFrame:
    frame = room.frame(100.0 * number, RESTING if moved_to is None else moved(*moved_to))
    return replace(frame, signals=replace(frame.signals, texture=texture))


KINDS = [ChallengeKind.TURN_LEFT, ChallengeKind.TURN_RIGHT, ChallengeKind.LOOK_DOWN, ChallengeKind.SMILE]


@pytest.mark.parametrize("kind", KINDS)
def test_skin_that_changes_with_the_movement_is_alive(kind: ChallengeKind) -> None:
    found = attempt(living, kind)
    assert found.score is not None
    assert found.score >= 60.0
    assert found.reason == "skin_changes"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("noise", [1.0, 4.0])
def test_the_same_picture_again_is_an_attack_and_noise_does_not_help_it(kind: ChallengeKind, noise: float) -> None:
    found = attempt(same_picture, kind, noise)
    assert found.score is not None
    assert found.score < 50.0
    assert found.reason == "one_picture"


def test_turns_that_tear_the_picture_do_not_make_up_for_a_look_that_shows_it_again() -> None:
    """A puppet was approved so: its turns measured 1.5, 1.5 and 1.3, its look 0.4."""
    turns = [(ChallengeKind.TURN_LEFT, living), (ChallengeKind.TURN_RIGHT, living)]
    found = attempt_of([*turns, *turns, (ChallengeKind.LOOK_DOWN, same_picture)])
    assert found.score is not None
    assert found.score < 50.0
    assert found.measured["turn_left_novelty"] > 1.0 > found.measured["look_down_novelty"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("depth", [0.1, 0.3, 0.6])
def test_one_picture_that_a_program_shades_as_it_moves_is_still_one_picture(
    kind: ChallengeKind, depth: float
) -> None:
    """One multiplication: the light falls off towards one side."""
    ramp = np.linspace(-1.0, 1.0, TEXTURE_SIDE)[None, :]
    found = attempt(lambda share: same_picture(share) * (1.0 + depth * min(share, 1.0) * ramp), kind)
    assert found.score is not None
    assert found.score < 50.0
    assert found.reason == "one_picture"


@pytest.mark.parametrize("kind", [ChallengeKind.BLINK, ChallengeKind.OPEN_MOUTH, ChallengeKind.MOVE_CLOSER])
def test_movements_that_any_drawing_can_show_are_not_measured(kind: ChallengeKind) -> None:
    assert attempt(same_picture, kind).score is None


def test_without_alignment_there_is_nothing_to_compare_with() -> None:
    found = attempt(living, aligned=0)
    assert (found.score, found.reason) == (None, "no_movement")


def test_a_skin_without_features_is_not_measured() -> None:
    assert attempt(lambda _: np.full((TEXTURE_SIDE, TEXTURE_SIDE), 128.0), noise=0.5).score is None


def test_exposure_alone_changes_neither_measure() -> None:
    look = RestingLook(skin().astype(np.float32))
    darker = look.change((skin() * 0.8).astype(np.uint8), 0.0)
    assert darker.match is not None
    assert darker.match > 0.99
    assert darker.shading < 0.02


def test_the_far_side_of_a_turned_face_does_not_count() -> None:
    look = RestingLook(skin().astype(np.float32))
    hidden = skin()
    hidden[:, 44:] = 40.0
    left, right = (look.change(hidden.astype(np.uint8), degrees) for degrees in (30.0, -30.0))
    assert left.match is not None
    assert right.match is not None
    assert left.match > 0.99 > right.match + 0.05


def test_what_is_kept_is_bounded() -> None:
    detector, room = TextureDetector(), Room()
    neutral = neutral_of([measurement(RESTING)])
    challenge = Challenge("one", "nonce", ChallengeKind.TURN_LEFT, 0, 4, 15_000)
    for number in range(10):
        detector.observe(watched(room, number, drawn(living(0.0), number, 2.0)))
    for number in range(200):
        frame = watched(room, number, drawn(living(1.0), number, 2.0), (ChallengeKind.TURN_LEFT, 1.2))
        detector.observe(replace(frame, phase=CapturePhase.CHALLENGE, challenge=challenge, neutral=neutral))
    kept = sum(len(one.frames) for one in detector._movements.values())
    assert kept == LIMITS_OF_TEXTURE.frames_max
