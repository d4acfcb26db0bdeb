"""A request's pictures and templates, read and described: what stands between the wire and the core."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from app.domain.comparison import FaceTemplate, Template
from app.domain.errors import InvalidImage, InvalidRequest, MatchingUnavailable
from app.matching.wire import MAX_IMAGES, GalleryItem, SampleBody, read_templates, wrong_templates
from app.services.ports import MatchingCore
from app.web.images import image_from_text


@dataclass(frozen=True)
class Sample:
    """A picture or a template, and where in the request it stands."""

    place: str
    content: bytes | Template


@dataclass(frozen=True)
class Described:
    """A sample's template, None where its picture shows no face; `face` only for a picture that shows one."""

    template: Template | None
    face: FaceTemplate | None = None


def read_samples(bodies: Mapping[str, SampleBody | GalleryItem]) -> list[Sample]:
    """Samples by where they stand in the request. `InvalidRequest` names the places of those that are none."""
    images = {f"{place}.image": body.image for place, body in bodies.items() if isinstance(body, SampleBody)}
    if sum(image is not None for image in images.values()) > MAX_IMAGES:
        too_many = f"holds more than {MAX_IMAGES} images, the probe's among them"
        raise InvalidRequest("The request has too many images.", {"references": too_many})
    given = {f"{place}.template": body.template for place, body in bodies.items() if body.template is not None}
    templates = iter(read_templates(given))
    found: list[Sample] = []
    for place in bodies:
        image = images.get(f"{place}.image")
        if image is None:
            found.append(Sample(f"{place}.template", next(templates)))
        else:
            found.append(Sample(f"{place}.image", read_image(f"{place}.image", image)))
    return found


def read_image(place: str, text: str) -> bytes:
    """Base64 with or without a data URL. Whether it is a picture is for the core to say."""
    try:
        return image_from_text(text)
    except ValueError as error:
        raise InvalidRequest("An image cannot be read.", {place: "is no base64"}) from error


def describe(core: MatchingCore, samples: Sequence[Sample]) -> list[Described]:
    """Templates of all samples, in their order; pictures at the same time, as far as the core allows.

    `InvalidRequest` for a picture that cannot be read, and for a template that the core cannot compare.
    """
    given = {sample.place: sample.content for sample in samples if isinstance(sample.content, Template)}
    _check_templates(core, given)
    pictures = [sample for sample in samples if isinstance(sample.content, bytes)]
    made = _faces_of(core, pictures)
    faces = iter(made)
    return [
        Described(sample.content) if isinstance(sample.content, Template) else _described(next(faces))
        for sample in samples
    ]


def _described(face: FaceTemplate | None) -> Described:
    return Described(face.template if face else None, face)


def _check_templates(core: MatchingCore, given: Mapping[str, Template]) -> None:
    """`InvalidRequest` for templates that are not of the core's model: they are the sender's mistake."""
    if not given:
        return
    health = core.health()
    own, numbers = health.template_format, health.dimension
    if own is None:
        raise MatchingUnavailable("The matching core is not ready.")
    foreign, wrong = f"is of another model than this core's, {own}", f"must hold {numbers} numbers"
    problems = {place: foreign for place, template in given.items() if template.format != own} or {
        place: wrong for place, template in given.items() if template.vector.size != numbers
    }
    if problems:
        raise wrong_templates(problems)


def _faces_of(core: MatchingCore, pictures: Sequence[Sample]) -> list[FaceTemplate | None]:
    """Threads only where there is something to do at the same time."""
    if len(pictures) < 2:
        return [_face_of(core, picture) for picture in pictures]
    with ThreadPoolExecutor(len(pictures), thread_name_prefix="describe") as threads:
        return list(threads.map(lambda picture: _face_of(core, picture), pictures))


def _face_of(core: MatchingCore, sample: Sample) -> FaceTemplate | None:
    assert isinstance(sample.content, bytes)
    try:
        return core.create_template(sample.content)
    except InvalidImage as error:
        raise InvalidRequest("An image cannot be read.", {sample.place: str(error)}) from error
