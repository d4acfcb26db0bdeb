"""The API's document is whole, says what the routes do, and is handed out to everybody."""

from __future__ import annotations

import re
from pathlib import Path

import jsonschema_rs
import pytest
from flask import Flask

from app.api.authentication import PUBLIC_ENDPOINTS, required_scope
from app.api.description import CONTENT_SECURITY_POLICY
from app.api.idempotency import is_idempotent
from app.api.openapi import document
from app.api.operations import OPERATIONS
from app.web.openapi import JSON
from tests.api.conftest import PUBLIC_URL, Api
from tests.api.described import DOCUMENT, Json, assert_described, path_of_rule
from tests.api.test_access import routes
from tests.web.test_openapi import references, resolve

FILES = Path(__file__).resolve().parents[2]


def views(app: Flask) -> dict[tuple[str, str], str]:
    """Method and path in the document's words → endpoint."""
    return {(method.lower(), path_of_rule(rule.rule)): rule.endpoint for rule, method in routes(app)}


def test_operations_are_the_routes(api: Api) -> None:
    described = {(method, path) for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert described == set(views(api.app))
    assert len(described) == len(OPERATIONS) >= 31


def test_each_operation_asks_for_what_its_view_asks_for(api: Api) -> None:
    endpoints = views(api.app)
    for operation in OPERATIONS:
        endpoint = endpoints[operation.method, operation.path]
        view = api.app.view_functions[endpoint]
        assert operation.scope == required_scope(view), operation.operation_id
        assert operation.is_public == (endpoint in PUBLIC_ENDPOINTS) == (operation.scope is None)
        assert operation.is_idempotent == is_idempotent(view), operation.operation_id
        described = DOCUMENT["paths"][operation.path][operation.method]
        needed = [] if operation.scope is None else [{"bearer": [operation.scope.value]}]
        assert described["security"] == needed
        headers = {one["name"] for one in described.get("parameters", ()) if one["in"] == "header"}
        assert ("Idempotency-Key" in headers) == operation.is_idempotent
        assert ("X-Organization-ID" in headers) == (not operation.is_public)


def test_every_reference_leads_somewhere_and_nothing_is_left_over() -> None:
    found = set(references(DOCUMENT))
    assert all(isinstance(resolve(DOCUMENT, reference), dict) for reference in found)
    for kind in ("schemas", "headers"):
        used = {reference.rpartition("/")[2] for reference in found if f"/{kind}/" in reference}
        assert used == set(DOCUMENT["components"][kind])


def test_every_schema_is_json_schema_of_2020() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        jsonschema_rs.meta.validate(schema)
        assert schema.get("description"), f"{name} says nothing of itself"


def test_every_answer_names_the_request_and_errors_name_their_codes() -> None:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            for status, answer in operation["responses"].items():
                where = f"{method} {path} {status}"
                assert "X-Request-Id" in answer["headers"], where
                is_described_otherwise = where == "get /readyz 503"
                if status >= "400" and not is_described_otherwise:
                    parts = answer["content"][JSON]["schema"]["allOf"]
                    assert parts[1]["properties"]["error"]["enum"], where


def test_ids_in_paths_are_uuids() -> None:
    for path, methods in DOCUMENT["paths"].items():
        for operation in methods.values():
            parameters = [one for one in operation.get("parameters", ()) if one["in"] == "path"]
            assert [one["name"] for one in parameters] == re.findall(r"{(\w+)}", path)
            for one in parameters:
                is_uuid = one["schema"].get("format") == "uuid"
                assert is_uuid == (one["name"] not in ("kind", "workflowId"))


def test_it_is_handed_out_without_a_key_and_only_once(api: Api) -> None:
    answer = api.open("/api/openapi.json")
    assert answer.status_code == 200
    assert answer.json == document(PUBLIC_URL)
    assert answer.json["servers"] == [{"url": PUBLIC_URL}]
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    for path in ("/api/openapi.json", "/api/docs"):
        client = api.app.test_client()
        etag = client.get(path).headers["ETag"]
        again = client.get(path, headers={"If-None-Match": etag})
        assert (again.status_code, again.data) == (304, b"")
        assert client.get(path, headers={"If-None-Match": '"another"'}).status_code == 200


def test_what_the_document_does_not_say_is_noticed(api: Api) -> None:
    """Or the check that every API test makes would prove nothing."""
    client = api.app.test_client()
    wrong: list[Json] = [{"entities": []}, {"entities": [], "pagination": {"limit": "1", "offset": 0, "total": 0}}]
    for body in wrong:
        response = client.get("/api/entities", headers=api.headers())
        response.set_data(api.app.json.dumps(body))
        with pytest.raises(AssertionError, match="pagination"):
            assert_described(api.app, response)
    response.status_code = 418
    with pytest.raises(AssertionError, match="not described"):
        assert_described(api.app, response)


class TestThePage:
    def test_shows_every_operation_error_and_object(self, api: Api) -> None:
        response = api.app.test_client().get("/api/docs")
        assert response.content_type == "text/html; charset=utf-8"
        for operation in OPERATIONS:
            assert f'id="{operation.operation_id}"' in response.text
        for name in DOCUMENT["components"]["schemas"]:
            assert f'id="schema-{name}"' in response.text
        anchors = set(re.findall(r'href="#([^"]+)"', response.text))
        assert anchors <= set(re.findall(r'id="([^"]+)"', response.text))
        ids = re.findall(r' id="([^"]+)"', response.text)
        assert len(ids) == len(set(ids))

    def test_needs_no_script_and_nothing_from_elsewhere(self, api: Api) -> None:
        response = api.app.test_client().get("/api/docs")
        assert response.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
        assert "script-src" not in CONTENT_SECURITY_POLICY
        assert not re.search(r"<script|<style|style=| on\w+=", response.text)
        assets = re.findall(r'<link rel="stylesheet" href="([^"]+)"', response.text)
        assert assets
        for asset in assets:
            assert asset.startswith("/static/")
            with api.app.test_client().get(asset) as file:
                assert file.status_code == 200

    def test_colours_and_sizes_are_those_of_the_tokens(self) -> None:
        css = (FILES / "static" / "css" / "api_docs.css").read_text("utf-8")
        tokens = (FILES / "static" / "css" / "tokens.css").read_text("utf-8")
        assert set(re.findall(r"var\((--[\w-]+)", css)) <= set(re.findall(r"(--[\w-]+):", tokens))
        assert not re.search(r"#[0-9a-f]{3,8}\b|rgb\(|hsl\(", css)
