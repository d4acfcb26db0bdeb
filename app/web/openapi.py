"""An OpenAPI 3.1 document out of declared operations, whose bodies are the very models that validate them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from app.web.errors import RETRY_AFTER_SECONDS, STATUS_OF_CODE
from app.web.requests import Body

OPENAPI_VERSION = "3.1.0"
JSON = "application/json"
FORM = "multipart/form-data"
REF_TEMPLATE = "#/components/schemas/{model}"
BEARER = "bearer"

Json = dict[str, Any]
Method = Literal["get", "post", "put", "patch", "delete"]

_MODE: JsonSchemaMode = "validation"
_BINARY = ("format", "binary")
_PARAMETER = re.compile(r"{(\w+)}")


class ErrorBody(Body):
    """The body of every error. `fields` says which parts of a request are wrong, and what is wrong with each."""

    error: str
    message: str
    request_id: str
    fields: dict[str, str] | None = None
    active_session_id: str | None = None


FilePart = Annotated[bytes, Field(json_schema_extra={"contentMediaType": "application/octet-stream"})]
"""A file of a form. OpenAPI 3.1 has no `format: binary` (section 4.8.14.2): a media type says that it is bytes."""


@dataclass(frozen=True)
class Answer:
    """What an operation answers where all is well; `model` None for no body."""

    description: str
    model: type[BaseModel] | None = None
    content_type: str = JSON


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method of one path, as a router has it, with parameters as `{name}`.

    `request` maps content types to the model of the body; `query` declares parameters by its fields.
    `errors` are codes of the error table. `is_public`: without a token.
    """

    method: Method
    path: str
    operation_id: str
    summary: str
    answers: Mapping[int, Answer]
    request: Mapping[str, type[BaseModel]] = field(default_factory=dict)
    query: type[BaseModel] | None = None
    errors: Sequence[str] = ()
    is_public: bool = False
    description: str = ""


def assemble(
    *,
    title: str,
    version: str,
    description: str,
    security_scheme: Mapping[str, str],
    operations: Iterable[Operation],
) -> Json:
    """The document. ValueError where two operations have one method and path, or one id."""
    listed = list(operations)
    for names in ([(one.method, one.path) for one in listed], [one.operation_id for one in listed]):
        if len(set(names)) != len(names):
            raise ValueError("two operations have the same method and path, or the same id")
    schemas = _schemas(listed)
    paths: dict[str, Json] = {}
    for operation in listed:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation, schemas)
    return {
        "openapi": OPENAPI_VERSION,
        "info": {"title": title, "version": version, "description": description},
        "security": [{BEARER: []}],
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": {BEARER: dict(security_scheme)}},
    }


def _schemas(operations: Iterable[Operation]) -> dict[str, Json]:
    """Every model that an operation names, and those within them, by name."""
    models: dict[type[BaseModel], None] = {ErrorBody: None}
    for operation in operations:
        answered = [answer.model for answer in operation.answers.values()]
        models.update({model: None for model in (*operation.request.values(), *answered) if model is not None})
        if operation.query is not None:
            models[operation.query] = None
    names = {model.__name__ for model in models}
    _, document = models_json_schema([(model, _MODE) for model in models], ref_template=REF_TEMPLATE)
    schemas: dict[str, Json] = document["$defs"]
    if not names <= schemas.keys():
        raise ValueError(f"two models share a name: {', '.join(sorted(names - schemas.keys()))}")
    return {name: _without_binary(schema) for name, schema in schemas.items()}


def _without_binary(schema: Any) -> Any:  # noqa: ANN401 (any part of a JSON document)
    """Drop `format: binary`, which 3.1 does not have, where a media type says the same."""
    if isinstance(schema, dict):
        return {name: _without_binary(part) for name, part in schema.items() if (name, part) != _BINARY}
    return [_without_binary(item) for item in schema] if isinstance(schema, list) else schema


def _operation(operation: Operation, schemas: Mapping[str, Json]) -> Json:
    described: Json = {"operationId": operation.operation_id, "summary": operation.summary}
    if operation.description:
        described["description"] = operation.description
    if operation.is_public:
        described["security"] = []
    parameters = [*_path_parameters(operation.path), *_query_parameters(operation.query, schemas)]
    if parameters:
        described["parameters"] = parameters
    if operation.request:
        content = {kind: {"schema": _reference(model)} for kind, model in operation.request.items()}
        described["requestBody"] = {"required": True, "content": content}
    answers = {str(status): _answer(answer) for status, answer in sorted(operation.answers.items())}
    described["responses"] = answers | _errors(operation, answers)
    return described


def _answer(answer: Answer) -> Json:
    if answer.model is None:
        return {"description": answer.description}
    content = {answer.content_type: {"schema": _reference(answer.model)}}
    return {"description": answer.description, "content": content}


def _errors(operation: Operation, taken: Mapping[str, object]) -> Json:
    """One answer for each status, which names its codes; a status that is answered otherwise stays so."""
    by_status: dict[int, list[str]] = {}
    for code in operation.errors:
        by_status.setdefault(STATUS_OF_CODE[code], []).append(code)
    found: Json = {}
    for status, codes in sorted(by_status.items()):
        if str(status) in taken:
            continue
        found[str(status)] = _answer(Answer(", ".join(f"`{code}`" for code in codes), ErrorBody))
        if status == 503:
            found[str(status)]["headers"] = {
                "Retry-After": {"schema": {"type": "integer", "example": RETRY_AFTER_SECONDS}}
            }
    return found


def _path_parameters(path: str) -> list[Json]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(path)
    ]


def _query_parameters(query: type[BaseModel] | None, schemas: Mapping[str, Json]) -> list[Json]:
    if query is None:
        return []
    schema = schemas[query.__name__]
    return [
        {"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": kind}
        for name, kind in schema["properties"].items()
    ]


def _reference(model: type[BaseModel]) -> Json:
    return {"$ref": REF_TEMPLATE.format(model=model.__name__)}
