"""Signals of a frame: shapes, places, and what each answers to."""

from __future__ import annotations

import numpy as np
import pytest

from app.adapters.frame_signals import FrameSignalMeter
from app.domain.face import BgrImage, Observation
from app.domain.frame_signals import NOISE_SIDE, TEXTURE_SIDE, THUMBNAIL_SIZE, FrameSignals
from tests.faces import RESTING, measurement, seen

WALL, SKIN = (200, 100, 50), (60, 110, 190)


def picture(height: int = 480, width: int = 640) -> BgrImage:
    """A wall, and an ellipse of skin where the resting face is."""
    rows, columns = np.mgrid[0:height, 0:width]
    box = measurement(RESTING).box
    x, y = box.centre
    inside = ((columns - x) / (box.width / 2)) ** 2 + ((rows - y) / (box.height / 2)) ** 2 <= 1.0
    image = np.empty((height, width, 3), dtype=np.uint8)
    image[:], image[inside] = WALL, SKIN
    return image


def measure(image: BgrImage, data: bytes = b"data", observation: Observation | None = None) -> FrameSignals:
    return FrameSignalMeter().measure(image, data, observation or seen(RESTING))


def test_everything_has_its_shape() -> None:
    signals = measure(picture())
    assert signals.thumbnail.shape == THUMBNAIL_SIZE
    assert signals.noise.shape == (NOISE_SIDE, NOISE_SIDE)
    assert signals.texture is not None
    assert signals.texture.shape == (TEXTURE_SIDE, TEXTURE_SIDE)
    assert all(one.dtype == np.uint8 for one in (signals.thumbnail, signals.noise, signals.texture))
    assert signals.fingerprint is not None
    assert 0 <= signals.fingerprint < 2**64


def test_skin_and_surroundings_are_told_apart() -> None:
    signals = measure(picture())
    assert signals.skin == pytest.approx(SKIN)
    assert signals.surroundings == pytest.approx(WALL)


def test_without_a_face_there_is_neither_skin_nor_texture() -> None:
    signals = measure(picture(), observation=seen(None))
    assert signals.skin is None
    assert signals.texture is None
    assert signals.fingerprint is None
    assert signals.surroundings != pytest.approx(WALL)


def test_the_digest_is_of_the_bytes_and_not_of_the_picture() -> None:
    image = picture()
    assert measure(image, b"one").digest == measure(picture() // 2, b"one").digest != measure(image, b"two").digest


def test_the_patch_of_noise_is_the_corner_as_it_is_and_no_view() -> None:
    image = picture()
    signals = measure(image)
    image[:NOISE_SIDE, :NOISE_SIDE] = 0
    assert signals.noise.min() > 0


def test_a_frame_smaller_than_the_patch_is_measured() -> None:
    image = picture()[:40, :50].copy()
    signals = measure(image, observation=Observation(50, 40, None, 0.0, 100.0))
    assert signals.noise.shape == (40, 50)
    assert signals.thumbnail.shape == THUMBNAIL_SIZE
