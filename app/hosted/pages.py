"""The page itself, the upload of the final still, and the headers that keep both to this origin."""

from __future__ import annotations

import logging
import secrets
from urllib.parse import urlsplit

from flask import Blueprint, Response, make_response, render_template, request
from flask_babel import get_locale, gettext

from app.domain.errors import BonafideError, MatchingUnavailable
from app.hosted.capture_socket import CaptureNamespace
from app.hosted.copy import CONSENT_VERSION, page_messages
from app.hosted.languages import direction_of, speak
from app.hosted.services import HostedServices
from app.hosted.wire import Json, outcome_json, refusal
from app.services.capture_view import CaptureView
from app.services.start_capture import LoadedSession, UnknownHostedSession
from app.services.verify_capture import CaptureNotExpected, StillUnusable

log = logging.getLogger(__name__)

TICKET_SCHEME = "Ticket "
DEFAULT_FRAME_ANCESTORS = (
    "https:",
    "http://localhost:*",
    "http://*.localhost:*",
    "http://127.0.0.1:*",
)
"""With no list of its own an organization may be framed by any https page and by loopback."""

LINK_PROBLEMS = {"unknown_session": "unknown", "expired": "expired"}
"""Code of the protocol → which words the page of a dead link shows."""


def create_hosted_blueprint(services: HostedServices, namespace: CaptureNamespace) -> Blueprint:
    """Routes of the end user's browser. None of them asks for a key: the link and the ticket authorize."""
    hosted = Blueprint("hosted", __name__)

    @hosted.get("/session/<token>")
    def capture_page(token: str) -> Response:
        hosted_session_id = services.links.read_session_token(token) if len(token) <= 1_024 else None
        if hosted_session_id is None:
            return _problem_page("unknown_session", 404)
        try:
            loaded, view = services.read_capture(hosted_session_id)
        except UnknownHostedSession:
            return _problem_page("unknown_session", 404)
        speak(loaded.session.language, loaded.settings.default_language)
        if view.outcome is not None and view.outcome.outcome == "expired":
            return _problem_page("expired", 410)
        return _capture_page(loaded, view)

    @hosted.post("/capture")
    def upload_still() -> tuple[Json, int]:
        ticket = _ticket()
        claims = services.links.read_upload_ticket(ticket) if ticket else None
        if claims is None:
            return refusal("bad_ticket", is_retryable=False), 401
        hosted_session_id, attempt, nonce = claims
        if (request.content_length or 0) > services.image_max_bytes:
            return refusal("too_large", hosted_session_id), 413
        still = request.get_data(cache=False)
        return _take_still(services, namespace, hosted_session_id, attempt, nonce, still)

    return hosted


def _capture_page(loaded: LoadedSession, view: CaptureView) -> Response:
    nonce = secrets.token_urlsafe(16)
    language = str(get_locale())
    boot = {
        "sessionId": view.session_id,
        "state": "over" if view.outcome else "open",
        "result": outcome_json(view.outcome, loaded.hosted.hosted_session_id),
        "organization": {"name": loaded.organization_name},
        "language": language,
        "direction": direction_of(language),
        "consent": {"version": CONSENT_VERSION, "required": view.state.value == "consent"},
        "frameOrigin": _framing_origin(loaded.settings.allowed_frame_origins),
        "hasCallback": loaded.session.callback is not None,
        "messages": page_messages(gettext),
    }
    response = make_response(
        render_template(
            "capture.html",
            boot=boot,
            csp_nonce=nonce,
            language=language,
            direction=direction_of(language),
            organization_name=loaded.organization_name,
        )
    )
    return _secured(response, nonce, loaded.settings.allowed_frame_origins)


def _problem_page(code: str, status: int) -> Response:
    nonce = secrets.token_urlsafe(16)
    language = str(get_locale())
    response = make_response(
        render_template(
            "link_problem.html",
            code=code,
            problem=LINK_PROBLEMS[code],
            csp_nonce=nonce,
            language=language,
            direction=direction_of(language),
        ),
        status,
    )
    return _secured(response, nonce, ())


def _secured(response: Response, nonce: str, frame_origins: tuple[str, ...]) -> Response:
    """Nothing from elsewhere, nothing kept, no address leaked."""
    ancestors = " ".join(frame_origins or DEFAULT_FRAME_ANCESTORS)
    scheme = "wss" if request.is_secure else "ws"
    response.headers["Content-Security-Policy"] = "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' 'nonce-{nonce}'",
            f"style-src 'self' 'nonce-{nonce}'",
            "img-src 'self' data: blob:",
            "media-src 'self' blob:",
            f"connect-src 'self' {scheme}://{request.host}",
            "base-uri 'none'",
            "form-action 'none'",
            f"frame-ancestors {ancestors}",
        )
    )
    response.headers["Permissions-Policy"] = "camera=(self), microphone=(), geolocation=()"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _framing_origin(allowed: tuple[str, ...]) -> str | None:
    """Origin of the page that frames us, from the Referer, as far as it is one that may."""
    parts = urlsplit(request.headers.get("Referer", ""))
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    origin = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    if allowed:
        return origin if origin in allowed else None
    is_loopback = parts.hostname in ("localhost", "127.0.0.1") or parts.hostname.endswith(".localhost")
    return origin if parts.scheme == "https" or is_loopback else None


def _ticket() -> str | None:
    header = request.headers.get("Authorization", "")
    ticket = header.removeprefix(TICKET_SCHEME)
    return ticket if header.startswith(TICKET_SCHEME) and len(ticket) <= 1_024 else None


def _take_still(
    services: HostedServices,
    namespace: CaptureNamespace,
    hosted_session_id: str,
    attempt: int,
    nonce: str,
    still: bytes,
) -> tuple[Json, int]:
    """Keep the capture and decide. Whatever fails afterwards, the capture is in and will be decided."""
    try:
        services.keep_capture(hosted_session_id, attempt, nonce, still)
    except CaptureNotExpected:
        return refusal("not_expected", hosted_session_id, is_retryable=False), 409
    except StillUnusable as refused:
        namespace.announce(hosted_session_id)
        return refusal(refused.problem, hosted_session_id, is_retryable=refused.ended is None), 400
    except BonafideError as error:
        log.warning("capture %s not kept: %s", hosted_session_id, type(error).__name__)
        return refusal("unavailable", hosted_session_id), 503
    namespace.announce(hosted_session_id)
    return _decide(services, namespace, hosted_session_id)


def _decide(services: HostedServices, namespace: CaptureNamespace, hosted_session_id: str) -> tuple[Json, int]:
    try:
        session = services.decide_capture(hosted_session_id)
    except MatchingUnavailable:
        log.warning("capture %s waits for the matching core", hosted_session_id)
        session = None
    except BonafideError as error:
        log.warning("capture %s is not decided: %s", hosted_session_id, type(error).__name__)
        session = None
    outcome = services.presenter.outcome_of(session) if session else None
    namespace.announce(hosted_session_id)
    result = outcome_json(outcome, hosted_session_id)
    return {"ok": True, "state": "done" if outcome else "processing", "result": result}, 200
