"""A document's portrait against a selfie, and the record of every time that this was asked."""

from __future__ import annotations

from flask import Blueprint, Response, g
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from app.api.answers import Pagination, reply
from app.api.answers_checks import (
    FaceMatchAnswer,
    KeptFaceMatchAnswer,
    KeptFaceMatchesAnswer,
    face_match_answer,
    kept_face_match_answer,
)
from app.api.authentication import caller, refuse_too_large, requires
from app.api.idempotency import idempotent
from app.api.media import image_response
from app.api.requests import FaceMatchForm, FaceMatchQuery, FaceMatchUpload, path_id
from app.api.services import api_services
from app.domain.check import MatchPicture
from app.domain.errors import InvalidRequest
from app.domain.organization import Scope
from app.services.authenticate import Integration
from app.services.match_faces import DOCUMENT_FIELD, SELFIE_FIELD, FaceMatchRequest
from app.web.errors import FIXED_MESSAGES, HTTP_CODES
from app.web.images import read_image
from app.web.openapi import FORM, Operation, Returns
from app.web.requests import read_form, read_query

IMAGE_TYPES = ("image/jpeg", "image/png", "image/webp", "image/tiff", "application/octet-stream")

face_match = Blueprint("face_match", __name__, url_prefix="/kyc/face-match")

_PATH = "/api/kyc/face-match"
_PICTURE = {200: Returns("The picture as it was sent.", media=IMAGE_TYPES)}

OPERATIONS = (
    Operation(
        method="post",
        path=_PATH,
        operation_id="matchFaces",
        summary="Match a document's portrait with a selfie",
        description="Either picture may be base64 instead of a file. Each request that is let in is recorded.",
        scope=Scope.CHECKS_WRITE,
        is_idempotent=True,
        request={FORM: FaceMatchUpload},
        answers={200: Returns("Whether both show one person.", FaceMatchAnswer)},
        errors=("NOT_ENABLED", "NOT_CONFIGURED", "QUOTA_EXCEEDED", "NOT_FOUND", "VERIFICATION_FAILED"),
    ),
    Operation(
        method="get",
        path=f"{_PATH}/verifications",
        operation_id="listFaceMatches",
        summary="List face matches",
        scope=Scope.CHECKS_READ,
        query=FaceMatchQuery,
        answers={200: Returns("A page of face matches.", KeptFaceMatchesAnswer)},
    ),
    Operation(
        method="get",
        path=f"{_PATH}/verifications/{{faceMatchId}}",
        operation_id="getFaceMatch",
        summary="Read a face match",
        scope=Scope.CHECKS_READ,
        answers={200: Returns("The face match.", KeptFaceMatchAnswer)},
    ),
    Operation(
        method="get",
        path=f"{_PATH}/verifications/{{faceMatchId}}/document-image",
        operation_id="getDocumentImage",
        summary="Read the document's picture",
        scope=Scope.MEDIA_READ,
        answers=_PICTURE,
    ),
    Operation(
        method="get",
        path=f"{_PATH}/verifications/{{faceMatchId}}/selfie-image",
        operation_id="getSelfieImage",
        summary="Read the selfie",
        scope=Scope.MEDIA_READ,
        answers=_PICTURE,
    ),
)


@face_match.post("")
@requires(Scope.CHECKS_WRITE, Integration.FACE_MATCH, is_check=True, uses_quota=True, sees_refusals=True)
@idempotent
def match_faces() -> ResponseReturnValue:
    """A request that cannot be read leaves its record as well."""
    asked = FaceMatchRequest(g.request_id)
    try:
        refuse_too_large()
        asked = read_form(FaceMatchForm).to_service(g.request_id)
        document, selfie = _read_pictures(DOCUMENT_FIELD, SELFIE_FIELD)
    except (InvalidRequest, HTTPException) as refusal:
        api_services().match_faces.note_refusal(caller(), asked, _as_invalid(refusal))
        raise
    return reply(face_match_answer(api_services().match_faces(caller(), asked, document, selfie)))


@face_match.get("/verifications")
@requires(Scope.CHECKS_READ)
def list_face_matches() -> ResponseReturnValue:
    query = read_query(FaceMatchQuery)
    found, total = api_services().read_face_matches.page(
        caller(), query.entity_id, query.status, query.limit, query.offset
    )
    return reply(
        KeptFaceMatchesAnswer(
            verifications=tuple(map(kept_face_match_answer, found)),
            score_decline_threshold=caller().organization.settings.score_decline_threshold,
            pagination=Pagination(limit=query.limit, offset=query.offset, total=total),
        )
    )


@face_match.get("/verifications/<face_match_id>")
@requires(Scope.CHECKS_READ)
def get_face_match(face_match_id: str) -> ResponseReturnValue:
    return reply(kept_face_match_answer(api_services().read_face_matches.by_id(caller(), path_id(face_match_id))))


@face_match.get("/verifications/<face_match_id>/document-image")
@requires(Scope.MEDIA_READ)
def get_document_image(face_match_id: str) -> ResponseReturnValue:
    return _picture(face_match_id, MatchPicture.DOCUMENT)


@face_match.get("/verifications/<face_match_id>/selfie-image")
@requires(Scope.MEDIA_READ)
def get_selfie_image(face_match_id: str) -> ResponseReturnValue:
    return _picture(face_match_id, MatchPicture.SELFIE)


def _read_pictures(*names: str) -> list[bytes]:
    """One for each name; `InvalidRequest` names all that are missing or cannot be read."""
    pictures: list[bytes] = []
    refused: dict[str, str] = {}
    for name in names:
        try:
            pictures.append(read_image(name))
        except InvalidRequest as refusal:
            refused.update(refusal.fields)
    if refused:
        raise InvalidRequest("An image is missing or cannot be read.", refused)
    return pictures


def _as_invalid(refusal: InvalidRequest | HTTPException) -> InvalidRequest:
    """What the framework refuses, in the words of the answer that the caller gets."""
    if isinstance(refusal, InvalidRequest):
        return refusal
    return InvalidRequest(FIXED_MESSAGES[HTTP_CODES.get(refusal.code or 400, "INVALID_REQUEST")])


def _picture(face_match_id: str, picture: MatchPicture) -> Response:
    image = api_services().read_face_matches.picture(caller(), path_id(face_match_id), picture)
    return image_response(image, _content_type(image))


def _content_type(image: bytes) -> str:
    """By what the file begins with; only images of these four kinds are kept (app/adapters/images.py)."""
    if image.startswith(b"\xff\xd8"):
        return "image/jpeg"
    if image.startswith(b"\x89PNG"):
        return "image/png"
    if image[:4] == b"RIFF" and image[8:12] == b"WEBP":
        return "image/webp"
    return "image/tiff" if image[:2] in (b"II", b"MM") else "application/octet-stream"
