"""Face matches as a caller asks for them."""

from __future__ import annotations

import base64
from typing import Any

from tests.api.conftest import Answer, Api
from tests.api.forms import form

MATCH = "/api/kyc/face-match"
VERIFICATIONS = f"{MATCH}/verifications"
DOCUMENT, SELFIE = b"\xff\xd8\xff\xe0 the document", b"\x89PNG\r\n\x1a\n the selfie"


def as_text(image: bytes) -> str:
    return base64.b64encode(image).decode("ascii")


def match(api: Api, key: str | None = None, **fields: Any) -> Answer:
    """Document and selfie as files, unless other ones are given; None leaves one out."""
    both = {"documentImage": DOCUMENT, "selfieImage": SELFIE, **fields}
    return api.post(MATCH, key=key, **form({name: value for name, value in both.items() if value is not None}))


def kept(api: Api, **query: str) -> list[Any]:
    text = "&".join(f"{name}={value}" for name, value in query.items())
    listed: list[Any] = api.get(f"{VERIFICATIONS}?{text}").json["verifications"]
    return listed
