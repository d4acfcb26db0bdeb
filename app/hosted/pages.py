"""The page itself, the upload of the final still, and the headers that keep both to this origin."""

from __future__ import annotations

import logging
import secrets
from dataclasses import replace

from flask import Blueprint, Response, make_response, render_template, request
from flask_babel import get_locale, gettext
from werkzeug.exceptions import RequestEntityTooLarge

from app.domain.errors import BonafideError
from app.hosted.addresses import own_origin
from app.hosted.capture_socket import CaptureNamespace
from app.hosted.consent import consent_boot
from app.hosted.copy import page_messages
from app.hosted.framing import FRAME_HEADERS, again_from, bound_origin
from app.hosted.handoff_pages import add_handoff_routes
from app.hosted.languages import direction_of, speak
from app.hosted.link_problems import LINK_PROBLEMS, Page, problem_page
from app.hosted.origins import websocket_origin_of
from app.hosted.services import HostedServices
from app.hosted.theme import wear
from app.hosted.wire import Json, outcome_json, refusal
from app.services.capture_view import CaptureView, Outcome, Redirect
from app.services.keep_capture import CaptureNotExpected, StillUnusable
from app.services.ports import PageClaim
from app.services.start_capture import LoadedSession, UnknownHostedSession
from app.web.compression import compressed_page
from app.web.errors import RETRY_AFTER_SECONDS

log = logging.getLogger(__name__)

TICKET_SCHEME = "Ticket "
MAX_TOKEN_CHARACTERS = 1_024
DEFAULT_FRAME_ANCESTORS = (
    "https:",
    "http://localhost:*",
    "http://*.localhost:*",
    "http://127.0.0.1:*",
)
"""With no list of its own an organization may be framed by any https page and by loopback."""

CONTINUE = "continue"
"""In the query of a link: the person goes on to the callback."""


def create_hosted_blueprint(services: HostedServices, namespace: CaptureNamespace) -> Blueprint:
    """Routes of the end user's browser. None of them asks for a key: the link and the ticket authorize."""
    hosted = Blueprint("hosted", __name__)
    add_handoff_routes(hosted, services, namespace)

    # A path, so that a link with something behind it gets the page of a dead link too.
    @hosted.get("/session/<path:token>")
    def capture_page(token: str) -> Response:
        shown = _shown_for(services, token)
        return _sent_on(shown) if isinstance(shown, Redirect) else _secured(shown, services)

    @hosted.post("/capture")
    def upload_still() -> tuple[Json, int]:
        ticket = _ticket()
        claims = services.links.read_upload_ticket(ticket) if ticket else None
        if claims is None:
            return refusal("bad_ticket", is_retryable=False), 401
        hosted_session_id, attempt, nonce = claims
        still = _body(services.image_max_bytes)
        if still is None:
            return refusal("too_large", hosted_session_id), 413
        return _take_still(services, namespace, hosted_session_id, attempt, nonce, still)

    @hosted.after_request
    def keep_nothing(response: Response) -> Response:
        """The answer to an upload carries the signed result."""
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    return hosted


def _shown_for(services: HostedServices, token: str) -> Page | Redirect:
    """The capture page of a link, the page that says what is wrong with it, or the way on. Begins nothing."""
    claim = services.links.read_page_token(token) if len(token) <= MAX_TOKEN_CHARACTERS else None
    if claim is None:
        return problem_page("unknown_session")
    hosted_session_id = claim.hosted_session_id
    try:
        loaded, view = services.read_capture(hosted_session_id)
        arrival = _arrival(services, claim)
        outcome = _outcome_for(services, view, claim)
    except UnknownHostedSession:
        return problem_page("unknown_session")
    except BonafideError as error:
        log.warning("capture %s: no page: %s", hosted_session_id, type(error).__name__)
        return problem_page("unavailable")
    speak(loaded.session.language, loaded.settings.default_language)
    wear(loaded.session.organization_id, loaded.settings.branding)
    if outcome is not None:
        return _end_of(loaded, replace(view, outcome=outcome), outcome, arrival or "phone")
    if arrival is None:
        return problem_page("handoff_over", loaded.settings.allowed_frame_origins)
    return _capture_page(loaded, view, arrival)


def _end_of(loaded: LoadedSession, view: CaptureView, outcome: Outcome, arrival: str) -> Page | Redirect:
    """The last screen of a session, or where it leads once the person wants to go there."""
    if outcome.redirect is not None and CONTINUE in request.args:
        return outcome.redirect
    if outcome.outcome == "expired":
        frame_origins, goes_on = loaded.settings.allowed_frame_origins, outcome.redirect is not None
        return problem_page("expired", frame_origins, view.session_id, goes_on=goes_on)
    return _capture_page(loaded, view, arrival)


def _arrival(services: HostedServices, claim: PageClaim) -> str | None:
    """`first`, `phone`, or `watch` where the phone has the session; None for a phone that has lost it."""
    handoff = services.handoffs.watch(claim.hosted_session_id)
    is_taken = handoff is not None and handoff.is_taken
    if claim.handoff_id is None:
        return "watch" if is_taken else "first"
    return "phone" if is_taken and handoff is not None and handoff.handoff_id == claim.handoff_id else None


def _outcome_for(services: HostedServices, view: CaptureView, claim: PageClaim) -> Outcome | None:
    """For the device that the link belongs to."""
    if view.outcome is None:
        return None
    is_phone = claim.handoff_id is not None
    return services.handoffs.result_for(claim.hosted_session_id, view.outcome, is_phone=is_phone)


def _capture_page(loaded: LoadedSession, view: CaptureView, arrival: str) -> Page:
    nonce = secrets.token_urlsafe(16)
    language = str(get_locale())
    origin = bound_origin(loaded.settings.allowed_frame_origins)
    boot = {
        "sessionId": view.session_id,
        "state": "over" if view.outcome else "open",
        "result": outcome_json(view.outcome, loaded.hosted.hosted_session_id),
        "organization": {"name": loaded.organization_name},
        "language": language,
        "direction": direction_of(language),
        "consent": {**consent_boot(language, loaded), "required": view.state.value == "consent"},
        "frameOrigin": origin,
        "arrival": arrival,
        "hasCallback": loaded.session.callback is not None,
        "messages": page_messages(gettext),
    }
    html = render_template(
        "capture.html",
        boot=boot,
        again=again_from(origin),
        csp_nonce=nonce,
        language=language,
        direction=direction_of(language),
        organization_name=loaded.organization_name,
    )
    return Page(html, nonce, frame_origins=loaded.settings.allowed_frame_origins)


def _sent_on(redirect: Redirect) -> Response:
    """To the integrator, with a result signed just now: a last screen is looked at for longer than one is good."""
    response = Response(status=303)
    response.headers["Location"] = redirect.url
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _secured(page: Page, services: HostedServices) -> Response:
    """Nothing from elsewhere, nothing kept, no address leaked."""
    response = make_response(page.html, page.status)
    response.headers["Content-Security-Policy"] = "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' 'nonce-{page.nonce}'",
            f"style-src 'self' 'nonce-{page.nonce}'",
            "img-src 'self' data: blob:",
            "media-src 'self' blob:",
            f"connect-src 'self' {websocket_origin_of(own_origin(services))}",
            "base-uri 'none'",
            "form-action 'none'",
            f"frame-ancestors {' '.join(page.frame_origins or DEFAULT_FRAME_ANCESTORS)}",
        )
    )
    response.headers["Permissions-Policy"] = "camera=(self), microphone=(), geolocation=()"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers.update(FRAME_HEADERS)
    if page.status == LINK_PROBLEMS["unavailable"]:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return compressed_page(response)


def _ticket() -> str | None:
    header = request.headers.get("Authorization", "")
    ticket = header.removeprefix(TICKET_SCHEME)
    return ticket if header.startswith(TICKET_SCHEME) and len(ticket) <= MAX_TOKEN_CHARACTERS else None


def _body(max_bytes: int) -> bytes | None:
    """The request's body, None where it is longer, be it that it says so or that it never ends.

    A body that does not say its length is cut at the limit without an error; hence one byte more.
    """
    request.max_content_length = max_bytes + 1
    try:
        body = request.get_data(cache=False)
    except RequestEntityTooLarge:
        return None
    return body if len(body) <= max_bytes else None


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
        # It may be over, or in already: the page is told how it stands.
        namespace.announce(hosted_session_id)
        return refusal("not_expected", hosted_session_id, is_retryable=False), 409
    except StillUnusable as refused:
        namespace.announce(hosted_session_id, refused.reason)
        return refusal(refused.problem, hosted_session_id, is_retryable=refused.ended is None), 400
    except BonafideError as error:
        log.warning("capture %s not kept: %s", hosted_session_id, type(error).__name__)
        return refusal("unavailable", hosted_session_id), 503
    namespace.announce(hosted_session_id)
    return _decide(services, namespace, hosted_session_id)


def _decide(services: HostedServices, namespace: CaptureNamespace, hosted_session_id: str) -> tuple[Json, int]:
    try:
        session = services.decide_capture(hosted_session_id)
    except BonafideError as error:
        log.warning("capture %s waits: %s", hosted_session_id, type(error).__name__)
        session = None
    outcome = services.presenter.outcome_of(session) if session else None
    namespace.announce(hosted_session_id)
    result = namespace.result_of(hosted_session_id, outcome)
    return {"ok": True, "state": "done" if outcome else "processing", "result": result}, 200
