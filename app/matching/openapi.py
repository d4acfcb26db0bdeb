"""The matching service's operations, and the document that describes them."""

from __future__ import annotations

from functools import cache

from app.matching.wire import (
    CompareAnswer,
    CompareForm,
    CompareRequest,
    HealthAnswer,
    SearchAnswer,
    SearchRequest,
    TemplateAnswer,
    TemplateForm,
    TemplateRequest,
)
from app.web.openapi import FORM, JSON, About, Operation, Returns, assemble
from app.web.openapi_schemas import Json

VERSION = "1"
"""Of the contract: what a caller of `/v1` can rely on."""

DESCRIPTION = """Faces in pictures become templates, and templates become comparison scores. The service keeps
nothing of what it is sent. Pictures are JPEG, PNG, WebP or TIFF by their content; of several faces the largest
counts. Templates of two models, or of two versions of one, cannot be compared."""

_REFUSALS = ("UNAUTHORIZED", "PAYLOAD_TOO_LARGE", "INVALID_REQUEST")
_FAILURES = ("VERIFICATION_FAILED", "INTERNAL_ERROR", "SERVICE_UNAVAILABLE")

OPERATIONS = (
    Operation(
        method="post",
        path="/v1/templates",
        operation_id="createTemplate",
        summary="The template of the largest face in a picture",
        request={JSON: TemplateRequest, FORM: TemplateForm},
        answers={200: Returns("The template, or null where no face was found.", TemplateAnswer)},
        errors=(*_REFUSALS, *_FAILURES),
    ),
    Operation(
        method="post",
        path="/v1/compare",
        operation_id="compare",
        summary="The scores of a probe with each of the references",
        request={JSON: CompareRequest, FORM: CompareForm},
        answers={200: Returns("Scores in the order of the references.", CompareAnswer)},
        errors=(*_REFUSALS, *_FAILURES),
    ),
    Operation(
        method="post",
        path="/v1/search",
        operation_id="search",
        summary="The templates of a gallery that score highest with a probe",
        description="Exact. A probe that shows no face finds nothing.",
        request={JSON: SearchRequest},
        answers={200: Returns("Candidates, the highest score first.", SearchAnswer)},
        errors=(*_REFUSALS, *_FAILURES),
    ),
    Operation(
        method="get",
        path="/healthz",
        operation_id="health",
        summary="Whether the core can work",
        description="Needs no token; one that is sent nevertheless must be right.",
        answers={
            200: Returns("It can.", HealthAnswer),
            503: Returns("It cannot, and why.", HealthAnswer),
        },
        errors=("UNAUTHORIZED",),
        is_public=True,
    ),
    Operation(
        method="get",
        path="/v1/openapi.json",
        operation_id="describe",
        summary="This document",
        answers={200: Returns("An OpenAPI 3.1 document.", schema={"type": "object"})},
        errors=("UNAUTHORIZED",),
    ),
)


@cache
def document() -> Json:
    """The OpenAPI document; the same in every process."""
    about = About(
        title="Bonafide matching core",
        version=VERSION,
        description=DESCRIPTION,
        security_scheme={"type": "http", "scheme": "bearer"},
    )
    return assemble(about, OPERATIONS)
