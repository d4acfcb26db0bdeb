"""Bounded decoding of images that strangers send.

Size, format and number of pixels are known from the header before anything is decoded: a PNG of
1.2 MB can unfold to 2.4 GB. Modes are converted in tiles, so that the largest accepted picture costs
its decoder's own memory and one BGR array, and no third copy.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.domain.errors import InvalidImage
from app.domain.face import BgrImage

MAX_PIXELS = 25_000_000
"""The contract's limit for a still."""

MAX_SIDE = 65_535
"""JPEG's own limit, held for every format: decoders keep whole rows in memory, twice."""

MAX_BYTES = 5 * 1024 * 1024
"""The contract's limit for an image file."""

MAX_FRAME_SIDE = 1280
"""Pixels of a video frame's longer side; the page sends 640 or less."""

MAX_JPEG_SCANS = 32
"""Progressive JPEGs have about ten. Each scan is a pass over all pixels and may be 12 bytes long: without
a limit a frame of 256 kB keeps a core busy for 40 s."""

_FRAME_FORMATS = ("JPEG",)
_STILL_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF")
_NAMES = {_FRAME_FORMATS: "JPEG", _STILL_FORMATS: "JPEG, PNG, WebP or TIFF"}

_START_OF_SCAN = b"\xff\xda"
_ORIENTATION_TAG = 0x0112
_TILE_SIDE = 1024
_WEBP_ROWS = 64  # of at most 16,383 pixels
_WHITE = 255

# What a picture's metadata looks like is the sender's business and must not fill our log.
warnings.filterwarnings("ignore", module=r"PIL\.")


class Images:
    """`ImageReader` over Pillow (stills) and OpenCV (frames)."""

    def __init__(self, max_pixels: int = MAX_PIXELS, max_bytes: int = MAX_BYTES) -> None:
        self._max_pixels = max_pixels
        self._max_bytes = max_bytes

    def read_frame(self, data: bytes) -> BgrImage:
        """Decode a JPEG video frame of at most `MAX_FRAME_SIDE` pixels a side. `InvalidImage` otherwise."""
        header = self._open(data, _FRAME_FORMATS)
        if max(header.size) > MAX_FRAME_SIDE:
            raise InvalidImage(f"The frame is larger than {MAX_FRAME_SIDE} pixels.")
        try:
            frame = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        except cv2.error:
            frame = None
        if frame is None:
            raise InvalidImage("The frame is broken.")
        return np.asarray(frame, dtype=np.uint8)

    def read_image(self, data: bytes) -> BgrImage:
        """Decode a still by its content, upright; the first picture of several. `InvalidImage` otherwise.

        Transparent parts become white; 16-bit and floating-point grey is scaled to 0–255.
        """
        picture = self._open(data, _STILL_FORMATS)
        try:
            if picture.format == "WEBP":
                pixels = _decode_webp(data)
            else:
                picture.load()
                pixels = _to_bgr(picture)
        except Exception as error:
            raise InvalidImage("The image is broken or truncated.") from error
        orientation = _orientation(picture)
        picture.close()
        return _upright(pixels, orientation)

    def _open(self, data: bytes, formats: tuple[str, ...]) -> Image.Image:
        """Read the header only, and refuse by what it says."""
        if len(data) > self._max_bytes:
            raise InvalidImage(f"The image is larger than {self._max_bytes} bytes.")
        try:
            picture = Image.open(io.BytesIO(data), formats=formats)
        except Image.DecompressionBombError as error:
            raise InvalidImage(self._too_many_pixels()) from error
        except Exception as error:
            raise InvalidImage(f"The image is broken or is not {_NAMES[formats]}.") from error
        width, height = picture.size
        if width < 1 or height < 1:
            raise InvalidImage("The image is empty.")
        if max(width, height) > MAX_SIDE:
            raise InvalidImage(f"The image is longer than {MAX_SIDE} pixels.")
        # The decoder of an animated WebP holds two canvases.
        canvases = 2 if picture.format == "WEBP" and getattr(picture, "is_animated", False) else 1
        if canvases * width * height > self._max_pixels:
            raise InvalidImage(self._too_many_pixels())
        if "JPEG" in formats and data.count(_START_OF_SCAN) > MAX_JPEG_SCANS and data[:2] == b"\xff\xd8":
            raise InvalidImage("The image has too many scans.")
        return picture

    def _too_many_pixels(self) -> str:
        return f"The image has more than {self._max_pixels / 1e6:g} megapixels."


def _decode_webp(data: bytes) -> BgrImage:
    """By OpenCV, because Pillow's decoder takes 390 MB for 25 megapixels; this one 190 MB."""
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise ValueError("not decodable")
    if pixels.shape[2] == 3:
        return np.asarray(pixels, dtype=np.uint8)
    bgr = np.empty((*pixels.shape[:2], 3), dtype=np.uint8)
    for top in range(0, pixels.shape[0], _WEBP_ROWS):
        rows = slice(top, top + _WEBP_ROWS)
        bgr[rows] = _over_white(pixels[rows])
    return bgr


def _to_bgr(picture: Image.Image) -> BgrImage:
    """Any of Pillow's modes to BGR, tile by tile."""
    pixels = np.empty((picture.height, picture.width, 3), dtype=np.uint8)
    scale = _grey_scale(picture)
    for left, top, right, bottom in _tiles(picture):
        pixels[top:bottom, left:right] = _tile_to_bgr(picture.crop((left, top, right, bottom)), scale)
    return pixels


def _tile_to_bgr(tile: Image.Image, scale: float | None) -> NDArray[Any]:
    if scale is not None:
        grey = np.nan_to_num(np.asarray(tile, dtype=np.float32)) * scale
        return np.asarray(np.clip(grey, 0, _WHITE).astype(np.uint8)[..., None])
    if tile.has_transparency_data:
        return _over_white(cv2.cvtColor(np.asarray(tile.convert("RGBA")), cv2.COLOR_RGBA2BGRA))
    return np.asarray(cv2.cvtColor(np.asarray(tile.convert("RGB")), cv2.COLOR_RGB2BGR))


def _tiles(picture: Image.Image) -> Iterator[tuple[int, int, int, int]]:
    """Squares that cover the picture, as (left, top, right, bottom)."""
    for top in range(0, picture.height, _TILE_SIDE):
        for left in range(0, picture.width, _TILE_SIDE):
            right, bottom = left + _TILE_SIDE, top + _TILE_SIDE
            yield left, top, min(right, picture.width), min(bottom, picture.height)


def _grey_scale(picture: Image.Image) -> float | None:
    """Factor that brings deep grey (16-bit, 32-bit, floating point) to 0–255; None for the other modes.

    The file does not say what its white is, so the brightest pixel chooses among 1, 255 and 65535.
    """
    if picture.mode != "F" and not picture.mode.startswith("I"):
        return None
    if picture.mode.startswith("I;16"):
        return _WHITE / 65535
    low, high = (float(extreme) for extreme in picture.getextrema())  # type: ignore[arg-type]
    if not np.isfinite([low, high]).all() or high > 65535:
        raise ValueError("grey levels out of range")
    if picture.mode == "F" and high <= 1:
        return float(_WHITE)
    return 1.0 if high <= _WHITE else _WHITE / 65535


def _over_white(bgra: NDArray[Any]) -> BgrImage:
    """Lay a picture with alpha over white: what a viewer would show."""
    alpha = bgra[..., 3:].astype(np.uint16)
    blended = (bgra[..., :3] * alpha + _WHITE * (_WHITE - alpha) + _WHITE // 2) // _WHITE
    return blended.astype(np.uint8)


def _orientation(picture: Image.Image) -> int:
    """EXIF orientation 1–8 as it still has to be applied; 1 where the metadata are unreadable."""
    try:
        return int(picture.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # noqa: BLE001 - broken metadata do not make the pixels unusable
        return 1


def _upright(pixels: BgrImage, orientation: int) -> BgrImage:
    """Undo what the EXIF orientation says (CIPA DC-008, tag 274)."""
    if orientation in (5, 6, 7, 8):
        pixels = cv2.transpose(pixels).astype(np.uint8, copy=False)
    if orientation in (2, 6, 3, 7):
        pixels = cv2.flip(pixels, 1 if orientation in (2, 6) else -1).astype(np.uint8, copy=False)
    elif orientation in (4, 8):
        pixels = cv2.flip(pixels, 0).astype(np.uint8, copy=False)
    return pixels
