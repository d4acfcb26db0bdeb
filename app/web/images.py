"""Images as callers send them: a part of a form, or base64."""

from __future__ import annotations

import base64
import re

from flask import request

from app.domain.errors import InvalidRequest

_DATA_URL = re.compile(r"data:image/[a-z0-9.+-]{1,32};base64,", re.IGNORECASE)


def read_image(name: str) -> bytes:
    """A form's image: a file, or base64 with or without a data URL in front; the file wins."""
    file = request.files.get(name)
    sent: bytes = file.read() if file is not None else b""
    if sent:
        return sent
    try:
        data = image_from_text(request.form.get(name, ""))
    except ValueError as error:
        raise InvalidRequest("An image cannot be read.", {name: "is neither a file nor base64"}) from error
    if not data:
        raise InvalidRequest("An image is missing.", {name: "is missing"})
    return data


def image_from_text(text: str) -> bytes:
    """Base64 with or without a data URL in front, whatever white space is in it. ValueError for anything else."""
    url = _DATA_URL.match(text)
    encoded = "".join((text[url.end() :] if url else text).split())
    try:
        return base64.b64decode(encoded, validate=True)
    except ValueError as error:
        raise ValueError("is no base64") from error
