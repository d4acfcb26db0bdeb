"""KYC validations: where reference portraits come from."""

from __future__ import annotations

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from app.api.authentication import caller, requires
from app.api.requests import ImportForm
from app.api.services import api_services
from app.api.wire import validation_json
from app.domain.organization import Scope
from app.services.authenticate import Integration
from app.services.import_validation import ValidationImport
from app.web.images import read_image
from app.web.requests import read_form

validations = Blueprint("validations", __name__, url_prefix="/kyc/validations")


@validations.post("/import")
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
