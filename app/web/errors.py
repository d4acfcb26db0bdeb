"""Every error a caller of any door can see, in one table: exception → HTTP status and code."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from flask import Flask, Response, g, jsonify
from werkzeug.exceptions import HTTPException

from app.domain.errors import (
    ActiveSessionExists,
    AnalysisUnavailable,
    BonafideError,
    DuplicateEntity,
    EntityPaused,
    Forbidden,
    IdempotencyConflict,
    IdempotencyInProgress,
    IntegrationDisabled,
    InvalidImage,
    InvalidRequest,
    InvalidState,
    KycNotApproved,
    MatchingFailed,
    MatchingUnavailable,
    NoReferencePortrait,
    NotConfigured,
    ObjectNotFound,
    QuotaExceeded,
    RateLimited,
    StoreUnavailable,
    Unauthorized,
    WorkflowNotConfigured,
)

log = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 5
"""When to come back where something is out of reach: most outages are restarts."""

TABLE: Mapping[type[BonafideError], tuple[int, str]] = {
    InvalidRequest: (400, "INVALID_REQUEST"),
    InvalidImage: (400, "INVALID_REQUEST"),
    KycNotApproved: (400, "KYC_NOT_APPROVED"),
    NoReferencePortrait: (400, "NO_PORTRAIT"),
    WorkflowNotConfigured: (400, "BIOMETRIC_WORKFLOW_NOT_CONFIGURED"),
    Unauthorized: (401, "UNAUTHORIZED"),
    Forbidden: (403, "FORBIDDEN"),
    IntegrationDisabled: (403, "NOT_ENABLED"),
    NotConfigured: (403, "NOT_CONFIGURED"),
    QuotaExceeded: (403, "QUOTA_EXCEEDED"),
    ObjectNotFound: (404, "NOT_FOUND"),
    ActiveSessionExists: (409, "ACTIVE_SESSION_EXISTS"),
    DuplicateEntity: (409, "DUPLICATE_ENTITY"),
    IdempotencyConflict: (409, "IDEMPOTENCY_CONFLICT"),
    IdempotencyInProgress: (409, "IDEMPOTENCY_IN_PROGRESS"),
    InvalidState: (409, "INVALID_STATE"),
    EntityPaused: (429, "ENTITY_PAUSED"),
    RateLimited: (429, "RATE_LIMITED"),
    MatchingFailed: (500, "VERIFICATION_FAILED"),
    AnalysisUnavailable: (503, "SERVICE_UNAVAILABLE"),
    MatchingUnavailable: (503, "SERVICE_UNAVAILABLE"),
    StoreUnavailable: (503, "SERVICE_UNAVAILABLE"),
}
INTERNAL_ERROR = (500, "INTERNAL_ERROR")

HTTP_CODES: Mapping[int, str] = {
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    413: "PAYLOAD_TOO_LARGE",
}
"""What the web framework refuses by itself. Anything else below 500 is a wrong request."""

STATUS_OF_CODE: Mapping[str, int] = {
    **{code: status for status, code in (*TABLE.values(), INTERNAL_ERROR)},
    **{code: status for status, code in HTTP_CODES.items()},
}
"""For descriptions: which status a code comes with."""

FIXED_MESSAGES: Mapping[str, str] = {
    "INTERNAL_ERROR": "Something went wrong on our side.",
    "INVALID_REQUEST": "The request cannot be understood.",
    "METHOD_NOT_ALLOWED": "This address does not take that method.",
    "NOT_FOUND": "No such object.",
    "PAYLOAD_TOO_LARGE": "The request body is too large.",
    "SERVICE_UNAVAILABLE": "The service is temporarily unavailable. Try again later.",
    "VERIFICATION_FAILED": "The verification could not be completed. Try again later.",
}
"""What went wrong inside is for the log; what is not found and what is another's read alike."""


def install_error_handlers(app: Flask) -> None:
    """Answer every error as JSON. Blueprints with handlers of their own come first."""
    app.register_error_handler(BonafideError, _from_domain)
    app.register_error_handler(HTTPException, _from_http)
    app.register_error_handler(Exception, _from_bug)


def error_response(status: int, code: str, message: str, extras: Mapping[str, object] | None = None) -> Response:
    """The error body of the contract."""
    body = {"error": code, "message": message, "requestId": g.get("request_id"), **(extras or {})}
    response = jsonify(body)
    response.status_code = status
    return response


def _from_domain(error: BonafideError) -> Response:
    status, code = TABLE.get(type(error), INTERNAL_ERROR)
    if status == 503:
        # An outage is told once where it is noticed; a trace for each caller would only bury it.
        log.warning("%s answered with %s: %s", g.get("request_id"), code, error)
    elif status >= 500:
        log.error("%s answered with %s", g.get("request_id"), code, exc_info=error)
    is_explained = isinstance(error, InvalidRequest) or code not in FIXED_MESSAGES
    message = str(error) if is_explained else FIXED_MESSAGES[code]
    response = error_response(status, code, message, _extras(error))
    if isinstance(error, EntityPaused | RateLimited | IdempotencyInProgress):
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    elif status == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    elif status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _extras(error: BonafideError) -> Mapping[str, object]:
    if isinstance(error, ActiveSessionExists):
        return {"activeSessionId": error.active_session_id}
    if isinstance(error, InvalidRequest) and error.fields:
        return {"fields": error.fields}
    return {}


def _from_http(error: HTTPException) -> Response:
    """The framework's own refusals. Only `Allow` of their headers means anything to a caller."""
    status = error.code or 500
    if status >= 500:
        return _from_bug(error)
    code = HTTP_CODES.get(status, "INVALID_REQUEST")
    response = error_response(status if status in HTTP_CODES else 400, code, FIXED_MESSAGES[code])
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response


def _from_bug(error: Exception) -> Response:
    status, code = INTERNAL_ERROR
    log.error("%s failed", g.get("request_id"), exc_info=error)
    return error_response(status, code, FIXED_MESSAGES[code])
