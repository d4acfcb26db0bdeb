"""The phone's side of a handoff: who asks, from what, and which number. Only the answer takes the session."""

from __future__ import annotations

import logging
import re
import secrets
from datetime import timedelta

from flask import Blueprint, Response, make_response, redirect, render_template, request
from flask_babel import format_timedelta, get_locale, gettext
from werkzeug.exceptions import RequestEntityTooLarge

from app.domain.errors import BonafideError
from app.domain.handoff import Handoff
from app.hosted.addresses import own_origin
from app.hosted.copy_handoff import HANDOFF_PAGE, HANDOFF_PROBLEMS, TRY_AGAIN
from app.hosted.handoff_socket import WatchTeller
from app.hosted.languages import direction_of, set_apart, speak
from app.hosted.origins import origin_of
from app.hosted.services import HostedServices
from app.hosted.theme import wear
from app.services.handoff import LinkProblem, LinkUnusable
from app.services.start_capture import LoadedSession
from app.web.errors import RETRY_AFTER_SECONDS

log = logging.getLogger(__name__)

MAX_TOKEN_CHARACTERS = 1_024
MAX_FORM_BYTES = 1_024
NONE_OF_THESE = 0
"""What the phone sends where the computer shows another number, or none."""

LEAST_AGE = timedelta(seconds=1)
"""What was asked for in this very second was not asked for in the future."""

STATUSES = {"unknown": 404, "invalid": 400, "foreign": 403, "unavailable": 503}
"""Of the pages that say why not; every other one is gone, 410."""
GONE = 410
_NUMBER = re.compile(r"[0-9]{1,2}", re.ASCII)
_WITH_A_WAY_BACK = frozenset({"invalid", "foreign", "unavailable"})


def add_handoff_routes(hosted: Blueprint, services: HostedServices, namespace: WatchTeller) -> None:
    """`/handoff/<token>`. The token is what authorizes; reading begins nothing and uses nothing up."""

    @hosted.get("/handoff/<path:token>")
    def handoff_page(token: str) -> Response:
        try:
            handoff, loaded = services.handoffs.read(_handoff_of(services, token))
        except (LinkUnusable, BonafideError) as error:
            return _problem(error)
        return _chooser(services, handoff, loaded)

    @hosted.post("/handoff/<path:token>")
    def take_handoff(token: str) -> Response:
        try:
            handoff_id = _handoff_of(services, token)
            if origin_of(request.headers.get("Origin", "")) != own_origin(services):
                return _problem_page("foreign")
            number = _chosen_number()
            if number is None:
                return _problem_page("invalid")
            handoff = services.handoffs.take(handoff_id, number)
        except (LinkUnusable, BonafideError) as error:
            if isinstance(error, LinkUnusable) and error.problem is LinkProblem.REFUSED and error.loaded:
                namespace.link_moved(error.loaded.hosted.hosted_session_id)
            return _problem(error)
        namespace.link_moved(handoff.hosted_session_id)
        hosted_session_id, at = handoff.hosted_session_id, handoff.created_at
        page = services.links.phone_token(hosted_session_id, handoff.handoff_id, at)
        return _headed(redirect(f"/session/{page}", 303), referrer="no-referrer")  # type: ignore[arg-type]


def _handoff_of(services: HostedServices, token: str) -> str:
    """Id of the token's handoff; `LinkUnusable` for a forged one."""
    handoff_id = services.links.read_handoff_token(token) if len(token) <= MAX_TOKEN_CHARACTERS else None
    if handoff_id is None:
        raise LinkUnusable(LinkProblem.UNKNOWN)
    return handoff_id


def _chosen_number() -> int | None:
    request.max_content_length = MAX_FORM_BYTES
    try:
        written = request.form.get("number", "")
    except RequestEntityTooLarge:
        return None
    return int(written) if _NUMBER.fullmatch(written) else None


def _chooser(services: HostedServices, handoff: Handoff, loaded: LoadedSession) -> Response:
    speak(loaded.session.language, loaded.settings.default_language)
    wear(loaded.session.organization_id, loaded.settings.branding)
    texts = {key: gettext(text) for key, text in HANDOFF_PAGE.items()}
    return _page(
        "handoff.html",
        texts=texts,
        lead=texts["lead"].replace("{organization}", set_apart(loaded.organization_name, str(get_locale()))),
        asked_from=_asked_from(texts, handoff, services),
        organization_name=loaded.organization_name,
        choices=handoff.choices,
        none_of_these=NONE_OF_THESE,
    )


def _asked_from(texts: dict[str, str], handoff: Handoff, services: HostedServices) -> str:
    """As “Chrome on Windows, 2 minutes ago”."""
    age = min(handoff.created_at - services.clock.now(), -LEAST_AGE)
    known = [name for name in (handoff.browser, handoff.system) if name]
    text = texts[("from_none", "from_one", "from_both")[len(known)]]
    values = {
        "browser": handoff.browser,
        "system": handoff.system,
        "device": "".join(known),
        "when": format_timedelta(age, add_direction=True),
    }
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", set_apart(value or "", str(get_locale())))
    return text


def _problem(error: LinkUnusable | BonafideError) -> Response:
    if isinstance(error, LinkUnusable):
        if error.loaded is not None:
            speak(error.loaded.session.language, error.loaded.settings.default_language)
            wear(error.loaded.session.organization_id, error.loaded.settings.branding)
        return _problem_page(error.problem.value)
    log.warning("handoff: no page: %s", type(error).__name__)
    return _problem_page("unavailable")


def _problem_page(code: str) -> Response:
    title, lead = HANDOFF_PROBLEMS[code]
    again = gettext(TRY_AGAIN) if code in _WITH_A_WAY_BACK else None
    response = _page("handoff_problem.html", code=code, title=gettext(title), lead=gettext(lead), again=again)
    response.status_code = STATUSES.get(code, GONE)
    if code == "unavailable":
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def _page(template: str, **values: object) -> Response:
    nonce, language = secrets.token_urlsafe(16), str(get_locale())
    direction = direction_of(language)
    html = render_template(template, csp_nonce=nonce, language=language, direction=direction, **values)
    # With `no-referrer` browsers would send the form without its origin.
    response = _headed(make_response(html), referrer="same-origin")
    response.headers["Content-Security-Policy"] = "; ".join(
        (
            "default-src 'none'",
            f"style-src 'self' 'nonce-{nonce}'",
            "img-src 'self' data:",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )
    return response


def _headed(response: Response, *, referrer: str) -> Response:
    response.headers["Referrer-Policy"] = referrer
    response.headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=()"
    return response
