"""What must hold of every picture and every pair of templates, with the real models."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from app.domain.comparison import DEFAULT_THRESHOLD, ComparisonOutcome, FaceTemplate, Template
from app.domain.face import BgrImage
from app.matching.embedded import EmbeddedMatchingCore
from tests.adapters.images_kinds import encoded, tiff_of, with_orientation
from tests.models_fixture import real_core
from tests.portrait import astronaut, jpeg

FACE_WIDTH_PX = 90
"""Of the face in the astronaut's portrait, as YuNet has it."""

FEW = settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
MANY = settings(max_examples=200, deadline=None, derandomize=True)


@pytest.fixture(scope="module")
def core() -> Iterator[EmbeddedMatchingCore]:
    made = real_core()
    yield made
    made.close()


def described(core: EmbeddedMatchingCore, image: bytes) -> FaceTemplate:
    found = core.create_template(image)
    assert found is not None
    return found


def png(image: BgrImage) -> bytes:
    return bytes(cv2.imencode(".png", image)[1].tobytes())


def portrait(face_width: float, roll_degrees: float = 0.0) -> BgrImage:
    """Head and shoulders with a face of this width; of the widest the head alone, which stays in 25 megapixels."""
    scale = face_width / FACE_WIDTH_PX
    turn = cv2.getRotationMatrix2D((223, 120), roll_degrees, 1)
    turned = cv2.warpAffine(astronaut(), turn, (512, 512), borderMode=cv2.BORDER_REPLICATE)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    cut = turned[:260, 60:400] if face_width <= 1500 else turned[35:205, 158:290]
    return np.asarray(cv2.resize(cut, None, fx=scale, fy=scale, interpolation=method), np.uint8)


def rgb(image: BgrImage) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(image[..., ::-1]))


@pytest.fixture(scope="module")
def upright(core: EmbeddedMatchingCore) -> Template:
    return described(core, png(portrait(200))).template


@MANY
@given(seeds=st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)), blend=st.floats(0, 1))
def test_a_comparison_is_symmetric(
    core: EmbeddedMatchingCore, upright: Template, seeds: tuple[int, int], blend: float
) -> None:
    first, second = (np.random.default_rng(seed).normal(size=len(upright.vector)) for seed in seeds)
    one, other = (
        Template(upright.format, (vector / np.linalg.norm(vector)).astype(np.float32))
        for vector in (first, blend * first + (1 - blend) * second)
    )
    assert core.compare(one, [other]) == core.compare(other, [one])
    itself = core.compare(one, [one])[0]
    assert itself.cosine == pytest.approx(1, abs=1e-5)
    assert core.compare(one, [other])[0].value <= itself.value


def test_comparisons_of_real_people_are_symmetric(core: EmbeddedMatchingCore, shared_media: Path) -> None:
    paths = sorted((shared_media / "faces/lfw_deepfunneled").glob("*/*.jpg"))[::400]
    templates = [described(core, path.read_bytes()).template for path in paths]
    assert len(templates) >= 4
    for one in templates:
        for other in templates:
            assert core.compare(one, [other]) == core.compare(other, [one])


@FEW
@given(width=st.integers(60, 400), quality=st.integers(60, 95))
def test_the_same_bytes_give_the_same_template_in_any_thread(
    core: EmbeddedMatchingCore, width: int, quality: int
) -> None:
    images = [jpeg(portrait(width), quality), jpeg(portrait(120), 80)] * 4
    with ThreadPoolExecutor(8) as callers:
        found = list(callers.map(lambda image: described(core, image), images))
    for index, face in enumerate(found):
        assert np.array_equal(face.template.vector, found[index % 2].template.vector)
        assert (face.box, face.sharpness) == (found[index % 2].box, found[index % 2].sharpness)


@FEW
@given(width=st.integers(60, 250), left=st.integers(0, 80), top=st.integers(0, 20))
def test_the_template_does_not_depend_on_the_container(
    core: EmbeddedMatchingCore, width: int, left: int, top: int
) -> None:
    image = portrait(width)[top:, left:]
    picture = rgb(image)
    first, *others = [
        described(core, data).template
        for data in (
            png(image),
            encoded(picture, "PNG", compress_level=1),
            encoded(picture.convert("RGBA"), "PNG"),
            encoded(picture, "WEBP", lossless=True),
            encoded(picture, "TIFF"),
            encoded(picture, "TIFF", compression="tiff_lzw"),
            tiff_of(np.asarray(picture).astype(np.uint16) * np.uint16(257), photometric="rgb", byteorder=">"),
        )
    ]
    assert all(np.array_equal(other.vector, first.vector) for other in others)
    assert described(core, encoded(picture, "JPEG", quality=90)).template.cosine(first) > 0.95


@pytest.mark.parametrize("width", [70, 200])
@pytest.mark.parametrize(("image_format", "options"), [("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True})])
def test_a_turned_picture_without_loss_has_the_very_same_template(
    core: EmbeddedMatchingCore, width: int, image_format: str, options: dict[str, object]
) -> None:
    picture = rgb(portrait(width))
    first, *others = [
        described(core, with_orientation(picture, orientation, image_format, **options)).template
        for orientation in range(1, 9)
    ]
    assert all(np.array_equal(other.vector, first.vector) for other in others)


@pytest.mark.parametrize("width", [100, 300])
def test_a_turned_jpeg_has_the_same_template(core: EmbeddedMatchingCore, width: int) -> None:
    picture = rgb(portrait(width))
    options: dict[str, object] = {"quality": 95, "subsampling": 0}
    first, *others = [
        described(core, with_orientation(picture, orientation, "JPEG", **options)).template
        for orientation in range(1, 9)
    ]
    # Not the very same: the encoder loses other details of a picture that lies on its side.
    assert min(other.cosine(first) for other in others) > 0.97


@pytest.mark.parametrize("is_progressive", [False, True])
@pytest.mark.parametrize("image_format", ["JPEG", "TIFF"])
def test_a_cmyk_photograph_looks_right(
    core: EmbeddedMatchingCore, upright: Template, image_format: str, *, is_progressive: bool
) -> None:
    options: dict[str, object] = {"progressive": is_progressive, "quality": 92} if image_format == "JPEG" else {}
    inks = encoded(rgb(portrait(200)).convert("CMYK"), image_format, **options)
    assert described(core, inks).template.cosine(upright) > 0.9


@pytest.mark.parametrize("width", [60, 61, 75, 120, 250, 320, 500, 640, 900, 1500, 2200, 3000])
def test_faces_of_60_to_3000_pixels_match(core: EmbeddedMatchingCore, upright: Template, width: int) -> None:
    face = described(core, jpeg(portrait(width), 80))
    assert face.faces == 1
    assert face.box.width == pytest.approx(width, rel=0.2)
    score = core.compare(face.template, [upright])[0]
    assert score.outcome(DEFAULT_THRESHOLD) is ComparisonOutcome.MATCH
    assert score.cosine > 0.85


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(roll_degrees=st.floats(-30, 30), width=st.sampled_from([60, 120, 300, 1000]))
def test_tilted_faces_match_the_upright_one(
    core: EmbeddedMatchingCore, upright: Template, roll_degrees: float, width: int
) -> None:
    face = described(core, jpeg(portrait(width, roll_degrees)))
    assert core.compare(face.template, [upright])[0].cosine > 0.8


@FEW
@given(widths=st.permutations([60, 100, 160]))
def test_the_largest_of_several_faces_is_described(
    core: EmbeddedMatchingCore, upright: Template, widths: list[int]
) -> None:
    pieces = [portrait(width) for width in widths]
    canvas = np.full(
        (max(len(piece) for piece in pieces), sum(piece.shape[1] for piece in pieces), 3), 90, np.uint8
    )
    left, expected = 0, 0.0
    for width, piece in zip(widths, pieces, strict=True):
        # The others lie mirrored, so that their templates differ from the largest one's.
        canvas[: len(piece), left : left + piece.shape[1]] = piece if width == 160 else piece[:, ::-1]
        expected = left if width == 160 else expected
        left += piece.shape[1]
    found = described(core, png(canvas))
    assert found.faces == 3
    assert found.second_face_ratio == pytest.approx(100 / 160, abs=0.1)
    assert expected < found.box.centre[0] < expected + pieces[widths.index(160)].shape[1]
    assert found.template.cosine(upright) > 0.85


@FEW
@given(side=st.integers(1, 300), seed=st.integers(0, 2**32 - 1))
def test_noise_and_emptiness_have_no_face(core: EmbeddedMatchingCore, side: int, seed: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (side, 320 - side, 3), dtype=np.uint8)
    assert core.create_template(png(noise)) is None
    assert core.create_template(png(np.full((side, 320 - side, 3), seed % 256, np.uint8))) is None
