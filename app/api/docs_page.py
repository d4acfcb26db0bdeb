"""What the human page of the API shows, taken out of the OpenAPI document and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from app.web.openapi import BEARER
from app.web.openapi_schemas import Json

_REFERENCE = "#/components/schemas/"
_FORMATS = {"uuid": "UUID", "date-time": "time", "uri": "URL"}
_TYPES = {
    "string": "text",
    "number": "number",
    "integer": "whole number",
    "boolean": "true or false",
    "object": "object",
    "null": "null",
}
_CODE = re.compile(r"^- `(\w+)`: (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Text:
    """A run of text. `code`: as it is typed. `link`: an address on the page."""

    text: str
    code: bool = False
    link: str = ""


@dataclass(frozen=True)
class Field:
    """A parameter, a header, or a field of a body."""

    name: str
    kind: tuple[Text, ...]
    about: tuple[Text, ...]
    is_required: bool


@dataclass(frozen=True)
class Fields:
    """Fields under a heading."""

    heading: str
    rows: tuple[Field, ...]


@dataclass(frozen=True)
class AnswerRow:
    """A status, what it means, and what comes with it."""

    status: str
    about: tuple[Text, ...]
    kind: tuple[Text, ...]


@dataclass(frozen=True)
class ErrorRow:
    """A code of the error table."""

    code: str
    status: str
    about: tuple[Text, ...] = ()


@dataclass(frozen=True)
class OperationView:
    """One operation."""

    anchor: str
    method: str
    path: str
    summary: str
    about: tuple[tuple[Text, ...], ...]
    scope: str
    inputs: tuple[Fields, ...]
    answers: tuple[AnswerRow, ...]
    errors: tuple[ErrorRow, ...]


@dataclass(frozen=True)
class GroupView:
    """Operations that belong together."""

    anchor: str
    name: str
    about: tuple[Text, ...]
    operations: tuple[OperationView, ...]


@dataclass(frozen=True)
class SchemaView:
    """An object, or the values that a text can have."""

    anchor: str
    name: str
    about: tuple[Text, ...]
    kind: tuple[Text, ...]
    rows: tuple[Field, ...]


@dataclass(frozen=True)
class PageView:
    """The whole page."""

    title: str
    version: str
    server: str
    about: tuple[tuple[Text, ...], ...]
    groups: tuple[GroupView, ...]
    errors: tuple[ErrorRow, ...]
    schemas: tuple[SchemaView, ...]


def page_of(document: Json) -> PageView:
    """The page of a document that `app/web/openapi.py` has made."""
    shared = document["components"]["schemas"]
    groups = tuple(_group(document, tag) for tag in document["tags"])
    return PageView(
        title=document["info"]["title"],
        version=document["info"]["version"],
        server=document["servers"][0]["url"],
        about=_paragraphs(document["info"]["description"]),
        groups=groups,
        errors=_all_errors(document),
        schemas=tuple(_schema(name, shared[name]) for name in sorted(shared)),
    )


def _all_errors(document: Json) -> tuple[ErrorRow, ...]:
    codes = document["components"]["schemas"]["ErrorBody"]["properties"]["error"]["x-codes"]
    rows = [ErrorRow(code, str(one["status"]), _texts(one["when"])) for code, one in codes.items()]
    return tuple(sorted(rows, key=lambda row: (row.status, row.code)))


def _operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in document["paths"].items():
        for method, one in methods.items():
            yield method, path, one


def _group(document: Json, tag: Mapping[str, str]) -> GroupView:
    shared = document["components"]["schemas"]
    return GroupView(
        anchor=_anchor(tag["name"]),
        name=tag["name"],
        about=_texts(tag["description"]),
        operations=tuple(
            _operation(method, path, one, shared)
            for method, path, one in _operations(document)
            if tag["name"] in one["tags"]
        ),
    )


def _operation(method: str, path: str, one: Json, shared: Mapping[str, Json]) -> OperationView:
    scopes = [scope for need in one.get("security", ()) for scope in need.get(BEARER, ())]
    about = [text for text in one.get("description", "").split("\n\n") if text and not _is_scope(text)]
    return OperationView(
        anchor=one["operationId"],
        method=method.upper(),
        path=path,
        summary=one["summary"],
        about=tuple(_texts(text) for text in about),
        scope=", ".join(scopes),
        inputs=tuple(fields for fields in (*_parameters(one), *_bodies(one, shared)) if fields.rows),
        answers=tuple(_answers(one)),
        errors=tuple(_errors(one)),
    )


def _is_scope(text: str) -> bool:
    return text.startswith("The key needs the scope")


def _parameters(one: Json) -> Iterator[Fields]:
    for place, heading in (("path", "Path"), ("query", "Query"), ("header", "Headers")):
        rows = tuple(
            Field(
                parameter["name"],
                _kind(parameter["schema"]),
                _texts(parameter.get("description", parameter["schema"].get("description", ""))),
                parameter["required"],
            )
            for parameter in one.get("parameters", ())
            if parameter["in"] == place
        )
        yield Fields(heading, rows)


def _bodies(one: Json, shared: Mapping[str, Json]) -> Iterator[Fields]:
    body = one.get("requestBody", {"content": {}, "required": True})
    for content_type, content in body["content"].items():
        name = content["schema"]["$ref"].removeprefix(_REFERENCE)
        note = "" if body["required"] else ", may be left out"
        yield Fields(f"Body as {content_type}{note}", _rows(shared[name]))


def _rows(schema: Json) -> tuple[Field, ...]:
    required = schema.get("required", ())
    return tuple(
        Field(name, _kind(part), _texts(part.get("description", "")), name in required)
        for name, part in schema.get("properties", {}).items()
    )


def _answers(one: Json) -> Iterator[AnswerRow]:
    for status, answer in one["responses"].items():
        if _CODE.search(answer["description"]):
            continue
        kinds: list[Text] = []
        for content_type, content in answer.get("content", {}).items():
            if "schema" in content:
                kinds += _kind(content["schema"])
            else:
                kinds += [Text(", ")] if kinds else []
                kinds.append(Text(content_type, code=True))
        yield AnswerRow(status, _texts(answer["description"]), tuple(kinds))


def _errors(one: Json) -> Iterator[ErrorRow]:
    for status, answer in one["responses"].items():
        for code, about in _CODE.findall(answer["description"]):
            yield ErrorRow(code, status, _texts(about))


def _schema(name: str, schema: Json) -> SchemaView:
    rows = _rows(schema)
    return SchemaView(
        anchor=_schema_anchor(name),
        name=name,
        about=_texts(schema.get("description", "")),
        kind=() if rows else _kind(schema),
        rows=rows,
    )


def _kind(schema: Json) -> tuple[Text, ...]:
    """A schema in words, with links to what it refers to."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_REFERENCE)
        return (Text(name, link=_schema_anchor(name)),)
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return _joined((_kind(part) for part in schema[choice]), " or ")
    if "const" in schema:
        return (Text(str(schema["const"]), code=True),)
    if "enum" in schema:
        return _joined(((Text(str(value), code=True),) for value in schema["enum"]), ", ")
    if schema.get("type") == "array":
        return (Text("list of "), *_kind(schema.get("items", {})))
    return (Text(_simple(schema)),)


def _simple(schema: Json) -> str:
    if "contentMediaType" in schema:
        return "file"
    if "contentEncoding" in schema:
        return f"text, {schema['contentEncoding']}"
    words = _FORMATS.get(schema.get("format", "")) or _TYPES.get(schema.get("type", ""), "any JSON")
    return words + _bounds(schema)


def _bounds(schema: Json) -> str:
    unit = " characters" if schema.get("type") == "string" else ""
    low = schema.get("minimum", schema.get("minLength", schema.get("exclusiveMinimum")))
    high = schema.get("maximum", schema.get("maxLength"))
    if low is not None and high is not None:
        text = f", {low} to {high}{unit}"
    elif high is not None:
        text = f", at most {high}{unit}"
    else:
        text = "" if low is None else f", at least {low}{unit}"
    default = schema.get("default")
    return text if default is None else f"{text}; {default} by default"


def _joined(kinds: Iterable[tuple[Text, ...]], between: str) -> tuple[Text, ...]:
    found: list[Text] = []
    for kind in kinds:
        found += [Text(between)] if found else []
        found += kind
    return tuple(found)


def _paragraphs(text: str) -> tuple[tuple[Text, ...], ...]:
    return tuple(_texts(paragraph) for paragraph in text.split("\n\n"))


def _texts(text: str) -> tuple[Text, ...]:
    """What stands between backticks is code."""
    parts = text.split("`")
    return tuple(Text(part, code=index % 2 == 1) for index, part in enumerate(parts) if part)


def _anchor(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower())


def _schema_anchor(name: str) -> str:
    return f"schema-{name}"
