"""Logos over Pillow. What is served was drawn by us: no metadata, no second frame, nothing but pixels."""

from __future__ import annotations

import io

from PIL import Image, ImageOps

from app.adapters.image_headers import MAX_DECODING_BYTES, excess, is_too_costly
from app.domain.branding import LOGO_MAX_BYTES, LOGO_MAX_SIDE
from app.services.keep_logo import LogoPicture, logo_refused

KEPT_WIDTH, KEPT_HEIGHT = 480, 128
"""Four device pixels for each of the page's: sharp on every phone."""

_FORMATS = ("PNG", "JPEG", "WEBP")
_COLOURS = 256
_CLEAR_BELOW = 8
"""Alpha, of 255, that nobody sees: what is around the logo is cut off with it."""


class PillowLogos:
    """Implements `LogoMaker`."""

    def make(self, data: bytes) -> LogoPicture:
        """Decoded, trimmed, and shrunk into the header's room."""
        picture = _trimmed(_decoded(data))
        picture.thumbnail((KEPT_WIDTH, KEPT_HEIGHT), Image.Resampling.LANCZOS)
        return LogoPicture(_png(picture), picture.width, picture.height)


def _decoded(data: bytes) -> Image.Image:
    if excess(data) is not None:
        raise logo_refused("asks for more work than a logo is worth")
    try:
        picture = Image.open(io.BytesIO(data), formats=_FORMATS)
    except Image.DecompressionBombError as error:
        raise logo_refused(f"must have at most {LOGO_MAX_SIDE} pixels on a side") from error
    except Exception as error:
        raise logo_refused("must be a PNG, JPEG or WebP picture") from error
    if max(picture.size) > LOGO_MAX_SIDE or min(picture.size) < 1:
        width, height = picture.size
        raise logo_refused(f"must have at most {LOGO_MAX_SIDE} pixels on a side, and has {width} x {height}")
    if getattr(picture, "is_animated", False):
        raise logo_refused("must not move")
    if is_too_costly(picture, data, MAX_DECODING_BYTES):
        raise logo_refused("asks for more work than a logo is worth")
    try:
        return ImageOps.exif_transpose(picture).convert("RGBA")
    except Exception as error:
        raise logo_refused("is broken") from error


def _trimmed(picture: Image.Image) -> Image.Image:
    """Without the clear margin around it, which would make it small and out of line."""
    seen = picture.getchannel("A").point([0] * _CLEAR_BELOW + [255] * (256 - _CLEAR_BELOW)).getbbox()
    if seen is None:
        raise logo_refused("is clear all over: there is nothing to see")
    return picture.crop(seen)


def _png(picture: Image.Image) -> bytes:
    """In all its colours where they fit, else in as many as a palette has."""
    whole = _written(picture)
    return (
        whole if len(whole) <= LOGO_MAX_BYTES else _written(picture.quantize(_COLOURS, Image.Quantize.FASTOCTREE))
    )


def _written(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.info = {}  # else a colour profile of the sender's would be written with it
    picture.save(file, "PNG", optimize=True)
    return file.getvalue()
