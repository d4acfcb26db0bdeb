"""Images of biometric sessions, for whoever may see them."""

from __future__ import annotations

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue

from app.api.authentication import caller, requires
from app.api.requests import path_id
from app.api.services import api_services
from app.domain.organization import Scope
from app.web.openapi import Operation, Returns

media = Blueprint("media", __name__, url_prefix="/kyc/biometric")

OPERATIONS = (
    Operation(
        method="get",
        path="/api/kyc/biometric/sessions/{sessionId}/media/{kind}",
        operation_id="getSessionMedia",
        summary="Read an image of a session",
        description="Each look at one is in the audit trail.",
        scope=Scope.MEDIA_READ,
        parts={"kind": {"type": "string", "examples": ["selfie", "still", "challenge-1"]}},
        answers={200: Returns("The image.", media=("image/jpeg",))},
    ),
)


@media.get("/sessions/<session_id>/media/<kind>")
@requires(Scope.MEDIA_READ)
def get_session_media(session_id: str, kind: str) -> ResponseReturnValue:
    found = api_services().read_media(caller(), path_id(session_id), kind)
    return image_response(found.content, found.content_type)


def image_response(content: bytes, content_type: str) -> Response:
    """Bytes of somebody's face: kept by no cache, and taken for nothing but what they are called."""
    response = Response(content, content_type=content_type)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
