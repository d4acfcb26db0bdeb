"""`/embed-check`: put in the place of a session, says what around it would keep the camera away.

For integrators while they build; in English, as the documentation is. It begins nothing, and may be framed by
anybody, so that a site that may not frame sessions is told so.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from flask import Blueprint, Response, make_response, render_template, request

from app.domain.errors import BonafideError
from app.hosted.framing import FRAME_HEADERS
from app.hosted.origins import framing_origin, origin_of
from app.hosted.services import HostedServices
from app.services.start_capture import UnknownHostedSession
from app.web.compression import compressed_page

log = logging.getLogger(__name__)

MAX_TOKEN_CHARACTERS = 1_024
HEADERS = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "media-src 'self' blob:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors *",
        )
    ),
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    **FRAME_HEADERS,
}


def create_embed_check_blueprint(services: HostedServices) -> Blueprint:
    """The page, alone or with the token of a session, whose organization says who may frame it."""
    embed_check = Blueprint("embed_check", __name__)

    @embed_check.get("/embed-check")
    def without_session() -> Response:
        return _page("none", ())

    @embed_check.get("/embed-check/<path:token>")
    def with_session(token: str) -> Response:
        return _page(*_session_of(services, token))

    return embed_check


def _session_of(services: HostedServices, token: str) -> tuple[str, Sequence[str]]:
    """How the link stands, and who may frame it."""
    hosted_session_id = services.links.read_session_token(token) if len(token) <= MAX_TOKEN_CHARACTERS else None
    if hosted_session_id is None:
        return "unknown", ()
    try:
        loaded, view = services.read_capture(hosted_session_id)
    except UnknownHostedSession:
        return "unknown", ()
    except BonafideError as error:
        log.warning("embed check of %s: %s", hosted_session_id, type(error).__name__)
        return "unavailable", ()
    return "over" if view.outcome else "open", loaded.settings.allowed_frame_origins


def _page(session: str, allowed: Sequence[str]) -> Response:
    """What only the server sees goes along: the Referer of this very request, and who may frame."""
    referer = request.headers.get("Referer", "")
    boot = {
        "session": session,
        "allowed": list(allowed),
        "referrer": origin_of(referer),
        "bound": framing_origin(referer, allowed),
    }
    response = make_response(render_template("embed_check.html", boot=boot))
    response.headers.update(HEADERS)
    return compressed_page(response)
