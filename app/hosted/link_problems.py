"""The page of a link that leads nowhere, and whom it may tell so."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from flask import render_template
from flask_babel import get_locale

from app.hosted.framing import again_from, bound_origin
from app.hosted.languages import direction_of

LINK_PROBLEMS = {"unknown_session": 404, "expired": 410, "handoff_over": 410, "unavailable": 503}
"""Code of the protocol → status of the page that says so."""

TOLD = frozenset({"expired", "unavailable"})
"""Problems that the page tells who frames it. An unknown link is nobody's: no list says who may hear of it. And a
phone that has lost its session has nothing to tell: that goes on."""


@dataclass(frozen=True)
class Page:
    """A page before its headers. `frame_origins` empty: whoever may frame by default."""

    html: str
    nonce: str
    status: int = 200
    frame_origins: tuple[str, ...] = ()


def problem_page(
    code: str, frame_origins: tuple[str, ...] = (), session_id: str | None = None, *, goes_on: bool = False
) -> Page:
    """`goes_on`: the session has a callback, to which the person can go from here."""
    nonce = secrets.token_urlsafe(16)
    language = str(get_locale())
    origin = bound_origin(frame_origins)
    is_told = origin is not None and code in TOLD
    html = render_template(
        "link_problem.html",
        code=code,
        boot={"code": code, "frameOrigin": origin, "sessionId": session_id} if is_told else None,
        again=again_from(origin),
        goes_on=goes_on,
        csp_nonce=nonce,
        language=language,
        direction=direction_of(language),
    )
    return Page(html, nonce, LINK_PROBLEMS[code], frame_origins)
