"""What the tests of the contract have written out is what stands on its pages, and nothing of it was left out."""

from __future__ import annotations

import re

import pytest

from app.web.errors import STATUS_OF_CODE
from tests.api.conftest import Api
from tests.contract import test_pages_checks as checks
from tests.contract import test_pages_sessions as sessions
from tests.contract.pages import PAGES, Curl, addresses, curl_of, errors_of, json_examples

EXAMPLES: dict[str, list[object]] = {
    "gu1-biometric-check.txt": [checks.CHECK_REQUEST, checks.CHECK_ANSWER],
    "gu1-current-biometric-session.txt": [
        sessions.CURRENT_HEADERS,
        sessions.CURRENT,
        sessions.NO_SESSION,
        sessions.ACTIVE_EXISTS,
    ],
    "gu1-embedded-biometric-session.txt": [sessions.CREATE_BODY, sessions.CREATED],
    "gu1-face-match.txt": [checks.MATCH_REQUEST, checks.MATCH_ANSWER],
}
TOKEN = {"Authorization": "Bearer <token>"}
JSON = {"Content-Type": "application/json"}
CURLS = {
    "gu1-biometric-check.txt": Curl("POST", checks.CHECK, TOKEN | JSON),
    "gu1-current-biometric-session.txt": Curl("GET", sessions.CURRENT_PATH, TOKEN),
    "gu1-embedded-biometric-session.txt": Curl("POST", sessions.SESSIONS, TOKEN | JSON),
    "gu1-face-match.txt": Curl("POST", checks.MATCH, TOKEN | JSON),
}
ERRORS = {
    "INVALID_REQUEST": 400,
    "UNAUTHORIZED": 401,
    "NOT_CONFIGURED": 403,
    "NOT_ENABLED": 403,
    "QUOTA_EXCEEDED": 403,
    "NOT_FOUND": 404,
    "VERIFICATION_FAILED": 500,
    "SERVICE_UNAVAILABLE": 503,
}
"""Of all pages together."""

LATER = ("POST", "/api/kyc/validations")
"""The hosted session with a document: no route until there is one."""


@pytest.mark.parametrize("page", PAGES)
def test_the_json_examples_are_those_of_the_page(page: str) -> None:
    assert json_examples(page) == EXAMPLES[page]


@pytest.mark.parametrize("page", PAGES)
def test_the_curl_command_is_that_of_the_page(page: str) -> None:
    assert curl_of(page) == CURLS[page]


def test_the_errors_are_those_of_the_pages_and_come_with_their_status() -> None:
    found: dict[str, int] = {}
    for page in PAGES:
        found |= errors_of(page)
    assert found == ERRORS
    assert ERRORS.items() <= STATUS_OF_CODE.items()


@pytest.mark.parametrize("page", PAGES)
def test_every_call_that_the_page_names_is_there(api: Api, page: str) -> None:
    named = addresses(page)
    routes = {
        (method, re.sub(r"<[^>]+>", "{}", rule.rule))
        for rule in api.app.url_map.iter_rules()
        for method in rule.methods or ()
    }
    assert named
    assert named - {LATER} <= routes
    assert LATER not in routes
