"""Multipart bodies, made in memory: the test client's own way leaves large ones behind as open files."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any

from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.test import encode_multipart


def form(fields: Mapping[str, bytes | str | list[bytes | str]]) -> dict[str, Any]:
    """`data` and `content_type` of a request. Bytes are files, texts are fields; a list is sent part by part."""
    parts: MultiDict[str, object] = MultiDict()
    for name, values in fields.items():
        for value in values if isinstance(values, list) else [values]:
            parts.add(name, FileStorage(BytesIO(value), f"{name}.jpg") if isinstance(value, bytes) else value)
    boundary, body = encode_multipart(parts)
    return {"data": body, "content_type": f"multipart/form-data; boundary={boundary}"}
