"""One picture against the approved validations of an entity."""

from __future__ import annotations

from flask import Blueprint, g
from flask.typing import ResponseReturnValue

from app.api.answers import reply
from app.api.answers_checks import CheckAnswer, check_answer
from app.api.authentication import caller, requires
from app.api.idempotency import idempotent
from app.api.requests import CheckBody, CheckForm, CheckUpload
from app.api.services import api_services
from app.domain.organization import Scope
from app.services.authenticate import Integration
from app.services.check_biometric import CheckRequest
from app.web.images import find_image, find_text_image
from app.web.openapi import FORM, JSON, Operation, Returns
from app.web.requests import is_form, read_form, read_json

biometric_check = Blueprint("biometric_check", __name__, url_prefix="/kyc")

IMAGE_NAMES = ("user_image", "userImage")

OPERATIONS = (
    Operation(
        method="post",
        path="/api/kyc/biometric",
        operation_id="checkBiometric",
        summary="Check a picture against an entity",
        description=(
            "Whether it shows the person of the approved validations. It may have either name, and in a form be "
            "base64 instead of a file. An entity without an approved validation does not match, "
            "nor does a face on the block list."
        ),
        scope=Scope.CHECKS_WRITE,
        is_idempotent=True,
        request={FORM: CheckUpload, JSON: CheckBody},
        answers={200: Returns("Whether it matches.", CheckAnswer)},
        errors=(
            "NOT_ENABLED",
            "NOT_CONFIGURED",
            "QUOTA_EXCEEDED",
            "NOT_FOUND",
            "VERIFICATION_FAILED",
        ),
    ),
)


@biometric_check.post("/biometric")
@requires(Scope.CHECKS_WRITE, Integration.KYC, is_check=True, uses_quota=True)
@idempotent
def check_biometric() -> ResponseReturnValue:
    check = api_services().check_biometric(caller(), _read_form() if is_form() else _read_json())
    return reply(check_answer(check, g.request_id))


def _read_form() -> CheckRequest:
    form = read_form(CheckForm)
    return form.to_service(*find_image(*IMAGE_NAMES))


def _read_json() -> CheckRequest:
    body = read_json(CheckBody)
    texts = (body.user_image, body.user_image_too)
    return body.to_service(*find_text_image(dict(zip(IMAGE_NAMES, texts, strict=True))))
