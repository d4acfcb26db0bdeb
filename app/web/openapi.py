"""An OpenAPI 3.1 document out of declared operations, whose bodies are the very models that validate them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from app.domain.organization import Scope
from app.web.errors import RETRY_AFTER_SECONDS, STATUS_OF_CODE
from app.web.openapi_schemas import REF_TEMPLATE, Json, Schemas, without_null
from app.web.requests import Body

OPENAPI_VERSION = "3.1.0"
JSON = "application/json"
FORM = "multipart/form-data"
BEARER = "bearer"

Method = Literal["get", "post", "put", "patch", "delete"]

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
class Header:
    """A header of requests or of answers. `is_always`: it is never left out."""

    name: str
    description: str
    schema: Mapping[str, object]
    is_always: bool = False


RETRY_AFTER = Header(
    "Retry-After",
    "Seconds until it is worth trying again.",
    {"type": "integer", "minimum": 0, "examples": [RETRY_AFTER_SECONDS]},
    is_always=True,
)
WWW_AUTHENTICATE = Header("WWW-Authenticate", "How to authenticate.", {"const": "Bearer"}, is_always=True)

_HEADERS_OF_STATUS: Mapping[int, Sequence[Header]] = {
    401: (WWW_AUTHENTICATE,),
    429: (RETRY_AFTER,),
    503: (RETRY_AFTER,),
}


@dataclass(frozen=True)
class Returns:
    """What an operation answers where all is well.

    `model` None for what no model declares: `schema` then describes JSON, `media` the types of a file.
    `is_nullable`: instead of the object there may be JSON's `null`.
    """

    description: str
    model: type[BaseModel] | None = None
    schema: Mapping[str, object] | None = None
    media: Sequence[str] = ()
    is_nullable: bool = False
    headers: Sequence[Header] = ()


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method of one path, as a router has it, with parameters as `{name}`.

    `request` maps content types to the model of the body; `query` declares parameters by its fields.
    `parts` are schemas of the path's parameters by name, text where there is none.
    `headers` may be sent, `answer_headers` come with every answer. `errors` are codes of the error table.
    `scope` is what a key needs; `is_public`: without a key or token. `is_idempotent`: a create that can be sent
    again under one `Idempotency-Key`. `tag` groups operations.
    """

    method: Method
    path: str
    operation_id: str
    summary: str
    answers: Mapping[int, Returns]
    request: Mapping[str, type[BaseModel]] = field(default_factory=dict)
    is_body_optional: bool = False
    query: type[BaseModel] | None = None
    parts: Mapping[str, Json] = field(default_factory=dict)
    headers: Sequence[Header] = ()
    answer_headers: Sequence[Header] = ()
    errors: Sequence[str] = ()
    scope: Scope | None = None
    is_public: bool = False
    is_idempotent: bool = False
    tag: str = ""
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class About:
    """What a document says of the whole. `meanings`: error code → when it comes. `tags`: name → description."""

    title: str
    version: str
    description: str
    security_scheme: Mapping[str, str]
    meanings: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    servers: Sequence[str] = ()


def assemble(about: About, operations: Iterable[Operation]) -> Json:
    """The document. ValueError where two operations have one method and path, or one id."""
    listed = list(operations)
    for names in ([(one.method, one.path) for one in listed], [one.operation_id for one in listed]):
        if len(set(names)) != len(names):
            raise ValueError("two operations have the same method and path, or the same id")
    schemas = _schemas(listed)
    paths: dict[str, Json] = {}
    for operation in listed:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation, schemas, about.meanings)
    whole: Json = {
        "openapi": OPENAPI_VERSION,
        "info": {"title": about.title, "version": about.version, "description": about.description},
        "security": [{BEARER: []}],
        "paths": paths,
        "components": {
            "schemas": schemas.shared(),
            "headers": _shared_headers(listed),
            "securitySchemes": {BEARER: dict(about.security_scheme)},
        },
    }
    if about.servers:
        whole["servers"] = [{"url": url} for url in about.servers]
    if about.tags:
        whole["tags"] = [{"name": name, "description": text} for name, text in about.tags.items()]
    return whole


def _schemas(operations: Iterable[Operation]) -> Schemas:
    """Of every model that an operation names, and of those within them."""
    schemas = Schemas()
    schemas.add(ErrorBody, "serialization")
    for operation in operations:
        for answer in operation.answers.values():
            if answer.model is not None:
                schemas.add(answer.model, "serialization")
        for kind, model in operation.request.items():
            schemas.add(model, "validation", is_text=kind == FORM)
        if operation.query is not None:
            schemas.add(operation.query, "validation", is_text=True, is_inline=True)
    schemas.build()
    return schemas


def _operation(operation: Operation, schemas: Schemas, meanings: Mapping[str, str]) -> Json:
    described: Json = {"operationId": operation.operation_id, "summary": operation.summary}
    if operation.tag:
        described["tags"] = [operation.tag]
    texts = [operation.description] if operation.description else []
    if operation.scope is not None:
        # Roles of a bearer scheme: OpenAPI 3.1, section 4.8.30.
        described["security"] = [{BEARER: [operation.scope.value]}]
        texts.append(f"The key needs the scope `{operation.scope.value}`.")
    if texts:
        described["description"] = "\n\n".join(texts)
    if operation.is_public:
        described["security"] = []
    parameters = [*_path_parameters(operation), *_query_parameters(operation.query, schemas)]
    parameters += [_header_parameter(header) for header in operation.headers]
    if parameters:
        described["parameters"] = parameters
    if operation.request:
        content = {kind: {"schema": schemas.reference(model)} for kind, model in operation.request.items()}
        described["requestBody"] = {"required": not operation.is_body_optional, "content": content}
    described["responses"] = _answers(operation, schemas, meanings)
    return described


def _answers(operation: Operation, schemas: Schemas, meanings: Mapping[str, str]) -> Json:
    found: dict[int, Json] = {
        status: _answer(answer, operation.answer_headers, schemas) for status, answer in operation.answers.items()
    }
    for status, codes in _codes_by_status(operation.errors).items():
        if status not in found:
            found[status] = _error(status, codes, operation.answer_headers, meanings)
    return {str(status): answer for status, answer in sorted(found.items())}


def _answer(answer: Returns, headers: Sequence[Header], schemas: Schemas) -> Json:
    described: Json = {"description": answer.description}
    described |= _headers([*headers, *answer.headers])
    if answer.media:
        described["content"] = {kind: {} for kind in answer.media}
        return described
    schema: Json | None = None if answer.schema is None else dict(answer.schema)
    if answer.model is not None:
        schema = schemas.reference(answer.model)
    if schema is not None:
        schema = {"oneOf": [schema, {"type": "null"}]} if answer.is_nullable else schema
        described["content"] = {JSON: {"schema": schema}}
    return described


def _codes_by_status(codes: Iterable[str]) -> dict[int, list[str]]:
    """KeyError for a code that is not in the error table."""
    found: dict[int, list[str]] = {}
    for code in dict.fromkeys(codes):
        found.setdefault(STATUS_OF_CODE[code], []).append(code)
    return found


def _error(status: int, codes: Sequence[str], headers: Sequence[Header], meanings: Mapping[str, str]) -> Json:
    """One answer for each status, which names its codes; a status that is answered otherwise stays so."""
    if any(code in meanings for code in codes):
        description = "\n".join(f"- `{code}`: {meanings[code]}" for code in codes)
    else:
        description = ", ".join(f"`{code}`" for code in codes)
    reference = {"$ref": REF_TEMPLATE.format(model=ErrorBody.__name__)}
    schema = {"allOf": [reference, {"properties": {"error": {"enum": list(codes)}}}]}
    described: Json = {"description": description, "content": {JSON: {"schema": schema}}}
    return described | _headers([*headers, *_HEADERS_OF_STATUS.get(status, ())])


def _headers(headers: Iterable[Header]) -> Json:
    described = {header.name: {"$ref": f"#/components/headers/{header.name}"} for header in headers}
    return {"headers": described} if described else {}


def _shared_headers(operations: Iterable[Operation]) -> dict[str, Json]:
    """Every header of an answer, by name: one name is one header everywhere."""
    headers = [*_HEADERS_OF_STATUS[401], *_HEADERS_OF_STATUS[503]]
    for operation in operations:
        headers += operation.answer_headers
        headers += [header for answer in operation.answers.values() for header in answer.headers]
    return {
        header.name: {
            "description": header.description,
            "required": header.is_always,
            "schema": dict(header.schema),
        }
        for header in headers
    }


def _path_parameters(operation: Operation) -> list[Json]:
    return [
        {"name": name, "in": "path", "required": True, "schema": operation.parts.get(name, {"type": "string"})}
        for name in _PARAMETER.findall(operation.path)
    ]


def _query_parameters(query: type[BaseModel] | None, schemas: Schemas) -> list[Json]:
    if query is None:
        return []
    schema = schemas.inline(query)
    return [
        {"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": without_null(kind)}
        for name, kind in schema["properties"].items()
    ]


def _header_parameter(header: Header) -> Json:
    return {
        "name": header.name,
        "in": "header",
        "required": header.is_always,
        "description": header.description,
        "schema": dict(header.schema),
    }
