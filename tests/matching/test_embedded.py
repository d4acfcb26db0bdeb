from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from app.domain.comparison import Template
from app.domain.errors import InvalidImage, MatchingFailed, MatchingUnavailable
from app.domain.face import BgrImage, FaceBox, Photometry
from app.domain.verdict import ModelIdentity
from app.matching.embedded import EmbeddedMatchingCore, FaceDetector, FaceEncoder

POINTS = np.array([(30, 40), (70, 40), (50, 60), (35, 80), (65, 80)], dtype=np.float32)
MODELS = (ModelIdentity("yunet", "a" * 64), ModelIdentity("sface", "b" * 64))


@dataclass(frozen=True)
class Face:
    box: FaceBox
    points: NDArray[np.float32]


@dataclass(frozen=True)
class Detector:
    faces: tuple[Face, ...]

    def detect(self, image: BgrImage) -> tuple[Face, ...]:
        assert image.shape == (100, 100, 3)
        return self.faces


@dataclass(frozen=True)
class Encoder:
    vector: tuple[float, ...] | None
    model_id: str = "test-model"

    def encode(self, image: BgrImage, points: NDArray[np.float32]) -> NDArray[np.float32]:
        assert np.array_equal(points, POINTS)
        if self.vector is None:
            raise ValueError("nothing to normalize")
        return np.array(self.vector, dtype=np.float32)


class Reader:
    def read_frame(self, data: bytes) -> BgrImage:
        return self.read_image(data)

    def read_image(self, data: bytes) -> BgrImage:
        if data != b"picture":
            raise InvalidImage("The image is broken.")
        return np.zeros((100, 100, 3), dtype=np.uint8)


def measure(_image: BgrImage, box: FaceBox) -> Photometry:
    return Photometry(luma=0, evenness=0, clipped=0, sharpness=box.width)


def core(detector: FaceDetector | None, encoder: FaceEncoder | None) -> EmbeddedMatchingCore:
    return EmbeddedMatchingCore(Reader(), detector, encoder, measure, MODELS)


def face(width: float, x: float = 0) -> Face:
    return Face(FaceBox(x, 0, width, width * 1.3), POINTS)


def template(*values: float, model_id: str = "test-model") -> Template:
    return Template(model_id, np.array(values, dtype=np.float32))


def test_the_template_is_that_of_the_largest_face() -> None:
    made = core(Detector((face(60), face(45, x=20))), Encoder((0.6, 0.8))).create_template(b"picture")
    assert made is not None
    assert made.template.model_id == "test-model"
    assert made.template.vector.tolist() == pytest.approx([0.6, 0.8])
    assert made.box == FaceBox(0, 0, 60, 78)
    assert made.interocular_px == pytest.approx(40)
    assert made.sharpness == 60
    assert made.second_face_ratio == pytest.approx(0.75)


def test_one_face_has_no_second() -> None:
    made = core(Detector((face(60),)), Encoder((1, 0))).create_template(b"picture")
    assert made is not None
    assert made.second_face_ratio == 0


def test_no_face_gives_no_template() -> None:
    assert core(Detector(()), Encoder((1, 0))).create_template(b"picture") is None


def test_a_broken_image_is_the_senders_fault() -> None:
    with pytest.raises(InvalidImage):
        core(Detector((face(60),)), Encoder((1, 0))).create_template(b"garbage")


def test_a_face_that_cannot_be_described_fails_the_comparison() -> None:
    with pytest.raises(MatchingFailed):
        core(Detector((face(60),)), Encoder(None)).create_template(b"picture")


def test_comparing_keeps_the_order_and_is_symmetric() -> None:
    matching = core(Detector(()), Encoder((1, 0)))
    probe, references = template(0.6, 0.8), [template(1, 0), template(0, 1), template(-0.6, -0.8)]
    assert matching.compare(probe, references) == pytest.approx([0.6, 0.8, -1])
    assert matching.compare(references[0], [probe]) == matching.compare(probe, [references[0]])
    assert matching.compare(probe, []) == []


def test_rounding_never_leaves_the_range_of_a_cosine() -> None:
    slightly_long = template(0.8000001, 0.6000001)
    assert core(None, None).compare(slightly_long, [slightly_long]) == [1.0]


@pytest.mark.parametrize(
    "reference",
    [template(1, 0, model_id="another-model"), template(1, 0, 0), template(float("nan"), 0)],
)
def test_templates_that_do_not_go_together_are_refused(reference: Template) -> None:
    with pytest.raises(MatchingFailed):
        core(None, None).compare(template(1, 0), [reference])


def test_health_names_the_models_and_what_is_missing() -> None:
    ready = core(Detector(()), Encoder((1, 0))).health()
    assert (ready.is_ready, ready.models, ready.reason) == (True, MODELS, None)
    broken = core(Detector(()), None).health()
    assert not broken.is_ready
    assert broken.reason == "the recognizer could not be loaded"
    assert core(None, None).health().reason == "the face detector and the recognizer could not be loaded"


def test_without_its_models_the_core_refuses_instead_of_guessing() -> None:
    for matching in (core(None, Encoder((1, 0))), core(Detector(()), None)):
        with pytest.raises(MatchingUnavailable):
            matching.create_template(b"picture")
