"""KYC validations: where reference portraits come from."""

from __future__ import annotations

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from app.api.authentication import caller, requires
from app.api.requests import CancelBody, ImportForm, PageQuery, ReasonBody, path_id
from app.api.services import api_services
from app.api.wire import pagination_json, validation_json
from app.domain.organization import KycValidation, Scope
from app.services.authenticate import Integration
from app.services.import_validation import ValidationImport
from app.web.images import read_image
from app.web.requests import read_form, read_json, read_query

validations = Blueprint("validations", __name__, url_prefix="/kyc")


@validations.post("/validations/import")
@requires(Scope.ENTITIES_WRITE, Integration.KYC)
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
    return jsonify(validation_json(validation)), 201


@validations.get("/validations/<validation_id>")
@requires(Scope.ENTITIES_READ)
def get_validation(validation_id: str) -> ResponseReturnValue:
    return _answer(api_services().read_validations.by_id(caller(), path_id(validation_id)))


@validations.get("/entities/<entity_id>/validations")
@requires(Scope.ENTITIES_READ)
def list_validations(entity_id: str) -> ResponseReturnValue:
    query = read_query(PageQuery)
    found, total = api_services().read_validations.page(caller(), path_id(entity_id), query.limit, query.offset)
    return jsonify(
        {
            "validations": [validation_json(validation) for validation in found],
            "pagination": pagination_json(query.limit, query.offset, total),
        }
    )


@validations.get("/entities/<entity_id>/current")
@requires(Scope.ENTITIES_READ)
def get_current_validation(entity_id: str) -> ResponseReturnValue:
    validation = api_services().read_validations.latest_of(caller(), path_id(entity_id))
    return jsonify(None) if validation is None else _answer(validation)


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
    reason = read_json(CancelBody).reason if request.get_data() else None
    return _answer(api_services().review_validation.cancel(caller(), path_id(validation_id), reason))


def _answer(validation: KycValidation) -> ResponseReturnValue:
    return jsonify(validation_json(validation))
