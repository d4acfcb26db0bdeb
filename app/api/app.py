"""Puts the API onto a Flask application: routes, request ids, limits, errors."""

from __future__ import annotations

from io import BytesIO
from typing import IO

from flask import Blueprint, Flask, Request, Response, g
from flask.json.provider import DefaultJSONProvider

from app.api.authentication import not_cached
from app.api.entities import entities
from app.api.errors import install_error_handlers
from app.api.health import health
from app.api.services import ApiServices, api_services, attach
from app.api.sessions import sessions
from app.api.validations import validations

BASE_PATH = "/api"


class MemoryRequest(Request):
    """Keeps uploads in memory: an image must not touch the disk in clear, not even as a temporary file.

    The body is bounded, so the memory is.
    """

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        return BytesIO()


def install_api(app: Flask, services: ApiServices) -> None:
    """Register everything under `/api`, and the public health and key routes beside it."""
    attach(app, services)
    app.request_class = MemoryRequest
    app.config["MAX_CONTENT_LENGTH"] = services.max_body_bytes
    app.config["MAX_FORM_MEMORY_SIZE"] = services.max_body_bytes
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.url_map.merge_slashes = False
    assert isinstance(app.json, DefaultJSONProvider)
    app.json.sort_keys = False
    app.before_request(_name_request)
    app.after_request(_show_request_id)
    install_error_handlers(app)
    app.register_blueprint(create_api_blueprint())
    app.register_blueprint(health)


def create_api_blueprint() -> Blueprint:
    """All routes under `/api`."""
    api = Blueprint("api", __name__, url_prefix=BASE_PATH)
    api.after_request(not_cached)
    for resource in (entities, validations, sessions):
        api.register_blueprint(resource)
    return api


def _name_request() -> None:
    """Every request has a name by which it is found in the log."""
    g.request_id = f"req_{api_services().randomness.nonce()}"


def _show_request_id(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.get("request_id", "")
    return response
