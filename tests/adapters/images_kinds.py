"""The same picture in every kind of file that is accepted, and files that ask for more than they are worth."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from app.domain.face import BgrImage
from tests.portrait import close_up

Pixels = NDArray[Any]

WIDTH, HEIGHT = 160, 120
ORIENTATION = 0x0112
_RGB: Pixels = np.ascontiguousarray(close_up(WIDTH, HEIGHT)[..., ::-1])
RGB = Image.fromarray(_RGB)
GREY: Pixels = np.asarray(RGB.convert("L"))
_ALPHA: Pixels = np.tile(np.linspace(0, 255, WIDTH).astype(np.uint8), (HEIGHT, 1))
_DEEP = 257  # 255 · 257 = 65535

Kind = tuple[str, bytes, BgrImage, float]
"""Name, file, the pixels to be read, and how far their levels may be off in the mean."""


def encoded(picture: Image.Image, image_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, image_format, **options)
    return buffer.getvalue()


def with_orientation(upright: Image.Image, orientation: int, image_format: str, **options: object) -> bytes:
    """A file whose metadata turn it upright."""
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    stored = upright if orientation == 1 else upright.transpose(undo[orientation])
    return encoded(stored, image_format, exif=exif, **options)


def bgr(pixels: Pixels) -> BgrImage:
    """From RGB or grey."""
    return np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else np.ascontiguousarray(pixels[..., ::-1])


def over_white(image: BgrImage, alpha: Pixels = _ALPHA) -> BgrImage:
    shown = image.astype(float) * alpha[..., None] + 255.0 * (255 - alpha[..., None].astype(float))
    return np.asarray(np.rint(shown / 255).astype(np.uint8))


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(depth: int, colour: int, rows: Sequence[bytes], *chunks: bytes, size: tuple[int, int]) -> bytes:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, 0))
    body = png_chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows)))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + body + png_chunk(b"IEND", b"")


def tiff(entries: Sequence[tuple[int, int, int, int]], body: bytes) -> bytes:
    """Little-endian, of one directory: (tag, type, count, value or offset)."""
    table = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + table + struct.pack("<I", 0) + body


def tiff_of(pixels: Pixels, **options: Any) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, **options)
    return buffer.getvalue()


def _deep_rows(pixels: Pixels) -> list[bytes]:
    return [row.tobytes() for row in (pixels.astype(np.uint16) * _DEEP).astype(">u2")]


def jpegs() -> Iterator[Kind]:
    photo, grey = bgr(_RGB), bgr(GREY)
    # 4:4:4, 4:2:2, 4:2:0, 4:1:1 and 4:4:0; Pillow cannot write the last two.
    for sampling in (0x111111, 0x211111, 0x221111, 0x411111, 0x121111):
        parameters = [cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
        yield f"sampling-{sampling:x}", cv2.imencode(".jpg", photo, parameters)[1].tobytes(), photo, 6
    for is_progressive in (False, True):
        options = {"quality": 95, "progressive": is_progressive}
        yield f"rgb-{is_progressive}", encoded(RGB, "JPEG", **options), photo, 4
        yield f"grey-{is_progressive}", encoded(RGB.convert("L"), "JPEG", **options), grey, 3
        inks = Image.fromarray(np.dstack([255 - _RGB, np.zeros_like(GREY)]), "CMYK")
        inverted = encoded(inks, "JPEG", **options)
        yield f"cmyk-adobe-{is_progressive}", inverted, photo, 3
        plain = encoded(Image.fromarray(255 - np.asarray(inks), "CMYK"), "JPEG", **options)
        yield f"cmyk-plain-{is_progressive}", _without_adobe(plain), photo, 3
        yield f"ycck-{is_progressive}", _ycck(**options), photo, 4
    yield "rgb-without-ycc", encoded(RGB, "JPEG", quality=95, keep_rgb=True), photo, 3
    yield "restarts", encoded(RGB, "JPEG", quality=95, restart_marker_blocks=4), photo, 4


def _ycck(**options: object) -> bytes:
    """Pillow writes the inks inverted and says that they are CMYK: here they are YCC of the inks, and K."""
    inks = 255 - _RGB
    ycc = np.asarray(Image.fromarray(inks).convert("YCbCr"))
    stored = np.dstack([255 - ycc, np.zeros_like(GREY)])
    data = encoded(Image.fromarray(stored, "CMYK"), "JPEG", **options)
    transform = data.index(b"Adobe") + 11
    return data[:transform] + b"\2" + data[transform + 1 :]


def _without_adobe(data: bytes) -> bytes:
    start = data.index(b"\xff\xee")
    return data[:start] + data[start + 2 + int.from_bytes(data[start + 2 : start + 4], "big") :]


def pngs() -> Iterator[Kind]:
    size, photo, grey = (WIDTH, HEIGHT), bgr(_RGB), bgr(GREY)
    for bits in (1, 2, 4):
        levels = GREY >> (8 - bits)
        rows = [_packed(row, bits) for row in levels]
        stretched = bgr((levels * (255 // (2**bits - 1))).astype(np.uint8))
        yield f"grey{bits}", png(bits, 0, rows, size=size), stretched, 0
        for level in (0, 1, 2**bits - 1):
            key = png_chunk(b"tRNS", struct.pack(">H", level))
            alpha = np.where(levels == level, 0, 255)
            yield f"grey{bits}-key{level}", png(bits, 0, rows, key, size=size), over_white(stretched, alpha), 0
        colours = np.random.default_rng(bits).integers(0, 256, (2**bits, 3), dtype=np.uint8)
        palette, painted = png_chunk(b"PLTE", colours.tobytes()), bgr(colours[levels])
        yield f"palette{bits}", png(bits, 3, rows, palette, size=size), painted, 0
        alphas = np.linspace(0, 255, 2**bits).astype(np.uint8)
        lucid = png(bits, 3, rows, palette, png_chunk(b"tRNS", alphas.tobytes()), size=size)
        yield f"palette{bits}-alpha", lucid, over_white(painted, alphas[levels]), 0.5
    for name, rows, depth in (("8", [r.tobytes() for r in GREY], 8), ("16", _deep_rows(GREY), 16)):
        yield f"grey{name}", png(depth, 0, rows, size=size), grey, 0.5
        key = png_chunk(b"tRNS", struct.pack(">H", int(GREY[60, 80]) * (_DEEP if depth == 16 else 1)))
        alpha = np.where(GREY[60, 80] == GREY, 0, 255)
        yield f"grey{name}-key", png(depth, 0, rows, key, size=size), over_white(grey, alpha), 0.5
    deep, lucid_deep, veiled = _deep_rows(_RGB), np.dstack([_RGB, _ALPHA]), np.dstack([GREY, _ALPHA])
    yield "rgb16", png(16, 2, deep, size=size), photo, 0.5
    yield "rgba16", png(16, 6, _deep_rows(lucid_deep), size=size), over_white(photo), 1
    yield "grey-alpha8", encoded(Image.fromarray(veiled, "LA"), "PNG"), over_white(grey), 1
    yield "grey-alpha16", png(16, 4, _deep_rows(veiled), size=size), over_white(grey), 1
    yield "rgba8", encoded(Image.fromarray(lucid_deep), "PNG"), over_white(photo), 1
    key = png_chunk(b"tRNS", struct.pack(">HHH", *(int(value) for value in _RGB[60, 80])))
    alpha = np.where((_RGB[60, 80] == _RGB).all(axis=2), 0, 255)
    yield "rgb8-key", png(8, 2, [row.tobytes() for row in _RGB], key, size=size), over_white(photo, alpha), 0.5


def _packed(row: Pixels, bits: int) -> bytes:
    return np.packbits(((row[:, None] >> np.arange(bits - 1, -1, -1)) & 1).astype(np.uint8).ravel()).tobytes()


def webps() -> Iterator[Kind]:
    photo, lucid = bgr(_RGB), Image.fromarray(np.dstack([_RGB, _ALPHA]))
    yield "lossy", encoded(RGB, "WEBP", quality=95), photo, 6
    yield "lossless", encoded(RGB, "WEBP", lossless=True), photo, 0
    yield "lossless-alpha", encoded(lucid, "WEBP", lossless=True, exact=True), over_white(photo), 1
    yield "lossy-alpha", encoded(lucid, "WEBP", quality=95), over_white(photo), 6
    black = Image.new("RGB", RGB.size)
    for name, options in (("lossless", {"lossless": True}), ("lossy", {"quality": 95})):
        animated = encoded(RGB, "WEBP", save_all=True, append_images=[black], **options)
        yield f"animated-{name}", animated, photo, 0 if name == "lossless" else 6


def tiffs() -> Iterator[Kind]:
    """All that hold for both byte orders, stored and deflated; then the other compressions."""
    for order in "<>":
        for compression in (None, "zlib"):
            for name, data, expected, tolerance in _tiffs_of(byteorder=order, compression=compression):
                yield f"{name}-{order}-{compression}", data, expected, tolerance
    photo, grey = bgr(_RGB), bgr(GREY)
    for compression in ("tiff_lzw", "packbits", "tiff_adobe_deflate"):
        yield compression, encoded(RGB, "TIFF", compression=compression), photo, 0
    yield "jpeg-in-tiff", encoded(RGB, "TIFF", compression="jpeg", quality=95), photo, 4
    yield "zstd-or-lzma", tiff_of(_RGB, photometric="rgb", compression="lzma"), photo, 0
    yield "several-pages", encoded(RGB, "TIFF", save_all=True, append_images=[Image.new("L", (9, 9))]), photo, 0
    twelve = GREY.astype(np.uint16) * 16
    rows = b"".join(
        bytes((a >> 4, (a & 15) << 4 | b >> 8, b & 255)) for a, b in twelve.reshape(-1, 2).astype(int).tolist()
    )
    entries = [(256, 4, 1, WIDTH), (257, 4, 1, HEIGHT), (258, 3, 1, 12), (259, 3, 1, 1), (262, 3, 1, 1)]
    entries += [(273, 4, 1, 8 + 2 + 12 * 9 + 4), (277, 3, 1, 1), (278, 4, 1, HEIGHT), (279, 4, 1, len(rows))]
    yield "grey12", tiff(entries, rows), grey, 1.5
    inverted = tiff_of(65535 - GREY.astype(np.uint16) * _DEEP, photometric="miniswhite", byteorder="<")
    yield "grey16-white-is-zero", inverted, grey, 0.5


def _tiffs_of(**options: Any) -> Iterator[Kind]:
    photo, grey = bgr(_RGB), bgr(GREY)
    inks: Pixels = np.dstack([255 - _RGB, np.zeros_like(GREY)])
    for name, deepened in (("8", np.asarray), ("16", _deepened)):
        rgb, inky = deepened(_RGB), deepened(inks)
        planes = np.ascontiguousarray(rgb.transpose(2, 0, 1))
        of_rgb = {"photometric": "rgb", **options}
        yield (
            f"grey{name}",
            tiff_of(deepened(GREY), photometric="minisblack", **options),
            grey,
            0.5,
        )
        yield f"rgb{name}", tiff_of(rgb, **of_rgb), photo, 0.5
        yield f"tiled{name}", tiff_of(rgb, tile=(64, 64), **of_rgb), photo, 0.5
        yield f"planar{name}", tiff_of(planes, planarconfig="separate", **of_rgb), photo, 0.5
        tiled_planes = tiff_of(planes, planarconfig="separate", tile=(64, 64), **of_rgb)
        yield f"tiled-planar{name}", tiled_planes, photo, 0.5
        yield f"cmyk{name}", tiff_of(inky, photometric="separated", **options), photo, 1
        for alpha, colour in (("unassalpha", _RGB), ("assocalpha", _premultiplied(_RGB))):
            lucid = deepened(np.dstack([colour, _ALPHA]))
            yield f"rgba{name}-{alpha}", tiff_of(lucid, extrasamples=[alpha], **of_rgb), over_white(photo), 1.5
    for alpha, level in (("unassalpha", GREY), ("assocalpha", _premultiplied(GREY[..., None])[..., 0])):
        veiled = np.dstack([level, _ALPHA])
        contiguous = {"photometric": "minisblack", "planarconfig": "contig", "extrasamples": [alpha], **options}
        yield f"grey-{alpha}", tiff_of(veiled, **contiguous), over_white(grey), 1.5
    yield "grey-white-is-zero", tiff_of(255 - GREY, photometric="miniswhite", **options), grey, 0
    yield "one-bit", tiff_of(GREY > 128, photometric="minisblack", **options), bgr((GREY > 128) * np.uint8(255)), 0
    yield "float", tiff_of((GREY / 255).astype(np.float32), photometric="minisblack", **options), grey, 1
    few = RGB.quantize(64)
    listed = np.asarray(few.getpalette("RGB"), dtype=np.uint16).reshape(-1, 3)
    colours = np.zeros((3, 256), dtype=np.uint16)
    colours[:, : len(listed)] = listed.T * _DEEP
    painted = tiff_of(np.asarray(few), photometric="palette", colormap=colours, **options)
    yield "palette", painted, bgr(np.asarray(few.convert("RGB"))), 0


def _deepened(pixels: Pixels) -> Pixels:
    return pixels.astype(np.uint16) * np.uint16(_DEEP)


def _premultiplied(pixels: Pixels) -> Pixels:
    return np.asarray(np.rint(pixels.astype(float) * _ALPHA[..., None] / 255).astype(np.uint8))
