"""What lies over a face, seen on a portrait that is covered in ways whose truth is known."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest

from app.adapters.face_cover import measure_cover
from app.adapters.mediapipe_landmarker import LandmarkerPool
from app.domain.face import BgrImage, FaceMeasurement, Observation
from app.domain.quality import Hint, HintCode, QualityLimits, alignment_hint
from bench.spoiling import CAUSES
from tests.models_fixture import model_path
from tests.portrait import close_up

LENIENT = replace(QualityLimits(), max_smile=1.0, max_jaw_open=1.0)
"""The portrait smiles."""


def looked_at(image: BgrImage) -> Observation:
    landmarker = LandmarkerPool(model_path("face_landmarker"), 1)
    try:
        return landmarker.observe(image)
    finally:
        landmarker.close()


@cache
def free_face() -> tuple[BgrImage, FaceMeasurement]:
    image = close_up(640, 480)
    face = looked_at(image).face
    assert face is not None
    return image, face


def test_a_free_face_is_not_called_covered() -> None:
    image, _ = free_face()
    assert alignment_hint(looked_at(image), LENIENT) is None


@pytest.mark.parametrize("cause", ["blue mask", "white mask", "black mask", "red scarf", "dark glasses"])
def test_a_cover_is_named(cause: str) -> None:
    image, _ = free_face()
    spoil = CAUSES[cause]
    covered = spoil.make(image, looked_at(image), spoil.strengths[1])
    assert covered is not None
    assert alignment_hint(looked_at(covered), LENIENT) == Hint(HintCode.FACE_COVERED)


def test_a_picture_without_colour_is_not_judged() -> None:
    image, face = free_face()
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    assert measure_cover(np.asarray(grey, dtype=np.uint8), face.landmarks, face.box) is None


@pytest.mark.parametrize("shift", [(-400.0, 0.0), (400.0, 0.0), (0.0, -400.0), (0.0, 400.0)])
def test_a_face_that_reaches_beyond_the_picture_is_not_judged(shift: tuple[float, float]) -> None:
    image, face = free_face()
    moved = replace(face.box, x=face.box.x + shift[0], y=face.box.y + shift[1])
    assert measure_cover(image, face.landmarks + np.array([*shift, 0.0], dtype=np.float32), moved) is None


def test_the_light_s_strength_changes_little() -> None:
    image, face = free_face()
    bright = measure_cover(image, face.landmarks, face.box)
    dim = measure_cover((image * 0.5).astype(np.uint8), face.landmarks, face.box)
    assert bright is not None
    assert dim is not None
    assert dim.lips_redness == pytest.approx(bright.lips_redness, rel=0.2)
    assert dim.eyes_brightness == pytest.approx(bright.eyes_brightness, abs=0.05)
