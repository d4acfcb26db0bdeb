"""`Idempotency-Key`: a create that is sent twice happens once and is answered the same both times."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from flask import Response, make_response, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from app.api.authentication import caller
from app.api.services import api_services
from app.domain.errors import BonafideError, InvalidRequest
from app.domain.idempotency import KEY_MAX_CHARACTERS, KeptAnswer, is_idempotency_key
from app.web.sameness import request_digest

P = ParamSpec("P")
View = Callable[P, ResponseReturnValue]

KEY_HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"
KEPT_HEADERS = ("Content-Type", "Location")
"""The others are of the request that is answered, not of the object."""

_MARK = "is_idempotent"


def idempotent(view: View[P]) -> View[P]:
    """Of a create, beneath `@requires`: whoever may not make this call learns nothing of earlier ones.

    Without a key the view is called as it stands. It must write all that it creates in one transaction.
    """

    @wraps(view)
    def once(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        key = request.headers.get(KEY_HEADER)
        if key is None:
            return view(*args, **kwargs)
        try:
            _check(key)
            digest = request_digest()
        except (InvalidRequest, HTTPException) as refusal:
            return _refuse(refusal, lambda: view(*args, **kwargs))
        with api_services().idempotency(caller(), key, digest) as run:
            if run.kept is not None:
                return _again(run.kept)
            response = make_response(view(*args, **kwargs))
            if 200 <= response.status_code < 300:
                run.keep(_kept(response))
            return response

    setattr(once, _MARK, True)
    return once


def is_idempotent(view: Callable[..., object]) -> bool:
    """Whether a view heeds the header."""
    return bool(getattr(view, _MARK, False))


def _check(key: str) -> None:
    if not is_idempotency_key(key):
        problem = f"must be 1 to {KEY_MAX_CHARACTERS} printable ASCII characters"
        raise InvalidRequest("The idempotency key cannot be accepted.", {KEY_HEADER: problem})


def _refuse(refusal: InvalidRequest | HTTPException, view: Callable[[], object]) -> ResponseReturnValue:
    """The view comes to the same refusal, or to one before it, and keeps its own record of either."""
    try:
        with api_services().idempotency.refusing(refusal):
            view()
    except (InvalidRequest, HTTPException):
        raise
    except BonafideError:
        raise refusal from None  # a wrong request is told before what is not found
    raise refusal


def _kept(response: Response) -> KeptAnswer:
    headers = tuple((name, response.headers[name]) for name in KEPT_HEADERS if name in response.headers)
    return KeptAnswer(response.status_code, headers, response.get_data())


def _again(kept: KeptAnswer) -> Response:
    response = Response(kept.body, kept.status, kept.headers)
    response.headers[REPLAYED_HEADER] = "true"
    return response
