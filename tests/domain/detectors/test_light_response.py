"""LIGHT_RESPONSE on simulated light: who answers, who does not, and what is no answer to our colours."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from app.domain.capture_phase import CapturePhase
from app.domain.detector_evidence import LIMIT_SCORE, Detector, DetectorEvidence
from app.domain.detectors.light_response import (
    LIMITS_OF_LIGHT_RESPONSE,
    LightResponseDetector,
    is_answer_missing,
    with_standing,
)
from app.domain.light import LIGHT_OFF_MS, LIGHT_RGB, LightColour, LightShow, LightStanding, draw_light
from tests.domain.detectors.room import Room
from tests.faces import RESTING
from tests.fakes import SeededRandomness

GAMMA = 2.2
SKIN = np.array([95.0, 120.0, 165.0])
"""Blue, green, red."""


@dataclass(frozen=True)
class Scene:
    """Light of the screen on skin and wall, as a share of the room's own.

    `other` seeds the sequence that lit them where it was not ours; `lamp` is switched on everything.
    """

    on_skin: float = 0.15
    on_wall: float = 0.02
    delay_ms: int = 150
    fps: int = 10
    noise: float = 0.4
    dropped: float = 0.0
    other: int | None = None
    lamp: float = 0.0
    exposure: float = 0.0
    wall: tuple[float, float, float] = (120.0, 125.0, 130.0)


def watched(scene: Scene, seed: int = 1) -> DetectorEvidence:
    """A sequence as it is shown and what the camera makes of it."""
    chance, room = np.random.default_rng(seed), Room(seed)
    show = LightShow("n", draw_light(SeededRandomness(seed).choose), 0)
    tape = draw_light(SeededRandomness(scene.other).choose) if scene.other is not None else None
    detector, gain, begun = LightResponseDetector(), 1.0, [(0, show.lit.colour)]
    at_ms = 0
    while True:
        at_ms += 1_000 // scene.fps
        face = room.frame(at_ms, RESTING)
        late = [number for number, (since, _) in enumerate(begun) if since <= at_ms - scene.delay_ms]
        colour = begun[late[-1]][1] if late else LightColour.OFF
        if tape is not None and late:
            colour = tape[min(late[-1], len(tape) - 1)]
        lamp = 1.0 + scene.lamp * ((at_ms // 700) % 2)
        skin, wall = (
            own * gain * (lamp * (1.0 + share * light_of(colour))) ** (1 / GAMMA)
            for own, share in ((SKIN, scene.on_skin), (np.array(scene.wall), scene.on_wall))
        )
        gain += scene.exposure * (SKIN.mean() / float(skin.mean()) * gain - gain)
        shown = [tuple(np.clip(one + chance.normal(0, scene.noise, 3), 0, 255)) for one in (skin, wall)]
        if chance.uniform() >= scene.dropped:
            signals = replace(face.signals, skin=shown[0], surroundings=shown[1])
            detector.observe(replace(face, at_ms=at_ms, phase=CapturePhase.LIGHT, signals=signals, lit=show.lit))
        if show.is_due(at_ms):
            if show.advance(at_ms) is None:
                return detector.evidence()
            begun.append((at_ms, show.lit.colour))


def light_of(colour: LightColour) -> np.ndarray:
    if colour is LightColour.OFF:
        return np.zeros(3)
    red, green, blue = ((value / 255) ** GAMMA for value in LIGHT_RGB[colour])
    return np.array([blue, green, red])


def score(scene: Scene, seed: int) -> float:
    found = watched(scene, seed)
    assert found.score is not None, (seed, found)
    return found.score


SEEDS = range(1, 13)


@pytest.mark.parametrize("fps", [5, 10, 15])
@pytest.mark.parametrize("delay_ms", [0, 120, 300])
def test_a_face_before_the_screen_answers(fps: int, delay_ms: int) -> None:
    for seed in SEEDS:
        found = watched(Scene(fps=fps, delay_ms=delay_ms), seed)
        assert found.reason == "skin_answers", (seed, found)
        assert (found.score or 0.0) >= 80.0, (seed, found)
        assert abs(found.measured["delay_ms"] - delay_ms) <= 100, (seed, found)


def test_a_third_of_the_frames_may_be_missing() -> None:
    assert min(score(Scene(dropped=0.33), seed) for seed in SEEDS) >= LIMIT_SCORE


def test_a_camera_that_corrects_its_exposure_hides_nothing() -> None:
    assert min(score(Scene(on_skin=0.3, exposure=0.5), seed) for seed in SEEDS) >= LIMIT_SCORE


def test_no_answer_is_neither_a_pass_nor_an_attack() -> None:
    """A window that outshines the screen, and a tape in the dark: nobody can tell them apart here."""
    for seed in SEEDS:
        found = watched(Scene(on_skin=0.0, on_wall=0.0), seed)
        assert (found.score, found.reason) == (None, "no_response_visible"), (seed, found)


def test_a_lamp_that_is_switched_on_all_of_the_room_is_no_answer() -> None:
    for seed in SEEDS:
        assert watched(Scene(on_skin=0.0, on_wall=0.0, lamp=0.5), seed).reason == "no_response_visible", seed


def test_face_and_room_on_one_print_answer_alike() -> None:
    for seed in SEEDS:
        found = watched(Scene(on_skin=0.4, on_wall=0.4), seed)
        assert found.reason == "surroundings_answer_as_well", (seed, found)
        assert found.score is not None
        assert found.score < LIMIT_SCORE


def test_a_print_whose_ground_is_overexposed_does_not_pass() -> None:
    """White cannot become whiter: the skin on the print then seems to answer more."""
    for seed in SEEDS:
        assert (
            watched(Scene(on_skin=0.4, on_wall=0.4, wall=(228.0, 230.0, 232.0)), seed).score or 0
        ) < LIMIT_SCORE


def test_a_tape_that_was_lit_by_another_sequence_hardly_ever_passes() -> None:
    passed = sum((watched(Scene(other=100 + seed), seed).score or 0.0) >= LIMIT_SCORE for seed in range(1, 61))
    assert passed <= 6


def test_a_sequence_that_was_not_seen_to_its_end_says_nothing() -> None:
    assert LightResponseDetector().evidence().reason == "too_few_frames"
    assert watched(Scene(dropped=0.8)).score is None


def test_numbers_survive_frames_without_light_and_colour() -> None:
    found = watched(Scene(on_skin=0.0, on_wall=0.0, noise=0.0))
    assert (found.score, found.reason) == (None, "no_response_visible")
    assert all(np.isfinite(value) for value in found.measured.values())


def test_late_frames_are_waited_for() -> None:
    assert LIMITS_OF_LIGHT_RESPONSE.delays_ms[-1] <= LIGHT_OFF_MS


ANSWERED = DetectorEvidence(Detector.LIGHT_RESPONSE, 90.0, "skin_answers")
OTHER = DetectorEvidence(Detector.SHAPE, 90.0, "head")


@pytest.mark.parametrize(
    ("standing", "reason", "is_missing"),
    [
        (LightStanding.NOT_ASKED, None, False),
        (LightStanding.AVOIDED, "avoided", False),
        (LightStanding.DECLINED, "declined", True),
        (LightStanding.ASKED, "not_shown", True),
        (LightStanding.SHOWN, "skin_answers", False),
    ],
)
def test_what_became_of_the_challenge_is_evidence(
    standing: LightStanding, reason: str | None, is_missing: bool
) -> None:
    found = with_standing([OTHER, ANSWERED], standing)
    assert found[0] is OTHER
    assert [one.reason for one in found[1:]] == ([] if reason is None else [reason])
    assert is_answer_missing(found) is is_missing


def test_shown_without_an_answer_is_missing() -> None:
    assert is_answer_missing([DetectorEvidence(Detector.LIGHT_RESPONSE, None, "no_response_visible")])
