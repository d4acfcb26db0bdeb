"""The matching core as an HTTP service: the port's contract for those who have a token."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from flask import Blueprint, Flask, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import RequestEntityTooLarge

from app.domain.errors import InvalidRequest, Unauthorized
from app.matching.openapi import document
from app.matching.samples import Described, Sample, describe, read_image, read_samples
from app.matching.wire import (
    MAX_VALUES,
    CompareForm,
    CompareRequest,
    Json,
    SearchRequest,
    TemplateForm,
    TemplateRequest,
    candidate_json,
    face_json,
    health_json,
    score_json,
    template_json,
)
from app.services.ports import MatchingCore, Randomness
from app.web.application import install_web, not_cached
from app.web.errors import RETRY_AFTER_SECONDS
from app.web.requests import is_form, read_files, read_json, validate

BASE_PATH = "/v1"

NO_FACE, NO_REFERENCE, SEVERAL_FACES = "NO_FACE_DETECTED", "NO_REFERENCE_IMAGE", "MULTIPLE_FACES_DETECTED"
"""Warnings, as the public API has them."""


@dataclass(frozen=True)
class MatchingService:
    """The core, and who may ask it: whoever shows one of the `tokens`."""

    core: MatchingCore
    tokens: Sequence[str] = field(repr=False)
    randomness: Randomness
    max_body_bytes: int


def create_matching_app(service: MatchingService) -> Flask:
    """The application. It keeps nothing of what it is sent."""
    app = Flask("bonafide-matching", static_folder=None)
    install_web(app, service.randomness.nonce, service.max_body_bytes)
    guard = Guard(service.tokens, service.max_body_bytes)
    app.before_request(guard.check)
    app.register_blueprint(_v1(service.core))

    @app.get("/healthz")
    def healthz() -> ResponseReturnValue:
        health = service.core.health()
        if health.is_ready:
            return jsonify(health_json(health))
        return jsonify(health_json(health)), 503, {"Retry-After": str(RETRY_AFTER_SECONDS)}

    return app


class Guard:
    """Stands before everything under `/v1`, also before what is not there: first the token, then the length."""

    def __init__(self, tokens: Sequence[str], max_body_bytes: int) -> None:
        self._digests = [_digest(token) for token in tokens]
        self._max_body_bytes = max_body_bytes

    def check(self) -> None:
        """`Unauthorized` without one of the tokens; too long a body is refused by what it says of its length.

        Elsewhere no token is needed, but a wrong one is refused: `/healthz` tells a caller that its token is not
        known before there is work.
        """
        if not request.path.startswith(f"{BASE_PATH}/") and "Authorization" not in request.headers:
            return
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        shown = _digest(token.strip())
        # All of them are compared, and in constant time: the answer's time says nothing about a token.
        known = [hmac.compare_digest(shown, digest) for digest in self._digests]
        if scheme.lower() != "bearer" or not any(known):
            raise Unauthorized("A valid token is needed.")
        if (request.content_length or 0) > self._max_body_bytes:
            raise RequestEntityTooLarge


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogateescape")).digest()


def _v1(core: MatchingCore) -> Blueprint:
    v1 = Blueprint("v1", __name__, url_prefix=BASE_PATH)
    v1.after_request(not_cached)

    @v1.post("/templates")
    def create_template() -> ResponseReturnValue:
        return jsonify(_template_answer(core, _read_picture()))

    @v1.post("/compare")
    def compare() -> ResponseReturnValue:
        return jsonify(_compare_answer(core, describe(core, _read_probe_and_references())))

    @v1.post("/search")
    def search() -> ResponseReturnValue:
        return jsonify(_search_answer(core, read_json(SearchRequest, MAX_VALUES)))

    @v1.get("/openapi.json")
    def openapi() -> ResponseReturnValue:
        return jsonify(document())

    return v1


def _read_picture() -> Sample:
    if is_form():
        return Sample("image", validate(TemplateForm, _single(read_files(), "image")).image)
    return Sample("image", read_image("image", read_json(TemplateRequest).image))


def _read_probe_and_references() -> list[Sample]:
    """The probe first."""
    if is_form():
        form = validate(CompareForm, _single(read_files(), "probe"))
        references = [Sample(f"reference.{number}", image) for number, image in enumerate(form.reference)]
        return [Sample("probe", form.probe), *references]
    body = read_json(CompareRequest, MAX_VALUES)
    references_by_place = {f"references.{number}": sample for number, sample in enumerate(body.references)}
    return read_samples({"probe": body.probe, **references_by_place})


def _single(files: dict[str, list[bytes]], name: str) -> dict[str, object]:
    """The files, that of this name taken out of its list."""
    if len(files.get(name, ())) > 1:
        raise InvalidRequest("The request has wrong or missing fields.", {name: "must be there once"})
    return {other: found[0] if other == name else found for other, found in files.items()}


def _template_answer(core: MatchingCore, sample: Sample) -> Json:
    (described,) = describe(core, [sample])
    return {
        "face": face_json(described.face),
        "template": template_json(described.template) if described.template else None,
        "warnings": _warnings([described]),
    }


def _compare_answer(core: MatchingCore, described: Sequence[Described]) -> Json:
    probe, references = described[0], described[1:]
    found = [reference.template for reference in references if reference.template is not None]
    scores = iter(core.compare(probe.template, found) if probe.template and found else ())
    return {
        "probe": {"face": face_json(probe.face)},
        "scores": [
            score_json(next(scores)) if probe.template and reference.template else None for reference in references
        ],
        "calibration": core.health().calibration,
        "warnings": _warnings(described),
    }


def _search_answer(core: MatchingCore, body: SearchRequest) -> Json:
    keys = [item.key for item in body.gallery]
    if len(set(keys)) != len(keys):
        raise InvalidRequest("The gallery has one key twice.", {"gallery": "has one key twice"})
    places = {f"gallery.{number}": item for number, item in enumerate(body.gallery)}
    probe, *others = describe(core, read_samples({"probe": body.probe, **places}))
    if probe.template is None:
        return {"candidates": [], "warnings": _warnings([probe])}
    gallery = {key: other.template for key, other in zip(keys, others, strict=True) if other.template is not None}
    found = core.search(probe.template, gallery, body.limit)
    return {"candidates": [candidate_json(candidate) for candidate in found], "warnings": _warnings([probe])}


def _warnings(described: Sequence[Described]) -> list[str]:
    """The first is the probe, or the one picture."""
    found = {
        NO_FACE: described[0].template is None,
        NO_REFERENCE: any(reference.template is None for reference in described[1:]),
        SEVERAL_FACES: any(one.face is not None and one.face.faces > 1 for one in described),
    }
    return [warning for warning, is_due in found.items() if is_due]
