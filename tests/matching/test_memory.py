"""No accepted picture takes 300 MB above idle through the whole core, measured one after another in one process.

One after another, because what a picture leaves behind counts for the next one.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.adapters.images_kinds import encoded, png_chunk, tiff_of, with_orientation
from tests.matching.watched_core import MEMORY_LINE_MB, WatchedCore
from tests.portrait import close_up

SIDE = 5000  # 25 megapixels
PIECE = 64


def _scene() -> Image.Image:
    """A face that is found at once; the rest is even, so that the file stays below 5 MiB."""
    scene = Image.new("RGB", (SIDE, SIDE), (180, 150, 130))
    scene.paste(Image.fromarray(np.ascontiguousarray(close_up(1000, 750)[..., ::-1])), (1000, 1000))
    return scene


def _deep() -> np.ndarray:
    return np.asarray(_scene()).astype(np.uint16) * np.uint16(257)


def _png16() -> bytes:
    return bytes(cv2.imencode(".png", np.dstack([_deep(), np.full((SIDE, SIDE), 65535, np.uint16)]))[1].tobytes())


def _interlaced_png16() -> bytes:
    """Adam7 of 16-bit RGB with alpha, all zeros."""
    squeeze = zlib.compressobj()
    body = []
    for left, top, right, down in (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ):
        row = bytes(1 + 8 * -(-(SIDE - left) // right))
        body += [squeeze.compress(row) for _ in range(top, SIDE, down)]
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", SIDE, SIDE, 16, 6, 0, 0, 1))
    data = png_chunk(b"IDAT", b"".join(body) + squeeze.flush())
    return b"\x89PNG\r\n\x1a\n" + header + data + png_chunk(b"IEND", b"")


def _animation() -> bytes:
    side = 3500
    frame = _scene().crop((500, 500, 500 + side, 500 + side))
    black = Image.new("RGB", (side, side))
    return encoded(frame, "WEBP", save_all=True, append_images=[black], method=0)


def _inks() -> np.ndarray:
    return np.asarray(_scene().convert("CMYK"))


def _overlapping_tags() -> bytes:
    tags = b"".join(struct.pack("<HHII", 40_000 + number, 7, 4_000_000, 8) for number in range(500))
    return b"II*\0" + struct.pack("<IH", 8, 500) + tags + struct.pack("<I", 0) + bytes(4_000_000)


LARGEST: dict[str, Callable[[], bytes]] = {
    # Faceless pictures first: they are searched at every size, and nothing of it may stay.
    "png of one long row": lambda: encoded(Image.new("RGBA", (65_535, 381)), "PNG"),
    "interlaced 16-bit png": _interlaced_png16,
    "lying jpeg": lambda: with_orientation(_scene().transpose(Image.Transpose.ROTATE_90), 1, "JPEG"),
    "progressive jpeg 4:4:4": lambda: encoded(_scene(), "JPEG", progressive=True, subsampling=0),
    "cmyk jpeg": lambda: encoded(_scene().convert("CMYK"), "JPEG"),
    "turned jpeg": lambda: with_orientation(_scene(), 6, "JPEG"),
    "palette png": lambda: encoded(_scene().quantize(64), "PNG"),
    "16-bit png with alpha": _png16,
    "webp with alpha": lambda: encoded(_scene().convert("RGBA"), "WEBP", method=0),
    "animated webp": _animation,
    "turned cmyk tiff": lambda: with_orientation(_scene().convert("CMYK"), 6, "TIFF", compression="tiff_lzw"),
    "16-bit cmyk tiff": lambda: tiff_of(
        _inks().astype(np.uint16) * np.uint16(257), photometric="separated", compression="zlib", rowsperstrip=PIECE
    ),
    "16-bit tiff in one piece": lambda: tiff_of(_deep(), photometric="rgb", compression="zlib", rowsperstrip=SIDE),
    "floating-point tiff": lambda: tiff_of(
        _deep()[..., 0] / np.float32(65535), photometric="minisblack", compression="zlib", rowsperstrip=PIECE
    ),
}

REFUSED: dict[str, Callable[[], bytes]] = {
    "bomb": lambda: encoded(Image.new("RGB", (20_000, 20_000)), "PNG"),
    "progressive cmyk jpeg": lambda: encoded(_scene().convert("CMYK"), "JPEG", progressive=True),
    "16-bit cmyk tiff in one piece": lambda: tiff_of(
        _inks().astype(np.uint16) * np.uint16(257), photometric="separated", compression="zlib", rowsperstrip=SIDE
    ),
    "tags upon each other": _overlapping_tags,
}


@pytest.fixture(scope="module")
def watched() -> Iterator[WatchedCore]:
    with WatchedCore() as core:
        yield core


@pytest.mark.parametrize("name", LARGEST)
def test_the_largest_accepted_pictures_stay_below_the_line(name: str, watched: WatchedCore) -> None:
    outcome = watched.describe(LARGEST[name]())
    assert outcome.answer in ("template", "none")
    assert outcome.is_allowed, outcome


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_go_above_the_line_is_refused_by_its_header(name: str, watched: WatchedCore) -> None:
    outcome = watched.describe(REFUSED[name]())
    assert outcome.answer == "invalid"
    assert outcome.peak_mb < MEMORY_LINE_MB / 3, outcome


def test_after_all_that_the_memory_is_given_back(watched: WatchedCore) -> None:
    watched.describe(LARGEST["png of one long row"]())
    assert watched.describe(b"no image").peak_mb < MEMORY_LINE_MB / 3
