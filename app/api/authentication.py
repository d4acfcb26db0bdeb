"""A key, a scope, and the organization's integrations stand before every route that is not public."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, cast

from flask import g, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import RequestEntityTooLarge

from app.api.limits import admit, count_request, refuse_throttled
from app.api.services import api_services
from app.domain.organization import Caller, Scope
from app.services.authenticate import (
    Integration,
    require_integrations,
    require_organization,
    require_scope,
    require_webhook_secret,
)

P = ParamSpec("P")
View = Callable[P, ResponseReturnValue]

PUBLIC_ENDPOINTS = frozenset(
    {
        "health.livez",
        "health.readyz",
        "health.jwks",
        "api.description.openapi_json",
        "api.description.docs",
    }
)
"""Routes without a key. Whatever is not listed here refuses strangers; a test walks all routes."""

_SCOPE = "required_scope"


def requires(
    scope: Scope,
    *integrations: Integration,
    is_check: bool = False,
    uses_quota: bool = False,
    sees_refusals: bool = False,
) -> Callable[[View[P]], View[P]]:
    """Before anything of the request is looked at: 401, 403, 429, then 413 by its length, unread.

    A synchronous check also needs the KYC webhook secret. What `uses_quota` is refused while the month's is used
    up; that it is really taken is the use case's. A view that `sees_refusals`, to keep a record of them, calls
    `refuse_too_large` itself.
    """

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            caller = admit()
            standing = count_request(caller)
            require_organization(caller, request.headers.get("X-Organization-ID"))
            require_scope(caller, scope)
            require_integrations(caller.organization.settings, integrations)
            if is_check:
                require_webhook_secret(caller.organization.settings)
            if uses_quota:
                api_services().require_quota(caller, request.headers.get("Idempotency-Key"))
            refuse_throttled(standing)
            if not sees_refusals:
                refuse_too_large()
            g.caller = caller
            return view(*args, **kwargs)

        setattr(guarded, _SCOPE, scope)
        return guarded

    return decorate


def refuse_too_large() -> None:
    """`RequestEntityTooLarge` by the length that the body is said to have."""
    if (request.content_length or 0) > api_services().max_body_bytes:
        raise RequestEntityTooLarge


def required_scope(view: Callable[..., object]) -> Scope | None:
    """The scope a view asks for, None for one without a guard."""
    return cast("Scope | None", getattr(view, _SCOPE, None))


def caller() -> Caller:
    """Who makes this request; only behind `requires`."""
    return cast("Caller", g.caller)
