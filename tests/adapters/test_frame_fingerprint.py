"""Fingerprints of real frames: copies are near, moments of the same person are not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np
import pytest

from app.adapters.frame_signals import FrameSignalMeter
from app.adapters.mediapipe_landmarker import LandmarkerPool
from app.domain.detector_evidence import LIMIT_SCORE, TYPICAL_SCORE
from app.domain.face import BgrImage
from app.domain.replay import NEAR_BITS, judge_replay, spread
from tests.models_fixture import model_path
from tests.portrait import close_up, jpeg
from tests.shared_media import shared_path

EVERY = 6
"""Of a clip's pictures: some five a second."""


@pytest.fixture(scope="module")
def pool() -> Iterator[LandmarkerPool]:
    landmarkers = LandmarkerPool(model_path("face_landmarker"), size=1)
    yield landmarkers
    landmarkers.close()


def fingerprint(pool: LandmarkerPool, image: BgrImage, quality: int = 80) -> int | None:
    """Of the picture as the server gets it."""
    data = jpeg(image, quality)
    decoded = np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), np.uint8)
    return FrameSignalMeter().measure(decoded, data, pool.observe(decoded)).fingerprint


def cropped(image: BgrImage, share: float = 0.02) -> BgrImage:
    height, width = image.shape[:2]
    top, left = round(height * share), round(width * share)
    inner = image[top : height - top, left : width - left]
    return np.asarray(cv2.resize(inner, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def brighter(image: BgrImage) -> BgrImage:
    return np.asarray(np.clip(image * 1.15 + 5, 0, 255), np.uint8)


COPIES: dict[str, Callable[[BgrImage], BgrImage]] = {
    "as it is": lambda image: image,
    "cropped": cropped,
    "brighter": brighter,
    "both": lambda image: cropped(brighter(image)),
}


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_that_is_encoded_again_is_near(pool: LandmarkerPool, how: str) -> None:
    original, copy = fingerprint(pool, close_up(), 90), fingerprint(pool, COPIES[how](close_up()), 60)
    assert original is not None
    assert copy is not None
    assert (original ^ copy).bit_count() <= NEAR_BITS


def test_without_a_face_there_is_none(pool: LandmarkerPool) -> None:
    assert fingerprint(pool, np.full((480, 640, 3), 90, np.uint8)) is None


@pytest.mark.parametrize(
    "clip", ["video/dev/headpose_alaa.mp4", "spoof/replay_video/dev/tranvan_real.mp4"], ids=["headpose", "tranvan"]
)
def test_a_copied_session_is_told_from_another_one_of_the_same_sitting(pool: LandmarkerPool, clip: str) -> None:
    pictures = pictures_of(clip)
    half = len(pictures) // 2
    first, second = (known(pool, part) for part in (pictures[:half], pictures[half:]))
    copied = known(pool, [cropped(brighter(image)) for image in pictures[:half]], 65)
    assert (judge_replay(second, [spread(first)]).score or 0) > TYPICAL_SCORE
    assert (judge_replay(copied, [spread(first)]).score or 0) < LIMIT_SCORE


def known(pool: LandmarkerPool, images: Sequence[BgrImage], quality: int = 80) -> list[int]:
    """Fingerprints of the pictures that show a face."""
    return [one for image in images if (one := fingerprint(pool, image, quality)) is not None]


def pictures_of(clip: str) -> list[BgrImage]:
    """Some pictures of a development clip, as large as the page sends them."""
    path = shared_path("media", *clip.split("/"))
    capture, pictures, number = cv2.VideoCapture(str(path)), [], 0
    while capture.grab():
        if number % EVERY == 0:
            image = capture.retrieve()[1]
            scale = 640 / max(image.shape[:2])
            pictures.append(np.asarray(cv2.resize(image, None, fx=scale, fy=scale), np.uint8))
        number += 1
    return pictures
