"""What every matching core does, wherever it runs: the same questions to one in this process and one over HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import cv2
import numpy as np
import pytest

from app.domain.comparison import Candidate, FaceTemplate, Template, TemplateFormat
from app.domain.errors import InvalidImage, MatchingFailed, MatchingUnavailable
from app.matching import remote as remote_module
from app.matching.embedded import EmbeddedMatchingCore
from app.services.ports import MatchingCore
from tests.matching.served import remote, serving
from tests.models_fixture import real_core
from tests.portrait import astronaut, close_up, jpeg

PORTRAIT = jpeg(astronaut())
CLOSE_UP = jpeg(close_up())
TWO_FACES = jpeg(np.hstack([close_up(), cv2.resize(close_up(), (320, 480))]))
NO_FACE = jpeg(np.full((480, 640, 3), 128, dtype=np.uint8))


@pytest.fixture(scope="module")
def embedded() -> Iterator[EmbeddedMatchingCore]:
    core = real_core()
    yield core
    core.close()


@pytest.fixture(scope="module", params=["embedded", "remote"])
def core(request: pytest.FixtureRequest, embedded: EmbeddedMatchingCore) -> Iterator[MatchingCore]:
    if request.param == "embedded":
        yield embedded
        return
    with serving(embedded) as url, remote(url) as client:
        yield client


def made(core: MatchingCore, image: bytes) -> FaceTemplate:
    face = core.create_template(image)
    assert face is not None
    return face


def random_templates(template_format: TemplateFormat, count: int, seed: int = 1) -> list[Template]:
    vectors = np.random.default_rng(seed).normal(size=(count, 128)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return [Template(template_format, vector) for vector in vectors]


def assert_same(one: FaceTemplate, other: FaceTemplate) -> None:
    """Bit for bit."""
    assert one.template.vector.dtype == other.template.vector.dtype == np.float32
    assert one.template.vector.tobytes() == other.template.vector.tobytes()
    assert one.template.format == other.template.format
    blank = Template(one.template.format, np.zeros(1, dtype=np.float32))
    assert replace(one, template=blank) == replace(other, template=blank)


@pytest.mark.parametrize("image", [PORTRAIT, CLOSE_UP, TWO_FACES], ids=["portrait", "close-up", "two faces"])
def test_a_template_is_the_same_wherever_it_is_made(
    core: MatchingCore, embedded: EmbeddedMatchingCore, image: bytes
) -> None:
    assert_same(made(core, image), made(embedded, image))


def test_of_several_faces_the_largest_counts(core: MatchingCore) -> None:
    face = made(core, TWO_FACES)
    assert face.faces == 2
    assert 0.3 < face.second_face_ratio < 0.7
    assert face.box.x < 640


def test_a_picture_without_a_face_has_no_template(core: MatchingCore) -> None:
    assert core.create_template(NO_FACE) is None


@pytest.mark.parametrize(
    "image", [b"", b"nothing", PORTRAIT[:2000], b"GIF89a" + bytes(50), b"\r\n--boundary--\r\n"]
)
def test_a_broken_image_is_refused_in_the_same_words(
    core: MatchingCore, embedded: EmbeddedMatchingCore, image: bytes
) -> None:
    with pytest.raises(InvalidImage) as expected:
        embedded.create_template(image)
    with pytest.raises(InvalidImage) as found:
        core.create_template(image)
    assert str(found.value) == str(expected.value)


def test_an_image_that_is_too_large_is_the_senders_fault(core: MatchingCore) -> None:
    with pytest.raises(InvalidImage):
        core.create_template(PORTRAIT + bytes(6 * 1024 * 1024))
    with pytest.raises(InvalidImage):
        core.create_template(PORTRAIT + bytes(17 * 1024 * 1024))


def test_scores_are_in_the_order_of_the_references(core: MatchingCore, embedded: EmbeddedMatchingCore) -> None:
    probe = made(embedded, PORTRAIT).template
    references = [*random_templates(probe.format, 20), probe, made(embedded, CLOSE_UP).template]
    scores = core.compare(probe, references)
    assert list(scores) == list(embedded.compare(probe, references))
    assert scores[20].value == 100
    assert max(score.value for score in scores[:20]) < 30 < scores[21].value


def test_a_comparison_is_symmetric(core: MatchingCore, embedded: EmbeddedMatchingCore) -> None:
    one, other = made(embedded, PORTRAIT).template, made(embedded, CLOSE_UP).template
    assert core.compare(one, [other]) == core.compare(other, [one])


def test_without_references_there_are_no_scores(core: MatchingCore, embedded: EmbeddedMatchingCore) -> None:
    assert core.compare(made(embedded, PORTRAIT).template, []) == []


def test_more_references_than_one_request_takes_are_compared_all(
    core: MatchingCore, embedded: EmbeddedMatchingCore
) -> None:
    probe, *references = random_templates(made(embedded, PORTRAIT).template.format, 1004)
    assert list(core.compare(probe, references)) == list(embedded.compare(probe, references))


FOREIGN = TemplateFormat("another-model", "1")


def shortened(template: Template) -> Template:
    vector = template.vector[:64] / np.linalg.norm(template.vector[:64])
    return Template(template.format, vector.astype(np.float32))


def damaged(template: Template) -> Template:
    vector = template.vector.copy()
    vector[3] = np.nan
    return Template(template.format, vector)


def test_templates_that_do_not_go_together_are_refused(core: MatchingCore, embedded: EmbeddedMatchingCore) -> None:
    own = made(embedded, PORTRAIT).template
    foreign = Template(FOREIGN, own.vector)
    for probe, references in [
        (own, [own, foreign]),
        (foreign, [own]),
        (foreign, [foreign]),
        (foreign, []),
        (own, [own, shortened(own)]),
        (own, [damaged(own)]),
    ]:
        with pytest.raises(MatchingFailed):
            core.compare(probe, references)
    for probe, gallery in [(own, {"a": own, "b": foreign}), (foreign, {}), (own, {"a": damaged(own)})]:
        with pytest.raises(MatchingFailed):
            core.search(probe, gallery, 5)


def expected_search(
    embedded: EmbeddedMatchingCore, probe: Template, gallery: Mapping[str, Template], limit: int
) -> Sequence[Candidate]:
    scores = embedded.compare(probe, list(gallery.values()))
    found = [Candidate(key, score) for key, score in zip(gallery, scores, strict=True)]
    return sorted(found, key=lambda one: (-one.score.cosine, one.key))[:limit]


@pytest.mark.parametrize("limit", [-1, 0, 1, 7, 100, 150, 10_000])
def test_a_search_gives_the_highest_first_and_of_equal_ones_the_smaller_key(
    core: MatchingCore, embedded: EmbeddedMatchingCore, limit: int
) -> None:
    probe, *others = random_templates(made(embedded, PORTRAIT).template.format, 301)
    gallery = {f"key {number % 50:02}-{number}": other for number, other in enumerate([*others, *others[:20]])}
    found = core.search(probe, gallery, limit)
    assert list(found) == list(expected_search(embedded, probe, gallery, max(0, limit)))


def test_a_gallery_of_several_requests_is_searched_as_one(
    core: MatchingCore, embedded: EmbeddedMatchingCore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_module, "REQUEST_BYTES", 100_000)
    probe, *others = random_templates(made(embedded, PORTRAIT).template.format, 501)
    gallery = {f"schlüssel/{number}": other for number, other in enumerate(others)}
    assert list(core.search(probe, gallery, 20)) == list(expected_search(embedded, probe, gallery, 20))


def test_an_empty_gallery_holds_no_candidate(core: MatchingCore, embedded: EmbeddedMatchingCore) -> None:
    assert list(core.search(made(embedded, PORTRAIT).template, {}, 5)) == []


def test_health_names_models_format_and_scale(core: MatchingCore, embedded: EmbeddedMatchingCore) -> None:
    health = core.health()
    assert health == embedded.health()
    assert health.is_ready
    assert health.template_format == made(embedded, PORTRAIT).template.format


def test_many_threads_ask_at_once_and_each_gets_its_own_answer(
    core: MatchingCore, embedded: EmbeddedMatchingCore
) -> None:
    images = [PORTRAIT, CLOSE_UP, NO_FACE] * 4
    with ThreadPoolExecutor(6) as threads:
        faces = list(threads.map(core.create_template, images))
    for image, face in zip(images, faces, strict=True):
        if image == NO_FACE:
            assert face is None
        else:
            assert face is not None
            assert_same(face, made(embedded, image))


def test_a_core_that_was_closed_is_unavailable() -> None:
    closed = real_core()
    closed.close()
    with serving(closed) as url, remote(url) as client, remote(url) as closed_client:
        closed_client.close()
        for core in (closed, client, closed_client):
            with pytest.raises(MatchingUnavailable):
                core.create_template(PORTRAIT)
