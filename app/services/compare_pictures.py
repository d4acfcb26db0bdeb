"""Pictures that callers send become templates: all of one request at the same time, each refusal by name."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from app.domain.comparison import FaceTemplate, Template
from app.domain.errors import InvalidImage, InvalidRequest, MatchingUnavailable
from app.services.ports import MatchingCore


def describe_pictures(
    core: MatchingCore, pictures: Mapping[str, bytes], max_bytes: int
) -> Mapping[str, FaceTemplate | None]:
    """The largest face of each picture, by its name in the request; None where it shows none.

    `InvalidRequest` names every picture that cannot be read, whatever became of the others.
    `MatchingUnavailable`, `MatchingFailed` as of the core.
    """
    with ThreadPoolExecutor(max_workers=len(pictures)) as threads:
        waiting = {name: threads.submit(_describe, core, picture, max_bytes) for name, picture in pictures.items()}
    refused = {name: str(found.exception()) for name, found in waiting.items() if _is_refusal(found.exception())}
    if refused:
        raise InvalidRequest("An image cannot be used.", refused)
    return {name: found.result() for name, found in waiting.items()}


def score_of(core: MatchingCore, probe: Template, reference: Template) -> float:
    """0–100. `MatchingUnavailable` where a core far away changed its recognizer between the two pictures."""
    if probe.format != reference.format:
        raise MatchingUnavailable("The matching core is changing its recognizer.")
    return core.compare(probe, [reference])[0].value


def _describe(core: MatchingCore, picture: bytes, max_bytes: int) -> FaceTemplate | None:
    if len(picture) > max_bytes:
        raise InvalidImage(f"must be at most {max_bytes} bytes")
    return core.create_template(picture)


def _is_refusal(error: BaseException | None) -> bool:
    return isinstance(error, InvalidImage)
