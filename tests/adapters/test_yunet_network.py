"""The network as we read it against OpenCV's own reading of the same file."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from app.adapters.yunet_network import YunetNetwork
from app.domain.face import BgrImage
from tests.models_fixture import model_path
from tests.portrait import astronaut

SCORE = 0.8


@pytest.fixture(scope="module")
def network() -> YunetNetwork:
    return YunetNetwork(model_path("yunet"))


def by_opencv(image: BgrImage) -> np.ndarray:
    size = (image.shape[1], image.shape[0])
    detector = cv2.FaceDetectorYN.create(str(model_path("yunet")), "", size, SCORE, 0.3, 50)
    return np.asarray(detector.detect(image)[1])


def two_faces() -> BgrImage:
    head = astronaut()[:260, 60:400]
    small = np.asarray(cv2.resize(head, None, fx=0.6, fy=0.6), dtype=np.uint8)
    canvas = np.full((420, 700, 3), 90, dtype=np.uint8)
    canvas[: head.shape[0], : head.shape[1]] = head
    canvas[200 : 200 + small.shape[0], 400 : 400 + small.shape[1]] = small
    return canvas


@pytest.mark.parametrize("size", [(512, 512), (301, 333), (97, 130), (641, 500)])
def test_it_sees_what_opencv_sees(network: YunetNetwork, size: tuple[int, int]) -> None:
    image = np.asarray(cv2.resize(astronaut(), size), dtype=np.uint8)
    np.testing.assert_allclose(network.faces(image, SCORE), by_opencv(image), atol=0.05)


def test_it_sees_several_faces_each_once_and_the_surest_first(network: YunetNetwork) -> None:
    found = network.faces(two_faces(), SCORE)
    assert len(found) == 2
    assert found[0, 14] >= found[1, 14] >= SCORE
    np.testing.assert_allclose(found, by_opencv(two_faces()), atol=0.05)


@pytest.mark.parametrize("fill", [0, 128, 255])
def test_where_there_is_no_face_there_are_no_rows(network: YunetNetwork, fill: int) -> None:
    assert network.faces(np.full((200, 333, 3), fill, dtype=np.uint8), SCORE).shape == (0, 15)


def test_another_model_is_refused() -> None:
    with pytest.raises(RuntimeError, match="cannot be loaded"):
        YunetNetwork(model_path("sface"))
