from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from app.adapters.image_headers import MAX_JPEG_SCANS
from app.adapters.images import Images
from app.domain.errors import InvalidImage
from app.domain.face import BgrImage
from tests.portrait import close_up, jpeg

RED_RGB = (200, 30, 40)
RED_BGR = (40, 30, 200)


def _encoded(picture: Image.Image, image_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, image_format, **options)
    return buffer.getvalue()


def _centre(image: BgrImage) -> tuple[int, ...]:
    return tuple(int(value) for value in image[image.shape[0] // 2, image.shape[1] // 2])


def _is_close(image: BgrImage, expected: tuple[int, int, int], tolerance: int = 4) -> bool:
    return bool(np.abs(np.array(_centre(image)) - expected).max() <= tolerance)


@pytest.mark.parametrize(
    ("image_format", "mode"),
    [
        ("JPEG", "RGB"),
        ("JPEG", "CMYK"),
        ("PNG", "RGB"),
        ("PNG", "RGBA"),
        ("PNG", "P"),
        ("WEBP", "RGB"),
        ("WEBP", "RGBA"),
        ("TIFF", "RGB"),
        ("TIFF", "CMYK"),
        ("TIFF", "RGBA"),
    ],
)
def test_every_accepted_format_gives_blue_green_red(image_format: str, mode: str) -> None:
    red = Image.new("RGB", (40, 30), RED_RGB)
    picture = red.quantize(8) if mode == "P" else red.convert(mode)
    image = Images().read_image(_encoded(picture, image_format))
    assert image.shape == (30, 40, 3)
    assert image.dtype == np.uint8
    assert _is_close(image, RED_BGR)


@pytest.mark.parametrize("image_format", ["PNG", "WEBP", "TIFF"])
def test_transparent_parts_become_white_whatever_lies_under_them(image_format: str) -> None:
    picture = Image.new("RGBA", (20, 20), (*RED_RGB, 0))
    image = Images().read_image(_encoded(picture, image_format, lossless=True))
    assert _centre(image) == (255, 255, 255)


@pytest.mark.parametrize(
    ("levels", "image_format"),
    [
        (np.full((20, 20), 32768, np.uint16), "PNG"),
        (np.full((20, 20), 32768, np.uint16), "TIFF"),
        (np.full((20, 20), 32768, np.int32), "TIFF"),
        (np.full((20, 20), 128, np.int32), "TIFF"),
        (np.full((20, 20), 128.0, np.float32), "TIFF"),
        (np.full((20, 20), 0.5, np.float32), "TIFF"),
        (np.full((20, 20), 32768.0, np.float32), "TIFF"),
    ],
)
def test_deep_grey_is_scaled_to_eight_bits(levels: np.ndarray, image_format: str) -> None:
    image = Images().read_image(_encoded(Image.fromarray(levels), image_format))
    assert _is_close(image, (128, 128, 128), tolerance=1)


def test_grey_levels_that_are_no_numbers_are_refused_or_read_as_black() -> None:
    levels = np.full((20, 20), 0.5, np.float32)
    levels[10, 10] = np.nan
    image = Images().read_image(_encoded(Image.fromarray(levels), "TIFF"))
    assert _centre(image) == (0, 0, 0)
    with pytest.raises(InvalidImage):
        Images().read_image(_encoded(Image.fromarray(np.full((20, 20), np.inf, np.float32)), "TIFF"))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_the_orientation_of_the_metadata_is_applied(orientation: int, image_format: str) -> None:
    upright = np.zeros((48, 32, 3), dtype=np.uint8)
    upright[:24, :16] = (255, 0, 0)
    upright[:24, 16:] = (0, 255, 0)
    upright[24:, :16] = (0, 0, 255)
    undo = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    picture = Image.fromarray(upright)
    stored = picture if undo is None else picture.transpose(undo)
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Images().read_image(_encoded(stored, image_format, exif=exif, quality=95))
    assert image.shape == upright.shape
    assert np.abs(image.astype(int) - upright[..., ::-1])[4:20, 4:12].max() < 30
    assert np.abs(image.astype(int) - upright[..., ::-1])[28:44, 20:28].max() < 30
    assert np.abs(image.astype(int) - upright[..., ::-1])[4:20, 20:28].max() < 30


def test_broken_metadata_do_not_spoil_the_picture() -> None:
    data = _encoded(Image.new("RGB", (20, 20), RED_RGB), "JPEG", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff")
    assert _is_close(Images().read_image(data), RED_BGR)


@pytest.mark.parametrize("image_format", ["WEBP", "TIFF"])
def test_the_first_of_several_pictures_counts(image_format: str) -> None:
    first, second = Image.new("RGB", (20, 20), RED_RGB), Image.new("RGB", (20, 20), (0, 0, 0))
    data = _encoded(first, image_format, save_all=True, append_images=[second], lossless=True)
    assert _is_close(Images().read_image(data), RED_BGR)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_truncated_image_is_refused(image_format: str) -> None:
    data = _encoded(Image.fromarray(close_up(200, 150)), image_format)
    for length in (0, 1, 10, len(data) // 2, len(data) * 9 // 10):
        with pytest.raises(InvalidImage):
            Images().read_image(data[:length])


@pytest.mark.parametrize("image_format", ["GIF", "BMP", "PPM", "ICO", "TGA"])
def test_other_formats_are_refused_whatever_they_are_called(image_format: str) -> None:
    with pytest.raises(InvalidImage, match="JPEG, PNG, WebP or TIFF"):
        Images().read_image(_encoded(Image.new("RGB", (20, 20)), image_format))


def test_limits_hold_exactly() -> None:
    picture = _encoded(Image.new("RGB", (100, 50)), "PNG")
    assert Images(max_pixels=5000).read_image(picture).shape == (50, 100, 3)
    with pytest.raises(InvalidImage, match="megapixels"):
        Images(max_pixels=4999).read_image(picture)
    assert Images(max_bytes=len(picture)).read_image(picture).shape == (50, 100, 3)
    with pytest.raises(InvalidImage, match="bytes"):
        Images(max_bytes=len(picture) - 1).read_image(picture)


def test_a_jpeg_of_endless_scans_is_refused() -> None:
    data = _encoded(Image.new("RGB", (64, 64), RED_RGB), "JPEG", progressive=True)
    assert _is_close(Images().read_image(data), RED_BGR)
    last_scan = data[data.rindex(b"\xff\xda") : -2]
    bomb = data[:-2] + last_scan * MAX_JPEG_SCANS + b"\xff\xd9"
    for read in (Images().read_image, Images().read_frame):
        with pytest.raises(InvalidImage, match="scans"):
            read(bomb)


def test_a_frame_is_a_jpeg_of_bounded_size() -> None:
    frame = close_up()
    decoded = Images().read_frame(jpeg(frame, quality=95))
    assert decoded.shape == (480, 640, 3)
    assert np.abs(decoded.astype(int) - frame).mean() < 5
    assert Images().read_frame(jpeg(np.zeros((720, 1280, 3), np.uint8))).shape == (720, 1280, 3)
    with pytest.raises(InvalidImage, match="1280"):
        Images().read_frame(jpeg(np.zeros((720, 1281, 3), np.uint8)))
    with pytest.raises(InvalidImage, match="not JPEG"):
        Images().read_frame(_encoded(Image.new("RGB", (64, 64)), "PNG"))


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.9])
def test_a_cut_frame_is_refused(share: float) -> None:
    data = jpeg(close_up())
    with pytest.raises(InvalidImage):
        Images().read_frame(data[: int(len(data) * share)])


def test_reasons_name_no_library_and_no_path() -> None:
    reasons = []
    for data in (b"", b"garbage", jpeg(close_up())[:500], b"II*\x00" + b"\xff" * 40):
        with pytest.raises(InvalidImage) as caught:
            Images().read_image(data)
        reasons.append(str(caught.value).lower())
    assert not [
        reason for reason in reasons for word in ("pillow", "pil", "opencv", "cv2", "/", "0x") if word in reason
    ]


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_damaged_images_are_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    image_format = data.draw(st.sampled_from(["JPEG", "PNG", "WEBP", "TIFF"]))
    damaged = bytearray(_encoded(Image.fromarray(close_up(64, 48)), image_format))
    for position in data.draw(st.lists(st.integers(0, len(damaged) - 1), max_size=8)):
        damaged[position] = data.draw(st.integers(0, 255))
    for read in (Images().read_image, Images().read_frame):
        try:
            image = read(bytes(damaged))
        except InvalidImage:
            continue
        assert image.ndim == 3
        assert image.dtype == np.uint8


def test_hostile_files_are_read_or_refused_and_nothing_else(shared_media: Path) -> None:
    readable = refused = 0
    for path in sorted(path for path in (shared_media / "badinput").rglob("*") if path.is_file()):
        for read in (Images().read_image, Images().read_frame):
            try:
                image = read(path.read_bytes())
            except InvalidImage:
                refused += 1
                continue
            readable += 1
            assert image.ndim == 3
            assert image.shape[2] == 3
            assert image.dtype == np.uint8
    assert readable > 100
    assert refused > 100


PEAK_OF_READING = """
import re, sys
from pathlib import Path
from app.adapters.images import Images
from app.domain.errors import InvalidImage
try:
    print(Images().read_image(sys.stdin.buffer.read()).shape)
except InvalidImage as reason:
    print(reason)
print(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.parametrize(
    ("image_format", "mode", "width", "height", "expected"),
    [
        ("PNG", "1", 20_000, 20_000, "The image has more than 25 megapixels."),
        ("PNG", "RGBA", 5_000, 5_000, "(5000, 5000, 3)"),
        ("PNG", "RGBA", 65_535, 381, "(381, 65535, 3)"),
        ("PNG", "RGBA", 25_000_000, 1, "The image is longer than 65535 pixels."),
        ("WEBP", "RGBA", 5_000, 5_000, "(5000, 5000, 3)"),
        ("JPEG", "CMYK", 5_000, 5_000, "(5000, 5000, 3)"),
    ],
)
def test_reading_takes_less_than_300_megabytes(
    image_format: str, mode: str, width: int, height: int, expected: str
) -> None:
    bomb = _encoded(Image.new(mode, (width, height)), image_format)
    result = subprocess.run(
        [sys.executable, "-c", PEAK_OF_READING], input=bomb, capture_output=True, check=True, timeout=120
    )
    answer, peak = result.stdout.decode().splitlines()
    assert answer == expected
    assert int(peak) < 300 * 1024  # kilobytes
