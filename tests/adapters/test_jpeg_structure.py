"""A JPEG's structure: the same for one encoder at one setting, another for any other, none for what is no JPEG."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.adapters.jpeg_structure import HEADERS_MAX, jpeg_structure


def jpeg(seed: int = 1, shape: tuple[int, int] = (48, 64), *options: int) -> bytes:
    image = np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)
    return cv2.imencode(".jpg", image, options or [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()


def test_pictures_of_one_encoder_share_it() -> None:
    assert jpeg_structure(jpeg(1)) == jpeg_structure(jpeg(2)) != ""


def test_the_size_of_the_picture_is_no_part_of_it() -> None:
    assert jpeg_structure(jpeg(shape=(48, 64))) == jpeg_structure(jpeg(shape=(64, 48)))


@pytest.mark.parametrize(
    "options",
    [
        (cv2.IMWRITE_JPEG_QUALITY, 81),
        (cv2.IMWRITE_JPEG_QUALITY, 80, cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
        (
            cv2.IMWRITE_JPEG_QUALITY,
            80,
            cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
            cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
        ),
    ],
)
def test_another_setting_is_another_structure(options: tuple[int, ...]) -> None:
    assert jpeg_structure(jpeg(1, (48, 64), *options)) not in ("", jpeg_structure(jpeg()))


def test_a_comment_is_another_structure() -> None:
    data = jpeg()
    commented = data[:2] + b"\xff\xfe\x00\x04hi" + data[2:]
    assert jpeg_structure(commented) not in ("", jpeg_structure(data))


@pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"\x89PNG\r\n", jpeg()[:40], b"\xff\xd8\xff\xd9\x00\x02"])
def test_what_is_no_whole_header_has_none(data: bytes) -> None:
    assert jpeg_structure(data) == ""


def test_headers_without_end_are_given_up() -> None:
    assert jpeg_structure(b"\xff\xd8" + b"\xff\xfe\x00\x02" * (HEADERS_MAX + 1) + jpeg()[2:]) == ""


@given(st.binary(max_size=400))
def test_any_bytes_are_read_without_harm(tail: bytes) -> None:
    assert isinstance(jpeg_structure(b"\xff\xd8" + tail), str)
