"""Holds an answer of the API against the OpenAPI document: status, headers, content type and every field."""

from __future__ import annotations

from functools import cache
from typing import Any

import jsonschema_rs
from flask import Flask
from pydantic.alias_generators import to_camel
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from app.api.openapi import document
from app.web.openapi import JSON

Json = dict[str, Any]
DOCUMENT = document("https://verify.example")


def path_of_rule(rule: str) -> str:
    """Flask's `<session_id>` as the document's `{sessionId}`."""
    parts = [f"{{{to_camel(part[1:-1])}}}" if part.startswith("<") else part for part in rule.split("/")]
    return "/".join(parts)


def operation_of(app: Flask, method: str, path: str) -> tuple[str, str] | None:
    """Path in the document and method, None for what no route takes."""
    try:
        rule, _ = app.url_map.bind("localhost").match(path, method, return_rule=True)
    except HTTPException:
        return None
    return path_of_rule(rule.rule), "get" if method == "HEAD" else method.lower()


def assert_described(app: Flask, response: TestResponse) -> None:
    """What is wrong is in the AssertionError."""
    method = response.request.method
    found = operation_of(app, method, response.request.path)
    if found is None or not found[0].startswith(("/api", "/livez", "/readyz", "/.well-known")):
        return
    where = (found[1], found[0], response.status_code)
    answers: Json = DOCUMENT["paths"][found[0]][found[1]]["responses"]
    assert str(response.status_code) in answers, f"{where} is not described: {response.text}"
    described = answers[str(response.status_code)]
    for name in described.get("headers", ()):
        header = DOCUMENT["components"]["headers"][name]
        assert name in response.headers or not header["required"], f"{where} lacks {name}"
    kinds = described.get("content", {})
    if not kinds or method == "HEAD":
        return
    assert response.content_type in kinds, f"{where} is {response.content_type}, not {list(kinds)}"
    if response.content_type == JSON:
        errors = _validator(*where).iter_errors(response.json)
        wrong = [f"{list(error.instance_path)}: {error.message}" for error in errors]
        assert not wrong, f"{where} {wrong}"


@cache
def _validator(method: str, path: str, status: int) -> jsonschema_rs.Draft202012Validator:
    schema = DOCUMENT["paths"][path][method]["responses"][str(status)]["content"][JSON]["schema"]
    whole = {**schema, "components": DOCUMENT["components"]}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
