"""One picture against the approved validations of an entity."""

from __future__ import annotations

from flask import Blueprint, g, jsonify
from flask.typing import ResponseReturnValue

from app.api.authentication import caller, requires
from app.api.requests import CheckBody, CheckForm
from app.api.services import api_services
from app.api.wire import check_json
from app.domain.organization import Scope
from app.services.authenticate import Integration
from app.services.check_biometric import CheckRequest
from app.web.images import find_image, find_text_image
from app.web.requests import is_form, read_form, read_json

biometric_check = Blueprint("biometric_check", __name__, url_prefix="/kyc")

IMAGE_NAMES = ("user_image", "userImage")


@biometric_check.post("/biometric")
@requires(Scope.CHECKS_WRITE, Integration.KYC, is_check=True)
def check_biometric() -> ResponseReturnValue:
    check = api_services().check_biometric(caller(), _read_form() if is_form() else _read_json())
    return jsonify(check_json(check, g.request_id))


def _read_form() -> CheckRequest:
    form = read_form(CheckForm)
    return form.to_service(*find_image(*IMAGE_NAMES))


def _read_json() -> CheckRequest:
    body = read_json(CheckBody)
    texts = (body.user_image, body.user_image_too)
    return body.to_service(*find_text_image(dict(zip(IMAGE_NAMES, texts, strict=True))))
