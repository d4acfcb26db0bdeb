"""Requests with an idempotency key, and what comes back byte for byte."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import Headers

from tests.api.conftest import Api
from tests.api.described import assert_described
from tests.api.forms import form

Request = dict[str, Any]


@dataclass(frozen=True)
class Sent:
    """What came back, as JSON and byte for byte."""

    status_code: int
    json: Any
    data: bytes
    headers: Headers

    @property
    def outcome(self) -> object:
        """The error's code, or the status where all is well."""
        return self.json.get("error", self.status_code)


def send(api: Api, path: str, key: str | None, request: Request, api_key: str | None = None) -> Sent:
    headers = api.headers(api_key) | ({} if key is None else {"Idempotency-Key": key})
    response = api.app.test_client().post(path, headers=headers, **request)
    assert_described(api.app, response)
    return Sent(response.status_code, response.json, response.data, response.headers)


def told(sent: Sent) -> tuple[int, str]:
    return sent.status_code, sent.json["error"]


def fields_of(**parts: str | bytes) -> Callable[[], Request]:
    """Made anew for each sending: with another boundary, as any client does."""
    return lambda: form(parts)
