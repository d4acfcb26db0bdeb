"""Logos: what is kept is small, upright, trimmed, and holds nothing of the file but its pixels."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from app.adapters.logo_pictures import KEPT_HEIGHT, KEPT_WIDTH, PillowLogos
from app.domain.branding import LOGO_MAX_BYTES
from app.services.keep_logo import LogoPicture


def made(picture: Image.Image, kind: str = "PNG", **save: object) -> LogoPicture:
    file = io.BytesIO()
    picture.save(file, kind, **save)
    return PillowLogos().make(file.getvalue())


def test_nothing_that_the_file_said_of_itself_is_kept() -> None:
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", "<script>secret</script>")
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x010E] = "secret"
    logo = made(Image.new("RGB", (90, 30), "red"), pnginfo=notes, icc_profile=profile, exif=exif)
    for word in (b"secret", b"iCCP", b"tEXt", b"eXIf"):
        assert word not in logo.png
    assert Image.open(io.BytesIO(logo.png)).info == {}


def test_the_clear_margin_goes_and_proportions_stay() -> None:
    picture = Image.new("RGBA", (400, 300), (0, 0, 0, 0))
    picture.paste("navy", (100, 100, 300, 150))
    logo = made(picture)
    assert (logo.width, logo.height) == (200, 50)


@pytest.mark.parametrize(
    ("size", "kept"), [((512, 512), (128, 128)), ((512, 8), (480, 8)), ((8, 512), (2, 128)), ((1, 1), (1, 1))]
)
def test_a_logo_is_shrunk_into_the_headers_room_and_never_to_nothing(
    size: tuple[int, int], kept: tuple[int, int]
) -> None:
    logo = made(Image.new("RGB", size, "navy"))
    assert (logo.width, logo.height) == kept
    assert logo.width <= KEPT_WIDTH
    assert logo.height <= KEPT_HEIGHT


def test_a_photograph_stands_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    logo = made(Image.new("RGB", (100, 40), "navy"), "JPEG", exif=exif)
    assert (logo.width, logo.height) == (40, 100)


def test_colours_are_fewer_where_all_would_be_too_many_bytes() -> None:
    grain = np.random.default_rng(7).integers(0, 256, (128, 480, 4), dtype=np.uint8)
    grain[..., 3] |= 128
    logo = made(Image.fromarray(grain, "RGBA"))
    assert len(logo.png) <= LOGO_MAX_BYTES
    assert (logo.width, logo.height) == (480, 128)
