"""What the API answers, declared once: the JSON that is sent and the document that describes it come of the same.

A resource declares its answers and, beside its routes, its operations:

    class ThingAnswer(Answer):
        \"\"\"A thing.\"\"\"

        thing_id: Uuid              # "thingId"
        name: str | None            # no defaults: what is always sent is always there, if only as null
        created_at: Time            # a datetime in, "2026-07-30T12:00:00.000Z" out

    return reply(ThingAnswer(thing_id=…, name=None, created_at=thing.created_at), 201)

    OPERATIONS = (
        Operation(
            method="post",
            path="/api/things",
            operation_id="createThing",
            summary="Make a thing",
            scope=Scope.SETTINGS_WRITE,              # as `requires` has it; None is public
            request={JSON: ThingBody},               # the model that `read_json` validates with
            answers={201: Returns("The thing.", ThingAnswer)},
            errors=("NOT_FOUND", "INVALID_STATE"),   # its own; `operations.py` adds those that every route has
        ),
    )

`app/api/operations.py` collects the `OPERATIONS` of all resources.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from flask import Response, jsonify
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer
from pydantic.alias_generators import to_camel

from app.domain.moment import iso

Time = Annotated[
    datetime,
    PlainSerializer(iso, return_type=str),
    Field(json_schema_extra={"format": "date-time", "examples": ["2026-07-30T12:00:00.000Z"]}),
]
"""ISO 8601 in UTC with milliseconds and Z."""

Uuid = Annotated[str, Field(json_schema_extra={"format": "uuid"})]
"""An id that this server made: a UUIDv7 in lower case."""

Score = Annotated[float, Field(json_schema_extra={"minimum": 0, "maximum": 100})]
"""Comparison and liveness scores. The bounds are described, not enforced: a rounding error costs no answer."""


class Answer(BaseModel):
    """Names in camelCase on the wire, Python's own here; nothing is sent that is not declared."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        alias_generator=to_camel,
        validate_by_alias=True,
        validate_by_name=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )


class Pagination(Answer):
    """Which part of a list this is, and how long the list is."""

    limit: int
    offset: int
    total: int


def reply(model: BaseModel | None, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """The model as JSON; None is the JSON `null`."""
    response = jsonify(None if model is None else model.model_dump(mode="json", by_alias=True))
    response.status_code = status
    response.headers.update(headers or {})
    return response
