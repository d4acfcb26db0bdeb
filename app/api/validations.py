"""KYC validations: where reference portraits come from."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from app.api.answers import Pagination, reply
from app.api.answers_entities import ValidationAnswer, ValidationsAnswer, validation_answer
from app.api.authentication import caller, requires
from app.api.idempotency import idempotent
from app.api.requests import CancelBody, ImportForm, ImportUpload, PageQuery, ReasonBody, path_id
from app.api.services import api_services
from app.domain.organization import KycValidation, Scope
from app.services.authenticate import Integration
from app.services.import_validation import ValidationImport
from app.web.images import read_image
from app.web.openapi import FORM, JSON, Operation, Returns
from app.web.requests import read_form, read_json, read_query

validations = Blueprint("validations", __name__, url_prefix="/kyc")

_ONE = {200: Returns("The validation.", ValidationAnswer)}

OPERATIONS = (
    Operation(
        method="post",
        path="/api/kyc/validations/import",
        operation_id="importValidation",
        summary="Import an approved validation",
        description=(
            "Brings a portrait that was verified elsewhere. It is measured, its template is computed and kept. No "
            "face, one under 60 px wide, or a second at least half as wide as the largest is `INVALID_REQUEST`. "
            "Instead of a file the part `portrait` may be base64, with or without a data URL in front. With a "
            "`crossEntityPolicy` a portrait that matches another entity's approved one is imported `in_review`, "
            "or `rejected` (policy `reject`); `crossEntity` names the others, `warnings` says so. Approving it "
            "makes it count all the same."
        ),
        scope=Scope.ENTITIES_WRITE,
        is_idempotent=True,
        request={FORM: ImportUpload},
        answers={201: Returns("The validation.", ValidationAnswer)},
        errors=("NOT_ENABLED", "NOT_FOUND", "VERIFICATION_FAILED"),
    ),
    Operation(
        method="get",
        path="/api/kyc/validations/{validationId}",
        operation_id="getValidation",
        summary="Read a validation",
        scope=Scope.ENTITIES_READ,
        answers=_ONE,
    ),
    Operation(
        method="get",
        path="/api/kyc/entities/{entityId}/validations",
        operation_id="listValidations",
        summary="List the validations of an entity",
        scope=Scope.ENTITIES_READ,
        query=PageQuery,
        answers={200: Returns("A page of validations.", ValidationsAnswer)},
    ),
    Operation(
        method="get",
        path="/api/kyc/entities/{entityId}/current",
        operation_id="getCurrentValidation",
        summary="Read the latest validation of an entity",
        scope=Scope.ENTITIES_READ,
        answers={200: Returns("The validation, `null` where there is none.", ValidationAnswer, is_nullable=True)},
    ),
    Operation(
        method="post",
        path="/api/kyc/validations/{validationId}/approve",
        operation_id="approveValidation",
        summary="Approve a validation",
        scope=Scope.ENTITIES_WRITE,
        request={JSON: ReasonBody},
        answers=_ONE,
        errors=("INVALID_STATE",),
    ),
    Operation(
        method="post",
        path="/api/kyc/validations/{validationId}/reject",
        operation_id="rejectValidation",
        summary="Reject a validation",
        scope=Scope.ENTITIES_WRITE,
        request={JSON: ReasonBody},
        answers=_ONE,
        errors=("INVALID_STATE",),
    ),
    Operation(
        method="delete",
        path="/api/kyc/validations/{validationId}/cancel",
        operation_id="cancelValidation",
        summary="Cancel a validation",
        scope=Scope.ENTITIES_WRITE,
        request={JSON: CancelBody},
        is_body_optional=True,
        answers=_ONE,
        errors=("INVALID_STATE",),
    ),
)


@validations.post("/validations/import")
@requires(Scope.ENTITIES_WRITE, Integration.KYC)
@idempotent
def import_validation() -> ResponseReturnValue:
    form = read_form(ImportForm)
    validation = api_services().import_validation(
        caller(),
        ValidationImport(
            entity_id=form.entity_id,
            portrait=read_image("portrait"),
            approved_at=form.approved_at,
            external_session_id=form.external_session_id,
            metadata=form.metadata,
        ),
    )
    return reply(validation_answer(validation), 201)


@validations.get("/validations/<validation_id>")
@requires(Scope.ENTITIES_READ)
def get_validation(validation_id: str) -> ResponseReturnValue:
    return _answer(api_services().read_validations.by_id(caller(), path_id(validation_id)))


@validations.get("/entities/<entity_id>/validations")
@requires(Scope.ENTITIES_READ)
def list_validations(entity_id: str) -> ResponseReturnValue:
    query = read_query(PageQuery)
    found, total = api_services().read_validations.page(caller(), path_id(entity_id), query.limit, query.offset)
    pagination = Pagination(limit=query.limit, offset=query.offset, total=total)
    return reply(ValidationsAnswer(validations=tuple(map(validation_answer, found)), pagination=pagination))


@validations.get("/entities/<entity_id>/current")
@requires(Scope.ENTITIES_READ)
def get_current_validation(entity_id: str) -> ResponseReturnValue:
    validation = api_services().read_validations.latest_of(caller(), path_id(entity_id))
    return reply(None) if validation is None else _answer(validation)


@validations.post("/validations/<validation_id>/approve")
@requires(Scope.ENTITIES_WRITE)
def approve_validation(validation_id: str) -> ResponseReturnValue:
    reason = read_json(ReasonBody).reason
    return _answer(api_services().review_validation.approve(caller(), path_id(validation_id), reason))


@validations.post("/validations/<validation_id>/reject")
@requires(Scope.ENTITIES_WRITE)
def reject_validation(validation_id: str) -> ResponseReturnValue:
    reason = read_json(ReasonBody).reason
    return _answer(api_services().review_validation.reject(caller(), path_id(validation_id), reason))


@validations.delete("/validations/<validation_id>/cancel")
@requires(Scope.ENTITIES_WRITE)
def cancel_validation(validation_id: str) -> ResponseReturnValue:
    """Many clients send no body with a DELETE."""
    reason = read_json(CancelBody, may_be_absent=True).reason
    return _answer(api_services().review_validation.cancel(caller(), path_id(validation_id), reason))


def _answer(validation: KycValidation) -> ResponseReturnValue:
    return reply(validation_answer(validation))
