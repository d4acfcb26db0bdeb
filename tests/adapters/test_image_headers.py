"""Files that ask for more work or memory than a picture is worth are refused before a library sees them."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from app.adapters import image_headers
from app.adapters.images import Images
from app.domain.errors import InvalidImage
from tests.adapters.images_kinds import RGB, encoded, png, png_chunk, tiff, tiff_of

MEGABYTE = 1_000_000


def _png_with(chunk: bytes, times: int) -> bytes:
    return png(8, 0, [bytes(8)] * 8, chunk * times, size=(8, 8))


def _jpeg_with(inserted: bytes) -> bytes:
    data = encoded(RGB, "JPEG")
    return data[:2] + inserted + data[2:]


def _grey_tiff(*more: tuple[int, int, int, int], body: bytes = b"") -> bytes:
    entries = [(256, 4, 1, 64), (257, 4, 1, 64), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
    entries += [(273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, 64), (279, 4, 1, 4096), *more]
    return tiff(entries, body or bytes(8192))


PROFILE = png_chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(MEGABYTE)))


@pytest.mark.parametrize(
    "data",
    [
        _png_with(PROFILE, image_headers.MAX_PNG_PROFILES + 1),
        _png_with(png_chunk(b"prVt", b""), image_headers.MAX_PNG_CHUNKS),
        _png_with(png_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(MEGABYTE))), 80),
        _jpeg_with(b"\xff\xe5\0\2" * image_headers.MAX_JPEG_STEPS),
        _jpeg_with(b"\xff" * MEGABYTE),
        _jpeg_with(b"\xff\0" * MEGABYTE),
        _jpeg_with(bytes(MEGABYTE)),
        _grey_tiff(*[(40_000 + tag, 7, MEGABYTE, 8) for tag in range(3)], body=bytes(MEGABYTE)),
        _grey_tiff(*[(30_000 + tag, 3, 1, 0) for tag in range(image_headers.MAX_TIFF_TAGS)]),
    ],
    ids=["profiles", "chunks", "text", "segments", "fill", "escaped", "junk", "tag-data", "tags"],
)
def test_too_much_of_a_thing_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidImage):
        Images().read_image(data)


@pytest.mark.parametrize(
    "data",
    [
        _png_with(png_chunk(b"prVt", b""), 1000),
        _png_with(PROFILE, 1),
        _jpeg_with(b"\xff\xe5\0\2" * 1000 + bytes(1000)),
        _grey_tiff(*[(30_000 + tag, 3, 1, 0) for tag in range(200)]),
        _grey_tiff((40_000, 7, 4 * MEGABYTE, 8)),
        tiff_of(np.asarray(RGB), photometric="rgb", bigtiff=True),
    ],
    ids=["chunks", "profile", "segments", "tags", "tag-beyond-the-file", "bigtiff"],
)
def test_what_an_odd_but_honest_program_writes_is_read(data: bytes) -> None:
    assert Images().read_image(data).size


def test_strips_that_all_lie_upon_each_other_are_refused() -> None:
    rows, body = 500, bytes(4096)
    where = 8 + 2 + 12 * 9 + 4
    entries = [(256, 4, 1, 64), (257, 4, 1, rows), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
    entries += [(273, 4, rows, where), (277, 3, 1, 1), (278, 4, 1, 1), (279, 4, rows, where + 4 * rows)]
    lengths = struct.pack("<I", len(body)) * rows
    offsets = struct.pack("<I", where + 8 * rows) * rows
    with pytest.raises(InvalidImage):
        Images().read_image(tiff(entries, offsets + lengths + body))


def test_memory_is_known_from_the_header(monkeypatch: pytest.MonkeyPatch) -> None:
    large = Image.new("RGB", (2000, 2000))
    deep = np.zeros((2000, 2000, 4), np.uint16)
    in_one_piece = tiff_of(deep, photometric="separated", compression="zlib", rowsperstrip=2000)
    cases = {
        16: encoded(large, "JPEG"),
        16 + 24: encoded(large, "JPEG", progressive=True),
        16 + 32: encoded(large.convert("CMYK"), "JPEG", progressive=True),
        4: encoded(large.convert("L"), "PNG"),
        16 + 32.0: in_one_piece,
    }
    for megabytes, data in cases.items():
        monkeypatch.setattr("app.adapters.images.MAX_DECODING_BYTES", megabytes * MEGABYTE)
        assert Images().read_image(data).shape == (2000, 2000, 3)
        monkeypatch.setattr("app.adapters.images.MAX_DECODING_BYTES", megabytes * MEGABYTE - 1)
        with pytest.raises(InvalidImage, match="memory"):
            Images().read_image(data)


def test_a_thumbnails_scans_are_not_the_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    thumbnail = encoded(Image.new("L", (64, 64)), "JPEG")
    data = encoded(Image.new("RGB", (2000, 2000)), "JPEG")
    application = b"\xff\xe2" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    monkeypatch.setattr("app.adapters.images.MAX_DECODING_BYTES", 16 * MEGABYTE)
    assert Images().read_image(data[:2] + application + data[2:]).shape == (2000, 2000, 3)


@pytest.mark.parametrize("tag", [278, 258, 279, 284, 262])
@pytest.mark.parametrize("kind", [2, 5, 7, 12])
def test_tags_of_a_wrong_type_never_break_the_reader(tag: int, kind: int) -> None:
    entries = [(256, 4, 1, 64), (257, 4, 1, 64), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 8)]
    entries += [(277, 3, 1, 1), (278, 4, 1, 64), (279, 4, 1, 4096), (284, 3, 1, 1)]
    for count in (0, 1, 3, 2**31):
        broken = [(tag, kind, count, 8) if entry[0] == tag else entry for entry in entries]
        try:
            assert Images().read_image(tiff(broken, bytes(8192))).size
        except InvalidImage:
            continue


def test_no_file_of_random_bytes_breaks_the_walkers() -> None:
    random = np.random.default_rng(1)
    for magic in (b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        for length in (0, 1, 3, 7, 12, 100):
            for _ in range(50):
                assert image_headers.excess(magic + random.bytes(length)) in (None, "tags")
