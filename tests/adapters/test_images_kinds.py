"""Every kind of file shows the same picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from app.adapters.images import Images
from app.domain.errors import InvalidImage
from app.domain.face import BgrImage
from tests.adapters import images_kinds as kinds

ALL_KINDS = (kinds.jpegs, kinds.pngs, kinds.webps, kinds.tiffs)


def _difference(image: BgrImage, expected: BgrImage) -> float:
    assert image.shape == expected.shape
    return float(np.abs(image.astype(int) - expected).mean())


@pytest.mark.parametrize("family", ALL_KINDS, ids=lambda family: family.__name__)
def test_the_pixels_of_every_kind_are_those_of_the_original(family: Callable[[], Iterator[kinds.Kind]]) -> None:
    wrong = {}
    for name, data, expected, tolerance in family():
        difference = _difference(Images().read_image(data), expected)
        if difference > tolerance:
            wrong[name] = difference
    assert not wrong


@pytest.mark.parametrize("family", ALL_KINDS, ids=lambda family: family.__name__)
def test_a_reader_of_smaller_tiles_sees_the_same(
    family: Callable[[], Iterator[kinds.Kind]], monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [data for _, data, _, _ in family()]
    whole = [Images().read_image(data) for data in files]
    monkeypatch.setattr("app.adapters.images._TILE_SIDE", 33)
    assert all(np.array_equal(Images().read_image(data), image) for data, image in zip(files, whole, strict=True))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("image_format", "mode", "options"),
    [
        ("JPEG", "RGB", {"quality": 95}),
        ("JPEG", "CMYK", {"quality": 95}),
        ("PNG", "RGB", {}),
        ("PNG", "RGBA", {}),
        ("PNG", "L", {}),
        ("WEBP", "RGB", {"lossless": True}),
        ("WEBP", "RGBA", {"lossless": True}),
        ("TIFF", "RGB", {}),
        ("TIFF", "CMYK", {"compression": "tiff_lzw"}),
    ],
)
def test_every_orientation_shows_the_picture_upright(
    orientation: int, image_format: str, mode: str, options: dict[str, object]
) -> None:
    upright = kinds.RGB.convert(mode)
    image = Images().read_image(kinds.with_orientation(upright, orientation, image_format, **options))
    tolerance = 4 if image_format == "JPEG" else 0
    assert _difference(image, kinds.bgr(np.asarray(upright.convert("RGB")))) <= tolerance


@pytest.mark.parametrize("orientation", [0, 9, 255, 65535])
def test_an_orientation_that_does_not_exist_turns_nothing(orientation: int) -> None:
    exif = Image.Exif()
    exif[kinds.ORIENTATION] = orientation
    image = Images().read_image(kinds.encoded(kinds.RGB, "PNG", exif=exif))
    assert np.array_equal(image, kinds.bgr(np.asarray(kinds.RGB)))


def test_orientation_after_the_pixels_of_a_png_counts() -> None:
    data = kinds.with_orientation(kinds.RGB, 6, "PNG")
    start = data.index(b"eXIf") - 4
    end = start + 12 + int.from_bytes(data[start : start + 4], "big")
    late = data[:start] + data[end:-12] + data[start:end] + data[-12:]
    assert np.array_equal(Images().read_image(late), kinds.bgr(np.asarray(kinds.RGB)))


def test_a_telephones_jpeg_of_several_pictures_shows_the_first() -> None:
    data = kinds.encoded(kinds.RGB, "MPO", save_all=True, append_images=[Image.new("RGB", (64, 64))], quality=95)
    assert _difference(Images().read_image(data), kinds.bgr(np.asarray(kinds.RGB))) < 4


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"a text and no image",
        b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
        b"\0\0\0\x1cftypheic\0\0\0\0mif1heicmiaf" + b"\0" * 64,
        b"\0\0\0\x1cftypavif\0\0\0\0mif1avifmiaf" + b"\0" * 64,
        b"RIFF\x04\0\0\0WEBP",
        b"\xff\xd8\xff\xd9",
        b"\x89PNG\r\n\x1a\n",
        b"II*\0\x08\0\0\0\0\0\0\0\0\0",
        *(kinds.encoded(kinds.RGB, name) for name in ("GIF", "BMP", "ICO", "AVIF", "JPEG2000", "PPM", "TGA")),
        kinds.png(8, 0, [b""], size=(0, 0)),
        kinds.png(8, 0, [], size=(9, 0)),
    ],
    ids=range(20),
)
def test_what_is_no_picture_of_the_four_formats_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidImage):
        Images().read_image(data)


@pytest.mark.parametrize("family", ALL_KINDS, ids=lambda family: family.__name__)
def test_no_kind_is_read_where_it_is_cut(family: Callable[[], Iterator[kinds.Kind]]) -> None:
    for name, data, _, _ in family():
        for share in (0.02, 0.3, 0.6):
            try:
                Images().read_image(data[: int(len(data) * share)])
            except InvalidImage:
                continue
            pytest.fail(f"{name}, cut to {share}, was read")


def test_libraries_print_nothing_about_a_broken_file(capfd: pytest.CaptureFixture[str]) -> None:
    for _, data, _, _ in [*kinds.tiffs(), *kinds.jpegs(), *kinds.pngs(), *kinds.webps()]:
        for damaged in (data[:200], data[: len(data) // 2], data[: len(data) // 2] + b"\xff" * 50):
            try:
                Images().read_image(damaged)
            except InvalidImage:
                continue
    assert capfd.readouterr() == ("", "")


def test_real_png_files_are_read_as_another_decoder_does(shared_media: Path) -> None:
    """OpenCV's own decoder (libpng) against Pillow's, for the files without transparency."""
    compared = 0
    for path in sorted((shared_media / "badinput/dev/pngsuite/png").glob("*.png")):
        other = cv2.imread(str(path), cv2.IMREAD_UNCHANGED | cv2.IMREAD_ANYDEPTH)
        if path.name.startswith(("t", "x")) or other is None or (other.ndim == 3 and other.shape[2] == 4):
            continue
        shown = np.asarray(other // 257 if other.dtype == np.uint16 else other, dtype=np.uint8)
        expected = shown if shown.ndim == 3 else np.repeat(shown[..., None], 3, axis=2)
        assert _difference(Images().read_image(path.read_bytes()), expected) <= 1, path.name
        compared += 1
    assert compared >= 20


@pytest.mark.parametrize(
    ("folder", "pattern"),
    [
        ("exif_orientation", "Landscape_*.jpg"),
        ("exif_orientation", "Portrait_*.jpg"),
        ("pillow/Tests/images", "hopper_orientation_*"),
        ("pillow/Tests/images", "g4_orientation_*.tif"),
    ],
)
def test_the_orientations_of_real_files_show_one_picture(shared_media: Path, folder: str, pattern: str) -> None:
    paths = sorted((shared_media / "badinput/dev" / folder).glob(pattern))
    first, *others = [Images().read_image(path.read_bytes()) for path in paths]
    assert len(others) >= 3
    assert all(_difference(image, first) < 12 for image in others)
