"""Bodies that cost more than they are worth are refused before anything is built of them."""

from __future__ import annotations

import json
from unittest import mock

import pytest

from app.domain.errors import InvalidRequest
from app.web.json_body import parse_json


def test_a_body_of_too_many_values_is_refused_unread() -> None:
    """Thirty megabytes of it took a gigabyte and ten seconds."""
    body = b"[" + b"[]," * 20_000 + b"1]"
    with (
        mock.patch.object(json, "loads", side_effect=AssertionError("it was built")),
        pytest.raises(InvalidRequest, match="more than 10000 values"),
    ):
        parse_json(body)


def test_as_many_values_as_are_allowed_are_read() -> None:
    assert parse_json(json.dumps(list(range(50))).encode(), max_values=50) == list(range(50))
    with pytest.raises(InvalidRequest):
        parse_json(json.dumps(list(range(52))).encode(), max_values=50)
