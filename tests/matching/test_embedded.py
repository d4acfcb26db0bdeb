from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from app.domain.comparison import Template, TemplateFormat
from app.domain.errors import InvalidImage, MatchingFailed, MatchingUnavailable
from app.domain.face import BgrImage, FaceBox, Photometry
from app.domain.verdict import ModelIdentity
from app.matching.embedded import EmbeddedMatchingCore, FaceDetector, FaceEncoder, Recognizer
from app.matching.workers import Workers
from tests.fakes import FAKE_CALIBRATION

POINTS = np.array([(30, 40), (70, 40), (50, 60), (35, 80), (65, 80)], dtype=np.float32)
FORMAT, ANOTHER = TemplateFormat("test-model", "1"), TemplateFormat("test-model", "2")
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
    template_format: TemplateFormat = FORMAT
    dimension: int = 2

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
    recognizer = Recognizer(encoder, FAKE_CALIBRATION) if encoder else None
    return EmbeddedMatchingCore(Reader(), detector, recognizer, measure, MODELS, Workers(1, 0))


def face(width: float, x: float = 0) -> Face:
    return Face(FaceBox(x, 0, width, width * 1.3), POINTS)


def template(*values: float, template_format: TemplateFormat = FORMAT) -> Template:
    return Template(template_format, np.array(values, dtype=np.float32))


def test_the_template_is_that_of_the_largest_face() -> None:
    made = core(Detector((face(60), face(45, x=20))), Encoder((0.6, 0.8))).create_template(b"picture")
    assert made is not None
    assert made.template.format == FORMAT
    assert made.template.vector.tolist() == pytest.approx([0.6, 0.8])
    assert made.box == FaceBox(0, 0, 60, 78)
    assert made.interocular_px == pytest.approx(40)
    assert made.sharpness == 60
    assert made.faces == 2
    assert made.second_face_ratio == pytest.approx(0.75)


def test_one_face_has_no_second() -> None:
    made = core(Detector((face(60),)), Encoder((1, 0))).create_template(b"picture")
    assert made is not None
    assert (made.faces, made.second_face_ratio) == (1, 0)


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
    found = matching.compare(probe, references)
    assert [score.cosine for score in found] == pytest.approx([0.6, 0.8, -1])
    assert [score.value for score in found] == [FAKE_CALIBRATION.score(score.cosine).value for score in found]
    assert matching.compare(references[0], [probe]) == matching.compare(probe, [references[0]])
    assert matching.compare(probe, []) == []


@pytest.mark.parametrize(
    "reference",
    [template(1, 0, template_format=ANOTHER), template(1, 0, 0), template(float("nan"), 0)],
)
def test_templates_that_do_not_go_together_are_refused(reference: Template) -> None:
    with pytest.raises(MatchingFailed):
        core(None, Encoder((1, 0))).compare(template(1, 0), [reference])


def test_health_names_the_models_and_what_is_missing() -> None:
    ready = core(Detector(()), Encoder((1, 0))).health()
    assert (ready.is_ready, ready.models, ready.reason) == (True, MODELS, None)
    assert (ready.template_format, ready.calibration) == (FORMAT, "fake-1")
    broken = core(Detector(()), None).health()
    assert not broken.is_ready
    assert broken.reason == "the recognizer could not be loaded"
    both = "the face detector could not be loaded; the recognizer could not be loaded"
    assert core(None, None).health().reason == both


def test_without_its_models_the_core_refuses_instead_of_guessing() -> None:
    for matching in (core(None, Encoder((1, 0))), core(Detector(()), None)):
        with pytest.raises(MatchingUnavailable):
            matching.create_template(b"picture")
    with pytest.raises(MatchingUnavailable):
        core(Detector(()), None).compare(template(1, 0), [template(1, 0)])


def test_a_probe_of_another_model_has_no_score_here() -> None:
    probe = template(1, 0, template_format=ANOTHER)
    with pytest.raises(MatchingFailed):
        core(None, Encoder((1, 0))).compare(probe, [probe])


def test_a_search_gives_the_best_first_and_no_more_than_asked_for() -> None:
    matching = core(None, Encoder((1, 0)))
    gallery = {"b": template(0, 1), "a": template(0, 1), "c": template(1, 0), "d": template(-1, 0)}
    found = matching.search(template(0.6, 0.8), gallery, 3)
    assert [candidate.key for candidate in found] == ["a", "b", "c"]
    assert [candidate.score.cosine for candidate in found] == pytest.approx([0.8, 0.8, 0.6])
    assert matching.search(template(0.6, 0.8), {}, 3) == []


def test_a_probe_of_another_length_is_of_another_model_whatever_it_says() -> None:
    longer = template(1, 0, 0)
    with pytest.raises(MatchingFailed):
        core(None, Encoder((1, 0))).compare(longer, [longer])


def test_what_waits_is_turned_away_when_the_process_is_to_end() -> None:
    begun, finish = threading.Event(), threading.Event()

    class Slow(Reader):
        def read_image(self, data: bytes) -> BgrImage:
            begun.set()
            assert finish.wait(30)
            return super().read_image(data)

    recognizer = Recognizer(Encoder((1, 0)), FAKE_CALIBRATION)
    matching = EmbeddedMatchingCore(Slow(), Detector((face(60),)), recognizer, measure, MODELS, Workers(1, 1))
    with ThreadPoolExecutor(2) as callers:
        first = callers.submit(matching.create_template, b"picture")
        assert begun.wait(30)
        second = callers.submit(matching.create_template, b"picture")
        matching.drain()  # whether or not the second has begun to wait: it is turned away
        with pytest.raises(MatchingUnavailable):
            second.result(30)
        finish.set()
        assert first.result(30) is not None
    with pytest.raises(MatchingUnavailable):
        matching.create_template(b"picture")
