"""Whether two requests ask for the same: by what they mean, not by how they are written down."""

from __future__ import annotations

import hashlib
import json

from flask import request
from werkzeug.datastructures import FileStorage

from app.web.json_body import parse_json
from app.web.requests import is_form, load_body

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def request_digest() -> bytes:
    """SHA-256 of method, path and body.

    Of JSON the parsed value counts: neither white space nor the order of names, and 1.0 is 1. Of a form its
    fields and the bytes of its files: neither boundaries nor the order of different names, nor what files are
    called. `InvalidRequest` or an HTTP exception where the body cannot be read; the view can read it again.
    """
    body = load_body()
    if is_form():
        return _digest("form", _fields(), _files())
    return _digest("json", _plain(parse_json(body)) if body else "absent", bool(body))


def _digest(*meaning: object) -> bytes:
    text = _CANONICAL.encode([request.method, request.path, *meaning])
    return hashlib.sha256(text.encode("ascii")).digest()


def _fields() -> dict[str, list[str]]:
    """Values of one name in their order: the first one counts."""
    return {name: list(values) for name, values in request.form.lists()}


def _files() -> dict[str, list[str]]:
    return {name: [_file_digest(file) for file in files] for name, files in request.files.lists()}


def _file_digest(file: FileStorage) -> str:
    digest = hashlib.sha256(file.stream.read()).hexdigest()
    file.stream.seek(0)
    return digest


def _plain(value: object) -> object:
    """Without the difference between 1.0 and 1."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
