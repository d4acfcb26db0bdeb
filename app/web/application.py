"""What every HTTP door is given: uploads in memory, a limit, a name for each request, errors as JSON."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import IO

from flask import Flask, Request, Response, g
from flask.json.provider import DefaultJSONProvider
from werkzeug.formparser import FormDataParser

from app.web.errors import install_error_handlers

FORM_PARTS_MAX = 256
"""Parts of a form; the largest form of the contract has seven."""


class MemoryRequest(Request):
    """Keeps uploads in memory: an image must not touch the disk in clear, not even as a temporary file.

    The body is bounded, so the memory is. A form that cannot be read is an error and not an empty one.
    """

    def make_form_data_parser(self) -> FormDataParser:
        parser = super().make_form_data_parser()
        parser.silent = False
        return parser

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        return BytesIO()


def install_web(app: Flask, new_nonce: Callable[[], str], max_body_bytes: int) -> None:
    """Prepare the application for routes of a contract. `new_nonce` gives the names of requests."""
    app.request_class = MemoryRequest
    app.config["MAX_CONTENT_LENGTH"] = max_body_bytes
    app.config["MAX_FORM_MEMORY_SIZE"] = max_body_bytes
    app.config["MAX_FORM_PARTS"] = FORM_PARTS_MAX
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.url_map.merge_slashes = False
    assert isinstance(app.json, DefaultJSONProvider)
    app.json.sort_keys = False

    def name_request() -> None:
        """Every request has a name by which it is found in the log."""
        g.request_id = f"req_{new_nonce()}"

    app.before_request(name_request)
    app.after_request(_show_request_id)
    install_error_handlers(app)


def not_cached(response: Response) -> Response:
    """Answers about people are for nobody's cache."""
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _show_request_id(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.get("request_id", "")
    return response
