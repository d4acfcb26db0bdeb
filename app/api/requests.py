"""What callers may send: declared once, validated here, translated to what the use cases ask for."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, TypeVar

from flask import request
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    ValidationError,
)
from pydantic.alias_generators import to_camel
from werkzeug.exceptions import RequestEntityTooLarge

from app.api.json_body import check_text, parse_json
from app.api.services import api_services
from app.domain.challenge import Ability
from app.domain.errors import InvalidRequest, ObjectNotFound
from app.services.open_session import SessionRequest
from app.services.register_entity import NewEntity

METADATA_MAX_BYTES = 10 * 1024
"""As compact UTF-8 JSON."""
MAX_PROBLEMS = 20
"""How many wrong fields an answer names."""
SESSION_SECONDS_MIN = 60
SESSION_SECONDS_MAX = 31 * 24 * 60 * 60
PAGE_DEFAULT, PAGE_MAX = 50, 100
OFFSET_MAX = 2**31 - 1

_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")

M = TypeVar("M", bound=BaseModel)


def _uuid(text: str) -> str:
    if not _UUID.fullmatch(text):
        raise ValueError("must be a UUID")
    return text.lower()


def _small_object(value: dict[str, object]) -> dict[str, object]:
    compact = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if len(compact.encode("utf-8")) > METADATA_MAX_BYTES:
        raise ValueError(f"must be at most {METADATA_MAX_BYTES} bytes of JSON")
    return value


def _moment(value: object) -> object:
    """ISO 8601; without an offset it is UTC."""
    if not isinstance(value, str):
        return value
    try:
        moment = datetime.fromisoformat(value)
        aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError("must be a time in ISO 8601") from error
    if aware.year < 1900:
        raise ValueError("must be a time after 1900")
    return aware.replace(microsecond=aware.microsecond // 1000 * 1000)


def _json_text(value: object) -> object:
    """A form's field holds JSON as text."""
    if not isinstance(value, str):
        return value
    try:
        return parse_json(value.encode("utf-8"))
    except InvalidRequest as error:
        raise ValueError("must be a JSON object") from error


Uuid = Annotated[str, AfterValidator(_uuid)]
ShortText = Annotated[str, Field(min_length=1, max_length=256)]
SmallObject = Annotated[dict[str, object], AfterValidator(_small_object)]


class Body(BaseModel):
    """Names in camelCase, no silent conversions, unknown fields ignored."""

    model_config = ConfigDict(
        extra="ignore", strict=True, alias_generator=to_camel, allow_inf_nan=False, hide_input_in_errors=True
    )


class EntityBody(Body):
    """`POST /api/entities`."""

    type: Literal["person"]
    name: ShortText
    external_id: ShortText | None = None
    tax_id: ShortText | None = None
    country_code: Annotated[str, Field(pattern=r"^[A-Za-z]{2}$")] | None = None
    attributes: SmallObject | None = None

    def to_service(self) -> NewEntity:
        return NewEntity(
            name=self.name,
            entity_type=self.type,
            external_id=self.external_id,
            tax_id=self.tax_id,
            country_code=self.country_code.upper() if self.country_code else None,
            attributes=self.attributes,
        )


class AccessibilityBody(Body):
    """What the person cannot do, and whether they need longer."""

    avoid: Annotated[list[Annotated[Ability, Field(strict=False)]], Field(max_length=32)] | None = None
    more_time: StrictBool | None = None


class SessionBody(Body):
    """`POST /api/kyc/biometric/sessions`."""

    entity_id: Uuid
    webhook_url: str | None = None
    callback: str | None = None
    language: Annotated[str, Field(max_length=256)] | None = None
    workflow_id: str | None = None
    metadata: SmallObject | None = None
    accessibility: AccessibilityBody | None = None
    challenges: Annotated[StrictInt, Field(ge=1, le=8)] | None = None
    expires_in_seconds: Annotated[StrictInt, Field(ge=SESSION_SECONDS_MIN, le=SESSION_SECONDS_MAX)] | None = None

    def to_service(self) -> SessionRequest:
        seconds = self.expires_in_seconds
        accessibility = self.accessibility or AccessibilityBody()
        return SessionRequest(
            entity_id=self.entity_id,
            webhook_url=self.webhook_url,
            callback=self.callback,
            language=self.language,
            workflow_id=self.workflow_id,
            metadata=self.metadata,
            avoid=frozenset(accessibility.avoid or ()),
            has_more_time=accessibility.more_time or False,
            challenges=self.challenges,
            expires_in=timedelta(seconds=seconds) if seconds else None,
        )


class ImportForm(Body):
    """The text fields of `POST /api/kyc/validations/import`; the portrait is read apart."""

    entity_id: Uuid
    status: Literal["approved"]
    approved_at: Annotated[datetime, BeforeValidator(_moment)] | None = None
    external_session_id: ShortText | None = None
    metadata: Annotated[SmallObject, BeforeValidator(_json_text)] | None = None


class EntityQuery(Body):
    """`GET /api/entities`."""

    external_id: ShortText | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE_MAX, strict=False)] = PAGE_DEFAULT
    offset: Annotated[int, Field(ge=0, le=OFFSET_MAX, strict=False)] = 0


class CurrentQuery(Body):
    """`GET /api/kyc/biometric/entities/{entityId}/current`."""

    basis: Literal["created", "approved"] = "created"


def read_json(model: type[M]) -> M:
    """The body of this request, or `InvalidRequest` naming every wrong field."""
    if request.mimetype and not (request.mimetype == "application/json" or request.mimetype.endswith("+json")):
        raise InvalidRequest("Send the body as application/json.", {"Content-Type": "must be application/json"})
    return validate(model, parse_json(_body()))


def _body() -> bytes:
    """All of the body. Where it came without a length the reader stops at the limit and says nothing."""
    body = request.get_data(cache=False)
    if request.content_length is None and len(body) >= api_services().max_body_bytes:
        raise RequestEntityTooLarge
    return body


def read_query(model: type[M]) -> M:
    """The query of this request."""
    return validate(model, _texts(request.args.to_dict()))


def read_form(model: type[M]) -> M:
    """The text fields of a multipart form; an empty one counts as not sent."""
    if request.mimetype != "multipart/form-data":
        raise InvalidRequest(
            "Send the body as multipart/form-data.", {"Content-Type": "must be multipart/form-data"}
        )
    return validate(model, {name: text for name, text in _texts(request.form.to_dict()).items() if text})


def path_id(text: str) -> str:
    """An id from the path; a malformed one names nothing: `ObjectNotFound`."""
    if not _UUID.fullmatch(text):
        raise ObjectNotFound("No such object.")
    return text.lower()


def validate(model: type[M], value: object) -> M:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        fields = {
            ".".join(str(part) for part in problem["loc"]) or "body": _plain(problem["msg"])
            for problem in problems[:MAX_PROBLEMS]
        }
        raise InvalidRequest("The request has wrong or missing fields.", fields) from error


def _texts(values: dict[str, str]) -> dict[str, str]:
    for name, text in values.items():
        check_text(name)
        check_text(text)
    return values


def _plain(message: str) -> str:
    """The validator's sentence without its own prefix."""
    return message.removeprefix("Value error, ")
