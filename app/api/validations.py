"""KYC validations: where reference portraits come from."""

from __future__ import annotations

import base64
import binascii
import re

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from app.api.authentication import caller, requires
from app.api.requests import ImportForm, read_form
from app.api.services import api_services
from app.api.wire import validation_json
from app.domain.errors import InvalidRequest
from app.domain.organization import Scope
from app.services.authenticate import Integration
from app.services.import_validation import ValidationImport

validations = Blueprint("validations", __name__, url_prefix="/kyc/validations")

_DATA_URL = re.compile(r"\Adata:image/[a-z0-9.+-]{1,32};base64,", re.IGNORECASE)


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


def read_image(name: str) -> bytes:
    """A form's image: a file, or base64 with or without a data URL in front; the file wins."""
    file = request.files.get(name)
    sent: bytes = file.read() if file is not None else b""
    if sent:
        return sent
    text = request.form.get(name, "")
    try:
        data = base64.b64decode(re.sub(r"\s+", "", _DATA_URL.sub("", text)), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest("An image cannot be read.", {name: "is neither a file nor base64"}) from error
    if not data:
        raise InvalidRequest("An image is missing.", {name: "is missing"})
    return data
