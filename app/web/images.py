"""Images as callers send them: a part of a form, or base64."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping

from flask import request

from app.domain.errors import InvalidRequest

_DATA_URL = re.compile(r"data:image/[a-z0-9.+-]{1,32};base64,", re.IGNORECASE)


def read_image(name: str) -> bytes:
    """A form's image: a file, or base64 with or without a data URL in front; the file wins."""
    return find_image(name)[1]


def find_image(*names: str) -> tuple[str, bytes]:
    """The first of a form's images that have these names, files before texts, and which name it has."""
    for name in names:
        for file in request.files.getlist(name):
            sent: bytes = file.read()
            if sent:
                return name, sent
    return find_text_image({name: request.form.get(name) for name in names})


def find_text_image(texts: Mapping[str, str | None]) -> tuple[str, bytes]:
    """The first of these that is an image in base64, and its name. `InvalidRequest` where there is none."""
    for name, text in texts.items():
        try:
            data = image_from_text(text or "")
        except ValueError as error:
            raise InvalidRequest("An image cannot be read.", {name: "is neither a file nor base64"}) from error
        if data:
            return name, data
    raise InvalidRequest("An image is missing.", {next(iter(texts)): "is missing"})


def image_from_text(text: str) -> bytes:
    """Base64 with or without a data URL in front, whatever white space is in it. ValueError for anything else."""
    url = _DATA_URL.match(text)
    encoded = "".join((text[url.end() :] if url else text).split())
    try:
        return base64.b64decode(encoded, validate=True)
    except ValueError as error:
        raise ValueError("is no base64") from error
