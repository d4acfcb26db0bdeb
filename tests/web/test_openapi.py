"""The description of the matching service is a whole OpenAPI 3.1 document, and true."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from app.matching.openapi import OPERATIONS, document
from app.web.errors import STATUS_OF_CODE, TABLE
from app.web.openapi import FORM, JSON, About, ErrorBody, Operation, Returns, assemble
from app.web.requests import Body
from tests.fakes import FakeMatchingCore
from tests.matching.served import TOKEN, make_app

Json = dict[str, Any]


class Pagination(Body):
    """A query."""

    page_size: int = 50
    starting_at: str


class Inner(Body):
    some_name: str


class Outer(Body):
    inner_part: Inner
    many: list[Inner]


def described(*operations: Operation) -> Json:
    scheme = {"type": "http", "scheme": "bearer"}
    about = About(title="t", version="1", description="d", security_scheme=scheme)
    return assemble(about, operations)


def operation(**changes: Any) -> Operation:
    fields: Json = {
        "method": "get",
        "path": "/things/{thingId}",
        "operation_id": "getThing",
        "summary": "A thing",
        "answers": {200: Returns("The thing.", Outer)},
    }
    return Operation(**(fields | changes))


def references(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        for name, value in part.items():
            if name == "$ref":
                yield value
            yield from references(value)
    elif isinstance(part, list):
        for item in part:
            yield from references(item)


def resolve(whole: Json, reference: str) -> object:
    found: Any = whole
    for name in reference.removeprefix("#/").split("/"):
        found = found[name]
    return found


@pytest.mark.parametrize("whole", [document(), described(operation(query=Pagination, errors=["NOT_FOUND"]))])
def test_every_reference_leads_to_a_schema_and_every_schema_is_used(whole: Json) -> None:
    found = set(references(whole))
    assert all(isinstance(resolve(whole, reference), dict) for reference in found)
    for kind, unused in (("schemas", {"ErrorBody"}), ("headers", {"Retry-After", "WWW-Authenticate"})):
        used = {name for place, _, name in (one.rpartition("/") for one in found) if place.endswith(kind)}
        assert set(whole["components"][kind]) - unused == used - unused


def test_the_document_has_what_version_3_1_asks_for() -> None:
    whole = document()
    assert re.fullmatch(r"3\.1\.\d+", whole["openapi"])
    assert {"title", "version"} <= whole["info"].keys()
    assert whole["security"] == [{name: []} for name in whole["components"]["securitySchemes"]]
    for path, methods in whole["paths"].items():
        assert path.startswith("/")
        for method, one in methods.items():
            assert method in {"get", "post"}
            assert {"operationId", "summary", "responses"} <= one.keys()
            for status, response in one["responses"].items():
                assert re.fullmatch(r"[2-5]\d\d", status)
                assert response["description"]
    assert json.loads(json.dumps(whole)) == whole


def test_every_route_of_the_service_is_described_and_nothing_else() -> None:
    app = make_app(FakeMatchingCore())
    served = {
        (rule.rule, method.lower())
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    paths = document()["paths"]
    assert {(path, method) for path, methods in paths.items() for method in methods} == served
    client = app.test_client()
    for path, method in served:
        is_public = paths[path][method].get("security") == []
        assert (client.open(path, method=method).status_code == 401) != is_public


def test_the_service_hands_out_its_description() -> None:
    answer = (
        make_app(FakeMatchingCore())
        .test_client()
        .get("/v1/openapi.json", headers={"Authorization": f"Bearer {TOKEN}"})
    )
    assert answer.json == document()


def test_bodies_are_the_models_that_validate_them() -> None:
    schemas = document()["components"]["schemas"]
    for one in OPERATIONS:
        answered = [answer.model for answer in one.answers.values()]
        for model in [*one.request.values(), *answered]:
            if model is not None:
                names = {field.alias for field in model.model_fields.values()}
                assert schemas[model.__name__]["properties"].keys() == names


def test_files_of_a_form_are_bytes_as_version_3_1_says_it() -> None:
    schemas = document()["components"]["schemas"]
    part = {"type": "string", "contentMediaType": "application/octet-stream"}
    assert schemas["TemplateForm"]["properties"]["image"].items() >= part.items()
    assert schemas["CompareForm"]["properties"]["reference"]["items"].items() >= part.items()
    assert "binary" not in json.dumps(schemas)
    post = document()["paths"]["/v1/templates"]["post"]
    assert set(post["requestBody"]["content"]) == {JSON, FORM}


def test_parameters_come_from_the_path_and_from_the_querys_model() -> None:
    found = described(operation(query=Pagination))["paths"]["/things/{thingId}"]["get"]["parameters"]
    assert [(one["name"], one["in"], one["required"]) for one in found] == [
        ("thingId", "path", True),
        ("pageSize", "query", False),
        ("startingAt", "query", True),
    ]
    assert found[1]["schema"]["type"] == "integer"


def test_errors_stand_under_their_status_with_all_codes_of_it() -> None:
    codes = ["DUPLICATE_ENTITY", "NOT_FOUND", "INVALID_STATE", "SERVICE_UNAVAILABLE"]
    found = described(operation(errors=codes))["paths"]["/things/{thingId}"]["get"]["responses"]
    assert list(found) == ["200", "404", "409", "503"]
    assert found["409"]["description"] == "`DUPLICATE_ENTITY`, `INVALID_STATE`"
    assert "Retry-After" in found["503"]["headers"]
    with pytest.raises(KeyError):
        described(operation(errors=["NO_SUCH_CODE"]))


def test_every_code_of_the_error_table_has_its_status() -> None:
    assert all(STATUS_OF_CODE[code] == status for status, code in TABLE.values())
    assert STATUS_OF_CODE["PAYLOAD_TOO_LARGE"] == 413


def test_two_operations_of_one_name_or_address_are_a_mistake() -> None:
    for changes in ({"path": "/others"}, {"operation_id": "other"}):
        with pytest.raises(ValueError, match="two operations"):
            described(operation(), operation(**changes))
    assert len(described(operation(), operation(method="post", operation_id="other"))["paths"]) == 1


def test_two_models_of_one_name_are_a_mistake() -> None:
    def another() -> type[BaseModel]:
        class Inner(Body):
            other: int

        return Inner

    with pytest.raises(ValueError, match="share a name"):
        described(operation(answers={200: Returns("One.", Inner), 201: Returns("Another.", another())}))


def test_an_error_of_the_service_is_what_the_document_says() -> None:
    answer = make_app(FakeMatchingCore()).test_client().post("/v1/compare")
    assert ErrorBody.model_validate_json(answer.data).error == "UNAUTHORIZED"
