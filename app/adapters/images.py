"""Bounded decoding of images that strangers send.

Size, format and number of pixels are known from the header before anything is decoded: a PNG of
1.2 MB can unfold to 2.4 GB. Modes are converted in tiles that land upright, so that the largest accepted
picture costs its decoder's own memory and one BGR array, and no third copy.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import logging
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, TiffImagePlugin, _imaging

from app.adapters.image_headers import MAX_DECODING_BYTES, excess, is_too_costly
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

_FRAME_FORMATS = ("JPEG",)
_STILL_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF")
_NAMES = {_FRAME_FORMATS: "JPEG", _STILL_FORMATS: "JPEG, PNG, WebP or TIFF"}

_ORIENTATION_TAG = 0x0112
_TILE_SIDE = 512
_WHITE = 255

# TIFF 6.0, section 8.
_BITS_PER_SAMPLE, _PHOTOMETRIC = 258, 262
_WHITE_IS_ZERO = 0

Box = tuple[int, int, int, int]
"""Left, top, right and bottom, in pixels of the picture as the file holds it."""

# What a picture's metadata looks like is the sender's business and must not fill our log.
warnings.filterwarnings("ignore", module=r"PIL\.")
logging.getLogger("PIL").setLevel(logging.CRITICAL)

# Pillow's own decoder of uncompressed TIFF takes the planes of a 16-bit picture for something else.
TiffImagePlugin.READ_LIBTIFF = True

_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD of malloc.h
_RETURNED_BYTES = 8 * 1024 * 1024
_TRIM_THRESHOLD = -1  # M_TRIM_THRESHOLD
_KEPT_BYTES = 2 * _RETURNED_BYTES


def _tune_native_libraries() -> None:
    """Where no setting reaches. Pillow or the C library may be built in another way, and stay as they are then.

    libtiff and OpenCV would write complaints about a stranger's file to standard error. And the memory of a
    large picture goes back to the system at once: by default glibc learns from the first one to keep blocks of
    up to 32 MB, for each thread. Smaller blocks stay for the next picture, twice as much in all as the largest of
    them (glibc's own proportion): of the 128 kB that would else stay, once the other threshold is set, pages come
    and go several hundred times a picture, for a twentieth of its time.
    """
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    with contextlib.suppress(OSError, AttributeError):
        imaging = ctypes.CDLL(_imaging.__file__)
        imaging.TIFFSetErrorHandler(None)
        imaging.TIFFSetWarningHandler(None)
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_MMAP_THRESHOLD, _RETURNED_BYTES)
        libc.mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)


_tune_native_libraries()


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
            return _decode_webp(data, _orientation(picture)) if picture.format == "WEBP" else _decode(picture)
        except Exception as error:
            raise InvalidImage("The image is broken or truncated.") from error
        finally:
            picture.close()

    def _open(self, data: bytes, formats: tuple[str, ...]) -> ImageFile.ImageFile:
        """Read the header only, and refuse by what it says."""
        if len(data) > self._max_bytes:
            raise InvalidImage(f"The image is larger than {self._max_bytes} bytes.")
        if (what := excess(data)) is not None:
            raise InvalidImage(f"The image has too many {what}.")
        try:
            picture = Image.open(io.BytesIO(data), formats=formats)
        except Image.DecompressionBombError as error:
            raise InvalidImage(_too_many_pixels(self._max_pixels)) from error
        except Exception as error:
            raise InvalidImage(f"The image is broken or is not {_NAMES[formats]} of a common kind.") from error
        width, height = picture.size
        if width < 1 or height < 1:
            raise InvalidImage("The image is empty.")
        if max(width, height) > MAX_SIDE:
            raise InvalidImage(f"The image is longer than {MAX_SIDE} pixels.")
        is_animation = picture.format == "WEBP" and getattr(picture, "is_animated", False)
        # The decoder of an animated WebP holds two canvases.
        if width * height > self._max_pixels // (2 if is_animation else 1):
            raise InvalidImage(_too_many_pixels(self._max_pixels, is_animation=is_animation))
        if is_too_costly(picture, data, MAX_DECODING_BYTES * max(1.0, self._max_pixels / MAX_PIXELS)):
            raise InvalidImage("The image takes too much memory to decode, or is broken.")
        return picture


def _too_many_pixels(limit: int, *, is_animation: bool = False) -> str:
    if is_animation:
        return f"The image is animated and has more than {limit / 2e6:g} megapixels."
    return f"The image has more than {limit / 1e6:g} megapixels."


def _decode_webp(data: bytes, orientation: int) -> BgrImage:
    """By OpenCV, because Pillow's decoder takes 390 MB for 25 megapixels; this one 190 MB."""
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise ValueError("not decodable")
    if pixels.shape[2] == 3 and orientation == 1:
        return np.asarray(pixels, dtype=np.uint8)
    convert = np.asarray if pixels.shape[2] == 3 else _over_white
    return _assemble(
        (pixels.shape[1], pixels.shape[0]),
        orientation,
        lambda box: convert(pixels[box[1] : box[3], box[0] : box[2]]),
    )


def _decode(picture: ImageFile.ImageFile) -> BgrImage:
    """Any of Pillow's modes to BGR."""
    _mend(picture)
    picture.load()
    deep = _deep_grey(picture)
    convert = deep.to_eight_bits if deep else _to_bgr
    return _assemble(picture.size, _orientation(picture), lambda box: convert(picture.crop(box)))


def _assemble(size: tuple[int, int], orientation: int, read: Callable[[Box], NDArray[Any]]) -> BgrImage:
    """The upright picture from tiles; `size` (width, height) and `read` are of the picture in the file."""
    width, height = size
    upright = np.empty((width, height, 3) if orientation >= 5 else (height, width, 3), dtype=np.uint8)
    stored = _as_stored(upright, orientation)
    for box in _tiles(width, height):
        stored[box[1] : box[3], box[0] : box[2]] = read(box)
    return upright


def _as_stored(upright: BgrImage, orientation: int) -> BgrImage:
    """The same memory, seen as the file has it (EXIF orientation: CIPA DC-008, tag 274)."""
    rows = -1 if orientation in (3, 4, 7, 8) else 1
    columns = -1 if orientation in (2, 3, 6, 7) else 1
    turned = upright[::rows, ::columns]
    return turned.transpose(1, 0, 2) if orientation >= 5 else turned


def _tiles(width: int, height: int) -> Iterator[Box]:
    """Squares that cover the picture."""
    for top in range(0, height, _TILE_SIDE):
        for left in range(0, width, _TILE_SIDE):
            yield left, top, min(left + _TILE_SIDE, width), min(top + _TILE_SIDE, height)


def _mend(picture: ImageFile.ImageFile) -> None:
    """Three mistakes of Pillow 13, before it decodes: each gives wrong pixels and no error."""
    if len(picture.tile) != 1:
        return
    tile = picture.tile[0]
    mode, *rest = tile.args if isinstance(tile.args, tuple) else (tile.args,)
    if tile.codec_name == "jpeg" and mode == "CMYK;I" and "adobe" not in picture.info:
        # Adobe's programs store inks inverted, and say with a marker that it was them.
        picture.tile = [tile._replace(args=("CMYK", *rest))]
    if tile.codec_name == "libtiff" and mode in ("F;32BF", "I;32BS", "I;16BS"):
        # libtiff gives numbers in this machine's order, whatever the file's.
        picture.tile = [tile._replace(args=(mode.replace("B", ""), *rest))]
    if tile.codec_name == "zip" and mode in ("L;2", "L;4"):
        # The transparent level is kept as it is in the file, but the levels are stretched to 0–255.
        level = picture.info.get("transparency")
        if isinstance(level, int):
            picture.info["transparency"] = level * (85 if mode == "L;2" else 17)


def _to_bgr(tile: Image.Image) -> NDArray[Any]:
    if tile.mode in ("La", "RGBa"):
        pixels = np.asarray(tile).astype(np.uint16)
        return np.asarray(np.minimum(pixels[..., -2::-1] + (_WHITE - pixels[..., -1:]), _WHITE))
    if tile.has_transparency_data:
        return _over_white(cv2.cvtColor(np.asarray(tile.convert("RGBA")), cv2.COLOR_RGBA2BGRA))
    return np.asarray(cv2.cvtColor(np.asarray(tile.convert("RGB")), cv2.COLOR_RGB2BGR))


def _over_white(bgra: NDArray[Any]) -> NDArray[Any]:
    """Lay a picture with alpha over white: what a viewer would show."""
    alpha = bgra[..., 3:].astype(np.uint16)
    return (bgra[..., :3] * alpha + _WHITE * (_WHITE - alpha) + _WHITE // 2) // _WHITE


@dataclass(frozen=True)
class _DeepGrey:
    """How grey of more than 8 bits becomes 0–255; levels equal to `transparent` become white."""

    factor: float
    is_white_zero: bool
    transparent: int | None

    def to_eight_bits(self, tile: Image.Image) -> NDArray[Any]:
        levels = np.asarray(tile, dtype=np.float32)
        grey = np.clip(np.nan_to_num(levels), 0, _WHITE / self.factor) * self.factor
        if self.is_white_zero:
            grey = _WHITE - grey
        if self.transparent is not None:
            grey[levels == self.transparent] = _WHITE
        return np.asarray(grey.astype(np.uint8)[..., None])


def _deep_grey(picture: Image.Image) -> _DeepGrey | None:
    """For 12-, 16- and 32-bit and floating-point grey; None for the other modes.

    A picture of 32 bits or in floating point does not say what its white is, so the brightest pixel chooses
    among 1, 255 and 65535.
    """
    if picture.mode != "F" and not picture.mode.startswith("I"):
        return None
    tags = getattr(picture, "tag_v2", {})
    is_white_zero = tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO
    if picture.mode.startswith("I;16"):
        white = 2 ** tags.get(_BITS_PER_SAMPLE, (16,))[0] - 1
        level = picture.info.get("transparency")
        return _DeepGrey(_WHITE / white, is_white_zero, level if isinstance(level, int) else None)
    low, high = (float(extreme) for extreme in picture.getextrema())  # type: ignore[arg-type]
    if not np.isfinite([low, high]).all() or high > 65535:
        raise ValueError("grey levels out of range")
    white = 65535 if high > _WHITE else 1 if picture.mode == "F" and high <= 1 else _WHITE
    return _DeepGrey(_WHITE / white, is_white_zero, None)


def _orientation(picture: Image.Image) -> int:
    """EXIF orientation 1–8 as it still has to be applied; 1 where the metadata are unreadable."""
    try:
        orientation = int(picture.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # noqa: BLE001 - broken metadata do not make the pixels unusable
        return 1
    return orientation if 1 <= orientation <= 8 else 1
