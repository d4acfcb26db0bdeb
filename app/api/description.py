"""The API's description: for programs and for people. Public, made once, and the same for everybody."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from flask import Blueprint, Response, current_app, render_template, request
from flask.typing import ResponseReturnValue

from app.api.docs_page import page_of
from app.api.openapi import document
from app.api.services import api_services

description = Blueprint("description", __name__)

MAX_AGE_SECONDS = 300
_EXTENSION = "bonafide-description"

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
"""No script at all: the page is text."""


@dataclass(frozen=True)
class _Made:
    """A body and what names it."""

    body: bytes
    etag: str


@description.get("/openapi.json")
def openapi_json() -> ResponseReturnValue:
    return _answer("openapi", _make_json, "application/json", {"Access-Control-Allow-Origin": "*"})


@description.get("/docs")
def docs() -> ResponseReturnValue:
    headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY, "Referrer-Policy": "no-referrer"}
    return _answer("docs", _make_page, "text/html; charset=utf-8", headers)


def _make_json() -> str:
    return json.dumps(document(api_services().public_url), ensure_ascii=False, separators=(",", ":"))


def _make_page() -> str:
    return render_template("api_docs.html", page=page_of(document(api_services().public_url)))


def _answer(name: str, make: Callable[[], str], content_type: str, headers: Mapping[str, str]) -> Response:
    """Made by the first request that asks; a browser that has it is told so and gets no body."""
    kept: dict[str, _Made] = current_app.extensions.setdefault(_EXTENSION, {})
    if name not in kept:
        body = make().encode("utf-8")
        kept[name] = _Made(body, sha256(body).hexdigest()[:32])
    made = kept[name]
    response = Response(made.body, content_type=content_type)
    response.set_etag(made.etag)
    response.headers["Cache-Control"] = f"public, max-age={MAX_AGE_SECONDS}"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.update(headers)
    response.make_conditional(request)
    return response
