"""The API's OpenAPI document."""

from __future__ import annotations

from functools import cache

from app.api.error_meanings import MEANINGS
from app.api.operations import GROUPS, OPERATIONS
from app.web.errors import STATUS_OF_CODE
from app.web.openapi import About, assemble
from app.web.openapi_schemas import Json

VERSION = "1"
"""Of the contract: what a caller of `/api` can rely on."""

DESCRIPTION = """Bonafide proves in a browser that the person on the other end is alive, present, and the same \
person who was verified before.

Authenticate with `Authorization: Bearer bf_live_…` or `bf_test_…`. A key belongs to one organization; test keys \
see only test data, live keys only live data. JSON is UTF-8, times are ISO 8601 in UTC, ids are UUIDs. Fields \
that are unknown are ignored; tolerate unknown ones, and unknown `warnings`, in answers too.

Lists take `limit` (50 by default, 100 at most) and `offset`, and answer with `pagination`.

Every error is `{"error": "CODE", "message": "…", "requestId": "req_…"}`. An object of another organization reads \
like one that never was. An address that does not take a method answers 405 `METHOD_NOT_ALLOWED` with `Allow`."""


@cache
def document(public_url: str) -> Json:
    """The document; the same in every process of one address. Not to be changed by whoever gets it."""
    about = About(
        title="Bonafide API",
        version=VERSION,
        description=DESCRIPTION,
        security_scheme={
            "type": "http",
            "scheme": "bearer",
            "description": "An API key. The scopes it needs stand with each operation; `admin` includes all.",
        },
        meanings=MEANINGS,
        tags={group.name: group.description for group in GROUPS},
        servers=(public_url,),
    )
    whole = assemble(about, OPERATIONS)
    whole["components"]["schemas"]["ErrorBody"]["properties"]["error"] = {
        "type": "string",
        "enum": sorted(STATUS_OF_CODE),
        "x-codes": {
            code: {"status": status, "when": MEANINGS[code]} for code, status in sorted(STATUS_OF_CODE.items())
        },
    }
    return whole
