"""The matching core in another process, over HTTP: the same contract as the embedded one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeVar

from app.domain.comparison import Candidate, ComparisonScore, FaceTemplate, Template, TemplateFormat
from app.domain.errors import InvalidImage, InvalidRequest, MatchingFailed
from app.domain.verdict import ModelIdentity
from app.matching.client import TOKEN_REFUSED, CoreClient, Refused
from app.matching.wire import (
    MAX_CANDIDATES,
    MAX_GALLERY,
    MAX_REFERENCES,
    CompareAnswer,
    HealthAnswer,
    ScoreAnswer,
    SearchAnswer,
    TemplateAnswer,
    TemplateBody,
    face_template,
    read_templates,
    template_json,
)
from app.services.ports import MatchingHealth

HEALTH_SECONDS = 2.0
"""Whoever asks for health asks again soon."""

REQUEST_BYTES = 8 * 1024 * 1024
"""Templates are sent in parts of about this size: less than any core takes at once."""
KEY_BYTES = 1536
"""What stands beside the numbers of a template, at most."""

T = TypeVar("T")


class RemoteMatchingCore:
    """`MatchingCore` over HTTP. All calls can be repeated, and are (`CoreClient`)."""

    def __init__(self, client: CoreClient) -> None:
        self._client = client
        self._models: tuple[ModelIdentity, ...] = ()

    def create_template(self, image: bytes) -> FaceTemplate | None:
        """Template of the largest face, None where there is none."""
        try:
            answer = self._client.post_image("/v1/templates", image, TemplateAnswer)
        except Refused as error:
            raise _wrong_image(error) from error
        if answer.face is None or answer.template is None:
            return None
        return face_template(answer.face, _template(answer.template))

    def compare(self, probe: Template, references: Sequence[Template]) -> Sequence[ComparisonScore]:
        """Scores in the order of the references."""
        if not references:
            # The probe is checked nevertheless, as the embedded core does.
            self._compare(probe, [probe])
        parts = _parts(iter(references), min(MAX_REFERENCES, _at_once(probe)))
        return [score for part in parts for score in self._compare(probe, part)]

    def _compare(self, probe: Template, references: Sequence[Template]) -> list[ComparisonScore]:
        body = {
            "probe": {"template": template_json(probe)},
            "references": [{"template": template_json(reference)} for reference in references],
        }
        try:
            answer = self._client.post_json("/v1/compare", body, CompareAnswer)
        except Refused as error:
            raise MatchingFailed("The templates cannot be compared.") from error
        scores = [_score(score) for score in answer.scores if score is not None]
        if len(scores) != len(references) or len(answer.scores) != len(references):
            raise MatchingFailed("The remote matching core's answer lacks scores.")
        return scores

    def search(self, probe: Template, gallery: Mapping[str, Template], limit: int) -> Sequence[Candidate]:
        """Exact; of equal scores the smaller key comes first.

        A gallery that is too large for one request is searched in parts. A part of which more candidates are
        wanted than one answer has holds no more than that.
        """
        most = min(MAX_GALLERY, _at_once(probe)) if limit <= MAX_CANDIDATES else MAX_CANDIDATES
        parts = _parts(iter(gallery.items()), most) if gallery else iter([[]])
        found = [candidate for part in parts for candidate in self._search(probe, dict(part), limit)]
        return sorted(found, key=lambda one: (-one.score.cosine, one.key))[: max(0, limit)]

    def _search(self, probe: Template, gallery: Mapping[str, Template], limit: int) -> list[Candidate]:
        body = {
            "probe": {"template": template_json(probe)},
            "gallery": [{"key": key, "template": template_json(template)} for key, template in gallery.items()],
            "limit": min(max(1, limit), MAX_CANDIDATES),
        }
        try:
            answer = self._client.post_json("/v1/search", body, SearchAnswer)
        except Refused as error:
            raise MatchingFailed("The templates cannot be compared.") from error
        found = [Candidate(candidate.key, _score(candidate)) for candidate in answer.candidates]
        keys = {candidate.key for candidate in found}
        if not keys <= gallery.keys() or len(keys) != len(found):
            raise MatchingFailed("The remote matching core's answer names what it was not sent.")
        return found

    def health(self) -> MatchingHealth:
        """Asked once, within `HEALTH_SECONDS`. Out of reach it still names the models that it had last."""
        try:
            reply = self._client.get_once("/healthz", HEALTH_SECONDS)
            if reply.status in TOKEN_REFUSED:
                return self._not_ready("it refuses our token (BONAFIDE_MATCHING_TOKENS)")
            answer = reply.read(HealthAnswer)
        except MatchingFailed:
            return self._not_ready("its answer is none of the contract")
        except Exception:  # noqa: BLE001 - never raises: readiness is asked for when things are broken
            return self._not_ready("out of reach")
        self._models = tuple(ModelIdentity(model.name, model.sha256) for model in answer.models)
        if reply.status != 200 or answer.status != "ready":
            return self._not_ready(answer.reason or "not ready")
        made = answer.template_format
        return MatchingHealth(
            is_ready=True,
            models=self._models,
            template_format=TemplateFormat(made.model_id, made.model_version) if made else None,
            calibration=answer.calibration,
            dimension=answer.dimension,
        )

    def _not_ready(self, reason: str) -> MatchingHealth:
        return MatchingHealth(is_ready=False, models=self._models, reason=f"remote matching core: {reason}")

    def close(self) -> None:
        """Give back the connections."""
        self._client.close()


def _wrong_image(error: Refused) -> InvalidImage | MatchingFailed:
    """The core's own words. It may take smaller images than this process does."""
    if error.status == 413:
        return InvalidImage("The image is too large.")
    what = error.fields.get("image")
    return InvalidImage(what) if what else MatchingFailed("The remote matching core refused the request.")


def _template(body: TemplateBody) -> Template:
    """What the core sends is checked like what it is sent."""
    try:
        (template,) = read_templates({"template": body})
    except InvalidRequest as error:
        raise MatchingFailed("The remote matching core's template is damaged.") from error
    return template


def _score(answer: ScoreAnswer) -> ComparisonScore:
    return ComparisonScore(answer.score, answer.cosine)


def _at_once(probe: Template) -> int:
    """Templates of this length that one request takes."""
    return max(1, REQUEST_BYTES // (probe.vector.size * 16 // 3 + KEY_BYTES))


def _parts(items: Iterator[T], size: int) -> Iterator[list[T]]:
    while part := list(islice(items, size)):
        yield part
