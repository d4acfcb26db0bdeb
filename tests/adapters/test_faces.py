from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from app.adapters.onnx_recognizer import OnnxRecognizer
from app.adapters.recognizer_entry import ALIGNMENTS
from app.adapters.yunet_detector import (
    REFINED_SIDE_PX,
    DetectedFace,
    YunetDetector,
    _points_of_turns,
    _upright_points,
)
from app.adapters.yunet_network import YunetNetwork
from app.domain.comparison import DEFAULT_THRESHOLD, ComparisonOutcome, TemplateFormat
from app.domain.face import BgrImage
from app.matching.embedded import EmbeddedMatchingCore
from tests.models_fixture import entry_of, model_path, real_core, real_encoder
from tests.portrait import astronaut, jpeg

FACE_WIDTH_PX = 90
"""Of the face in the astronaut's portrait, as YuNet has it."""


@pytest.fixture(scope="module")
def detector() -> YunetDetector:
    return YunetDetector(model_path("yunet"))


@pytest.fixture(scope="module")
def encoder() -> OnnxRecognizer:
    return real_encoder()


def portrait_with_face_of(width: float) -> BgrImage:
    scale = width / FACE_WIDTH_PX
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    # The upper left of the picture: head and shoulders only, so that the largest stay within 25 megapixels.
    cut = astronaut()[:260, 60:400]
    return np.asarray(cv2.resize(cut, None, fx=scale, fy=scale, interpolation=method), dtype=np.uint8)


def only_face(detector: YunetDetector, image: BgrImage) -> DetectedFace:
    faces = detector.detect(image)
    assert len(faces) == 1
    return faces[0]


def cosine(detector: YunetDetector, encoder: OnnxRecognizer, one: BgrImage, other: BgrImage) -> float:
    first, second = (encoder.encode(image, only_face(detector, image).points) for image in (one, other))
    return float(first @ second)


@pytest.mark.parametrize("width", [60, 90, 200, 500, 1200, 3000])
def test_faces_of_every_size_are_found_and_alike(
    detector: YunetDetector, encoder: OnnxRecognizer, width: int
) -> None:
    image = portrait_with_face_of(width)
    assert only_face(detector, image).box.width == pytest.approx(width, rel=0.15)
    assert cosine(detector, encoder, image, astronaut()) > 0.85


@pytest.mark.parametrize("width", [60, 100])
def test_a_small_face_in_a_large_picture_is_found_and_well_aligned(
    detector: YunetDetector, encoder: OnnxRecognizer, width: int
) -> None:
    small = portrait_with_face_of(width)
    canvas = np.full((4900, 4900, 3), 128, dtype=np.uint8)
    canvas[1000 : 1000 + small.shape[0], 300 : 300 + small.shape[1]] = small
    face = only_face(detector, canvas)
    assert face.box.width == pytest.approx(width, rel=0.15)
    assert (
        float(encoder.encode(canvas, face.points) @ encoder.encode(small, only_face(detector, small).points))
        > 0.85
    )


@pytest.mark.parametrize("degrees", [-45, -30, -15, 15, 30, 45])
def test_a_tilted_head_is_found_and_alike(
    detector: YunetDetector, encoder: OnnxRecognizer, degrees: float
) -> None:
    matrix = cv2.getRotationMatrix2D((223, 120), degrees, 1)
    tilted = np.asarray(cv2.warpAffine(astronaut(), matrix, (512, 512)), dtype=np.uint8)
    assert cosine(detector, encoder, tilted, astronaut()) > 0.9


class TurnedFace:
    """A network that sees one face in the middle, turned by the next of the given degrees at every look."""

    def __init__(self, degrees: Sequence[float]) -> None:
        self._degrees = iter(degrees)
        self.looks = 0

    def faces(self, image: BgrImage, score: float) -> NDArray[np.float32]:
        self.looks += 1
        turn = np.array(cv2.getRotationMatrix2D((56, 56), -next(self._degrees), 1))
        upright = np.array(ALIGNMENTS["arcface_112"])
        points = upright @ turn[:, :2].T + turn[:, 2] + REFINED_SIDE_PX / 2 - 56
        row = np.array([[78, 78, 100, 100, *points.ravel(), score]], dtype=np.float32)
        assert image.shape == (REFINED_SIDE_PX, REFINED_SIDE_PX, 3)
        return row


@pytest.mark.parametrize(
    ("degrees", "looks"),
    [((2,), 1), ((5, -9), 2), ((5, 6, 7), 3), ((12, -5, 2), 3), ((12, -11, 9), 3), ((-40, 8, 1), 3)],
)
def test_a_face_is_turned_until_it_is_upright_or_upright_lies_between_two_near_turns(
    degrees: Sequence[float], looks: int
) -> None:
    network = TurnedFace(degrees)
    region = np.zeros((REFINED_SIDE_PX, REFINED_SIDE_PX, 3), dtype=np.uint8)
    middle = (REFINED_SIDE_PX / 2, REFINED_SIDE_PX / 2)
    assert _upright_points(cast("YunetNetwork", network), region, middle, 0.0) is not None
    assert network.looks == looks


def test_points_are_taken_between_two_turns_in_proportion() -> None:
    one, other = np.zeros((5, 2)), np.full((5, 2), 9.0)
    assert np.allclose(_points_of_turns([one, one, other], [40.0, 6.0, -3.0]), 6)
    assert np.allclose(_points_of_turns([one, one, other], [40.0, 6.0, 3.0]), 4.5)
    assert np.allclose(_points_of_turns([other], [40.0]), 9)


def test_a_template_is_that_of_the_published_file(encoder: OnnxRecognizer) -> None:
    """Prepared for the runtime as it is, against OpenCV's own reading of the file."""
    published = cv2.dnn.readNetFromONNX(str(model_path("sface")))
    for turn in range(4):
        face = np.asarray(np.rot90(cv2.resize(astronaut()[60:230, 140:310], (112, 112)), turn), dtype=np.uint8)
        published.setInput(cv2.dnn.blobFromImage(face, swapRB=True))
        expected = published.forward().ravel()
        points = np.array(ALIGNMENTS["arcface_112"], dtype=np.float32)
        found = encoder.encode(np.ascontiguousarray(face), points)
        assert float(found @ expected) / float(np.linalg.norm(expected)) > 0.9999


def test_points_are_the_subjects_own_right_and_left(detector: YunetDetector) -> None:
    right_eye, left_eye, nose, right_corner, left_corner = only_face(detector, astronaut()).points
    assert right_eye[0] < nose[0] < left_eye[0]
    assert right_corner[0] < left_corner[0]
    assert right_eye[1] < nose[1] < right_corner[1]


def test_the_largest_of_several_faces_comes_first(detector: YunetDetector) -> None:
    canvas = np.full((600, 900, 3), 100, dtype=np.uint8)
    for width, left in ((60, 10), (120, 320)):
        face = portrait_with_face_of(width)[:600, :560]
        canvas[: face.shape[0], left : left + face.shape[1]] = face
    faces = detector.detect(canvas)
    assert [round(face.box.width, -1) for face in faces] == [120, 60]


@pytest.mark.parametrize("shape", [(1, 1), (1, 4000), (4000, 1), (3, 7), (600, 800)])
def test_where_there_is_no_face_none_is_found(detector: YunetDetector, shape: tuple[int, int]) -> None:
    assert detector.detect(np.full((*shape, 3), 128, dtype=np.uint8)) == []
    noise = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert detector.detect(noise) == []


def test_a_template_is_normalized_and_always_the_same(detector: YunetDetector, encoder: OnnxRecognizer) -> None:
    face = only_face(detector, astronaut())
    vector = encoder.encode(astronaut(), face.points)
    assert vector.shape == (128,)
    assert vector.dtype == np.float32
    assert float(np.linalg.norm(vector)) == pytest.approx(1, abs=1e-5)
    detector.detect(portrait_with_face_of(300))
    again = encoder.encode(astronaut(), only_face(detector, astronaut()).points)
    assert np.array_equal(vector, again)


def test_points_outside_the_picture_do_no_harm(encoder: OnnxRecognizer) -> None:
    points = np.array([(-500, -500), (-400, -500), (-450, -450), (-490, -400), (-410, -400)], dtype=np.float32)
    for moved in (points, points + 5000, points * 1000):
        try:
            vector = encoder.encode(astronaut(), moved)
        except ValueError:
            continue
        assert np.isfinite(vector).all()


def test_threads_share_detector_and_encoder(detector: YunetDetector, encoder: OnnxRecognizer) -> None:
    images = [portrait_with_face_of(width) for width in (80, 120, 200, 300)]
    expected = [encoder.encode(image, only_face(detector, image).points) for image in images]
    same: list[bool] = []

    def work(number: int) -> None:
        for _ in range(3):
            face = only_face(detector, images[number])
            same.append(np.array_equal(encoder.encode(images[number], face.points), expected[number]))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(images))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert same == [True] * 12


def load_recognizer(path: Path) -> object:
    return OnnxRecognizer(path, TemplateFormat("sface", "1"), entry_of("sface"))


@pytest.mark.parametrize("load", [YunetDetector, load_recognizer])
def test_a_file_that_is_no_model_is_named(load: Callable[[Path], object], tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no model")
    for path in (broken, tmp_path / "missing.onnx"):
        with pytest.raises(RuntimeError, match=path.name):
            load(path)


@pytest.fixture(scope="module")
def core() -> EmbeddedMatchingCore:
    return real_core()


def test_the_core_compares_real_people(core: EmbeddedMatchingCore, shared_media: Path) -> None:
    wild = shared_media / "faces" / "wild" / "face_recognition"
    obama, obama_too, biden = (
        core.create_template((wild / name).read_bytes())
        for name in ("obama/obama.jpg", "obama/obama2.jpg", "biden/biden.jpg")
    )
    assert obama is not None
    assert obama_too is not None
    assert biden is not None
    mated, other = core.compare(obama.template, [obama_too.template, biden.template])
    assert mated.outcome(DEFAULT_THRESHOLD) is ComparisonOutcome.MATCH
    assert other.outcome(DEFAULT_THRESHOLD) is ComparisonOutcome.NON_MATCH


def test_the_core_describes_a_portrait(core: EmbeddedMatchingCore) -> None:
    made = core.create_template(jpeg(astronaut()))
    assert made is not None
    assert made.template.format == core.health().template_format
    assert made.box.width == pytest.approx(FACE_WIDTH_PX, abs=5)
    assert 30 < made.interocular_px < 60
    assert made.second_face_ratio == 0
    blurred = core.create_template(jpeg(np.asarray(cv2.GaussianBlur(astronaut(), (0, 0), 3), np.uint8)))
    assert blurred is not None
    assert blurred.sharpness < 0.5 * made.sharpness
    assert core.create_template(jpeg(np.full((200, 200, 3), 90, np.uint8))) is None
