"""The matching core's contract over HTTP: what is sent and answered, in camelCase, as both sides validate it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from app.domain.comparison import Candidate, ComparisonScore, FaceTemplate, Template, TemplateFormat
from app.domain.errors import InvalidRequest
from app.domain.face import FaceBox
from app.matching.gallery import LENGTH_TOLERANCE
from app.services.ports import MatchingHealth
from app.web.openapi import FilePart
from app.web.requests import MAX_PROBLEMS, Body

MAX_REFERENCES = 1_000
MAX_IMAGES = 10
"""In one request, the probe's among them."""
MAX_GALLERY = 25_000
MAX_CANDIDATES = 100
MAX_KEY_CHARACTERS = 256
MAX_NAME_CHARACTERS = 128

VECTOR_MIN, VECTOR_MAX = 16, 4096
"""Numbers in a template, as for recognizers (app/adapters/recognizer_entry.py)."""
FLOAT32_BYTES = 4

MAX_VALUES = 20 * MAX_GALLERY
"""Names, values and items of the largest body: a search has eleven for each template."""

Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARACTERS)]
Json = dict[str, object]


class TemplateBody(Body):
    """A template. `vector`: base64 of little-endian float32, L2-normalized."""

    model_id: Name
    model_version: Name
    vector: Annotated[
        str,
        Field(
            max_length=(VECTOR_MAX * FLOAT32_BYTES + 2) // 3 * 4,
            json_schema_extra={"contentEncoding": "base64", "contentMediaType": "application/octet-stream"},
        ),
    ]


class SampleBody(Body):
    """A picture (base64, with or without a data URL in front) or a template: one of the two."""

    image: str | None = None
    template: TemplateBody | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.image is None) == (self.template is None):
            raise ValueError("must have either an image or a template")
        return self


class TemplateRequest(Body):
    """`POST /v1/templates`. `image`: base64, with or without a data URL in front."""

    image: str


class TemplateForm(Body):
    """`POST /v1/templates` as a form."""

    image: FilePart


class CompareRequest(Body):
    """`POST /v1/compare`. At most ten images, the probe's among them."""

    probe: SampleBody
    references: Annotated[list[SampleBody], Field(min_length=1, max_length=MAX_REFERENCES)]


class CompareForm(Body):
    """`POST /v1/compare` as a form: files `probe` and `reference`, the latter once or several times."""

    probe: FilePart
    reference: Annotated[list[FilePart], Field(min_length=1, max_length=MAX_IMAGES - 1)]


class GalleryItem(Body):
    """A template and the key by which a search names it."""

    key: Annotated[str, Field(min_length=1, max_length=MAX_KEY_CHARACTERS)]
    template: TemplateBody


class SearchRequest(Body):
    """`POST /v1/search`. Keys are unique."""

    probe: SampleBody
    gallery: Annotated[list[GalleryItem], Field(max_length=MAX_GALLERY)]
    limit: Annotated[int, Field(ge=1, le=MAX_CANDIDATES)]


class BoxAnswer(Body):
    """In pixels of the upright picture; may reach beyond its edges."""

    x: float
    y: float
    width: Annotated[float, Field(gt=0)]
    height: Annotated[float, Field(gt=0)]


class FaceAnswer(Body):
    """The largest face. `interocularPx`: distance of the eyes. `sharpness`: variance of the Laplacian.

    `secondFaceRatio`: the second largest face's width over the largest's, 0 where there is one face.
    """

    box: BoxAnswer
    interocular_px: Annotated[float, Field(ge=0)]
    sharpness: Annotated[float, Field(ge=0)]
    second_face_ratio: Annotated[float, Field(ge=0, le=1)]
    faces: Annotated[int, Field(ge=1, le=100_000)]


Warnings = list[Annotated[str, Field(max_length=64)]]


class TemplateAnswer(Body):
    """Both are null where no face was found; `warnings` says so."""

    face: FaceAnswer | None
    template: TemplateBody | None
    warnings: Warnings


class ScoreAnswer(Body):
    """`score` is 0–100 and monotone in `cosine`, by the scale that `calibration` names."""

    score: Annotated[float, Field(ge=0, le=100)]
    cosine: Annotated[float, Field(ge=-1, le=1)]


class ProbeAnswer(Body):
    """`face` is null where the probe was a template, or shows no face."""

    face: FaceAnswer | None


class CompareAnswer(Body):
    """Scores in the order of the references; null where the probe or the reference shows no face."""

    probe: ProbeAnswer
    scores: list[ScoreAnswer | None]
    calibration: str | None
    warnings: Warnings


class CandidateAnswer(ScoreAnswer):
    """One template of the gallery."""

    key: str


class SearchAnswer(Body):
    """The highest scores first, of equal ones the smaller key."""

    candidates: Annotated[list[CandidateAnswer], Field(max_length=MAX_CANDIDATES)]
    warnings: Warnings


class ModelAnswer(Body):
    """`sha256` is null for a model that could not be loaded."""

    name: str
    sha256: str | None


class FormatAnswer(Body):
    """Of the templates that are made."""

    model_id: Name
    model_version: Name


class HealthAnswer(Body):
    """Whether the core can work, with which models, and why not."""

    status: Literal["ready", "not_ready"]
    models: Annotated[list[ModelAnswer], Field(max_length=32)]
    template_format: FormatAnswer | None
    calibration: Annotated[str, Field(max_length=MAX_NAME_CHARACTERS)] | None
    dimension: int | None = None
    reason: Annotated[str, Field(max_length=1024)] | None


def template_json(template: Template) -> Json:
    """As `TemplateBody` reads it."""
    vector = base64.b64encode(template.vector.astype("<f4").tobytes()).decode("ascii")
    return {"modelId": template.format.model_id, "modelVersion": template.format.version, "vector": vector}


def face_json(face: FaceTemplate | None) -> Json | None:
    """As `FaceAnswer` reads it: Python's floats, which JSON carries unchanged."""
    if face is None:
        return None
    box = {name: float(getattr(face.box, name)) for name in ("x", "y", "width", "height")}
    return {
        "box": box,
        "interocularPx": float(face.interocular_px),
        "sharpness": float(face.sharpness),
        "secondFaceRatio": float(face.second_face_ratio),
        "faces": int(face.faces),
    }


def score_json(score: ComparisonScore) -> Json:
    """As `ScoreAnswer` reads it."""
    return {"score": float(score.value), "cosine": float(score.cosine)}


def candidate_json(candidate: Candidate) -> Json:
    """As `CandidateAnswer` reads it."""
    return {"key": candidate.key, **score_json(candidate.score)}


def health_json(health: MatchingHealth) -> Json:
    """As `HealthAnswer` reads it."""
    made = health.template_format
    return {
        "status": "ready" if health.is_ready else "not_ready",
        "models": [{"name": model.name, "sha256": model.sha256} for model in health.models],
        "templateFormat": {"modelId": made.model_id, "modelVersion": made.version} if made else None,
        "calibration": health.calibration,
        "dimension": health.dimension,
        "reason": health.reason,
    }


def face_template(face: FaceAnswer, template: Template) -> FaceTemplate:
    """The reverse of `face_json`."""
    return FaceTemplate(
        template=template,
        box=FaceBox(face.box.x, face.box.y, face.box.width, face.box.height),
        interocular_px=face.interocular_px,
        sharpness=face.sharpness,
        second_face_ratio=face.second_face_ratio,
        faces=face.faces,
    )


def read_templates(bodies: Mapping[str, TemplateBody]) -> list[Template]:
    """Templates by where they stand in the request; `InvalidRequest` with the places of those that are none.

    All are of one length, that of the first. Checked as one matrix: a gallery has thousands.
    """
    problems: dict[str, str] = {}
    encoded: list[bytes] = []
    for place, body in bodies.items():
        try:
            data = base64.b64decode(body.vector, validate=True)
        except ValueError:
            problems[place] = "is no base64"
            continue
        if len(data) % FLOAT32_BYTES or not VECTOR_MIN <= len(data) // FLOAT32_BYTES <= VECTOR_MAX:
            problems[place] = f"must hold {VECTOR_MIN} to {VECTOR_MAX} numbers of {FLOAT32_BYTES} bytes"
        elif encoded and len(data) != len(encoded[0]):
            problems[place] = "is of another length than the first template"
        else:
            encoded.append(data)
    if not problems and encoded:
        vectors = np.frombuffer(b"".join(encoded), "<f4").astype(np.float32).reshape(len(encoded), -1)
        places = list(bodies)
        problems = {places[row]: "is not L2-normalized" for row in _not_normalized(vectors)}
    if problems:
        raise wrong_templates(problems)
    if not encoded:
        return []
    return [
        Template(TemplateFormat(body.model_id, body.model_version), vector)
        for body, vector in zip(bodies.values(), vectors, strict=True)
    ]


def wrong_templates(problems: Mapping[str, str]) -> InvalidRequest:
    """Names the places, but not too many."""
    shown = dict(list(problems.items())[:MAX_PROBLEMS])
    return InvalidRequest("The request has templates that cannot be used.", shown)


def _not_normalized(vectors: NDArray[np.float32]) -> Sequence[int]:
    """Rows whose length is not 1, or no number."""
    with np.errstate(all="ignore"):
        lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
        return [int(row) for row in np.flatnonzero(~(np.abs(lengths - 1) <= LENGTH_TOLERANCE))]
