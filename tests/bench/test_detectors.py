"""SHAPE and TEXTURE on pictures that a landmarker reads: attack instruments, and a clip beside its own copies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from app.adapters.mediapipe_landmarker import LandmarkerPool
from app.domain.detector_evidence import Detector, DetectorEvidence
from app.domain.face import BgrImage
from app.simulation.clips import camera_size, fit, open_clip
from bench.detectors import FRAMES_PER_SECOND, Shot, Studio, evidence, played, resting_shots
from tests.models_fixture import model_path
from tests.portrait import close_up
from tests.shared_media import shared_path


@pytest.fixture(scope="module")
def studio() -> Iterator[Studio]:
    landmarker = LandmarkerPool(model_path("face_landmarker"), 1)
    yield Studio(landmarker)
    landmarker.close()


def judged(shots: Sequence[Shot], resting: Sequence[Shot]) -> dict[Detector, DetectorEvidence]:
    return {one.detector: one for one in evidence(shots, resting)}


def instrument(name: str, portrait: BgrImage, studio: Studio) -> dict[Detector, DetectorEvidence]:
    shots = played(name, studio.shot(portrait), studio)
    return judged(shots, shots[:8])


def test_a_puppet_of_a_portrait_shows_one_picture(studio: Studio) -> None:
    found = instrument("puppet", close_up(), studio)[Detector.TEXTURE]
    assert found.score is not None
    assert found.score < 50.0
    assert found.reason == "one_picture"


@pytest.mark.parametrize("name", ["tilted_print", "bent_print"])
def test_a_print_of_a_portrait_is_a_plane(name: str, studio: Studio) -> None:
    found = instrument(name, close_up(), studio)[Detector.SHAPE]
    assert found.score is not None
    assert found.score < 50.0
    assert found.reason == "plane"


def test_a_person_who_turns_is_told_from_prints_and_puppets_of_the_same_clip(studio: Studio) -> None:
    clip = shared_path("media", "video", "dev", "headpose_alaa.mp4")
    shots = [studio.shot(fit(image, *camera_size(image))) for image in open_clip(clip, FRAMES_PER_SECOND)[1]]
    resting = resting_shots(shots)
    live = judged(shots, resting)
    puppet = instrument("puppet", resting[5].image, studio)
    bent = instrument("bent_print", resting[5].image, studio)
    for detector, attack in ((Detector.SHAPE, bent), (Detector.TEXTURE, puppet)):
        genuine, copied = live[detector].score, attack[detector].score
        assert genuine is not None
        assert copied is not None
        assert genuine >= 75.0
        assert copied < 40.0
