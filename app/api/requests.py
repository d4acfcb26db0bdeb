"""What callers may send: declared once, validated here, translated to what the use cases ask for."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StrictBool, StrictInt, StringConstraints
from pydantic.config import JsonDict

from app.domain.challenge import Ability
from app.domain.check import CheckStatus
from app.domain.errors import InvalidRequest, ObjectNotFound
from app.domain.session import SessionStatus
from app.services.check_biometric import CheckRequest
from app.services.match_faces import FaceMatchRequest
from app.services.open_session import SessionRequest
from app.services.register_entity import NewEntity
from app.web.json_body import parse_json
from app.web.openapi import FilePart
from app.web.requests import Body

METADATA_MAX_BYTES = 10 * 1024
"""As compact UTF-8 JSON."""
SESSION_SECONDS_MIN = 60
SESSION_SECONDS_MAX = 31 * 24 * 60 * 60
PAGE_DEFAULT, PAGE_MAX = 50, 100
OFFSET_MAX = 2**31 - 1
REASON_MIN, REASON_MAX = 5, 2_000
"""Characters, without the white space around."""

VENDOR_DATA_MAX = 1024

_NUMBER = re.compile(r"-?[0-9]{1,400}(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,3})?")
_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")


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


def _whole_number(value: object) -> object:
    """Digits alone: a slip as `1_0` or `+5` would else be taken for a number that nobody meant."""
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]{1,20}", value):
        raise ValueError("must be a whole number")
    return value


def _number(value: object) -> object:
    """As JSON writes numbers."""
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        raise ValueError("must be a number")
    return value


Uuid = Annotated[str, AfterValidator(_uuid), Field(json_schema_extra={"format": "uuid"})]
ShortText = Annotated[str, Field(min_length=1, max_length=256)]
SmallObject = Annotated[dict[str, object], AfterValidator(_small_object)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=REASON_MIN, max_length=REASON_MAX)]
ImageText = Annotated[str, Field(json_schema_extra={"contentEncoding": "base64"})]
Limit = Annotated[int, Field(ge=1, le=PAGE_MAX, strict=False), BeforeValidator(_whole_number)]
Offset = Annotated[int, Field(ge=0, le=OFFSET_MAX, strict=False), BeforeValidator(_whole_number)]
Sequence = Annotated[int, Field(ge=0, le=2**63 - 1, strict=False), BeforeValidator(_whole_number)]
Threshold = Annotated[float, Field(ge=0, le=100, strict=False), BeforeValidator(_number)]


def _one_of(*names: str) -> JsonDict:
    """JSON schema: at least one of these, as text."""
    return {"anyOf": [{"required": [name], "properties": {name: {"type": "string"}}} for name in names]}


ONE_ENTITY = _one_of("entityId", "externalEntityId")
ONE_IMAGE = _one_of("user_image", "userImage")


class EntityBody(Body):
    """`POST /api/entities`."""

    type: Literal["person"]
    name: ShortText
    external_id: ShortText | None = None
    """Your name for the person; one of a kind in the organization."""
    tax_id: ShortText | None = None
    """One of a kind in the organization."""
    country_code: Annotated[str, Field(pattern=r"^[A-Za-z]{2}$")] | None = None
    """ISO 3166-1, two letters."""
    attributes: SmallObject | None = None
    """Yours, kept and handed back: at most 10 KiB of JSON."""

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
    """Movements that are not asked for."""
    more_time: StrictBool | None = None


class SessionBody(Body):
    """`POST /api/kyc/biometric/sessions`."""

    entity_id: Uuid
    webhook_url: str | None = None
    """Told when the session has ended; `https`, a public address."""
    callback: str | None = None
    """Where the person is sent afterwards; `https`, or `http` on loopback."""
    language: str | None = None
    """Of the hosted page; one that is unknown falls back to the organization's, then to English."""
    workflow_id: str | None = None
    """The organization's own where left out."""
    metadata: SmallObject | None = None
    """Yours, kept and handed back: at most 10 KiB of JSON."""
    accessibility: AccessibilityBody | None = None
    challenges: Annotated[StrictInt, Field(ge=1, le=8)] | None = None
    """Movements to ask for; only raises the number."""
    replay_ledger: StrictBool | None = None
    """With test keys only: whether the session's frames are remembered, and looked for among those of other test
    sessions. False where left out; live sessions always take part."""
    expires_in_seconds: Annotated[StrictInt, Field(ge=SESSION_SECONDS_MIN, le=SESSION_SECONDS_MAX)] | None = None
    """A day where left out."""

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
            replay_ledger=self.replay_ledger,
            expires_in=timedelta(seconds=seconds) if seconds else None,
        )


class ImportForm(Body):
    """The text fields of `POST /api/kyc/validations/import`; the portrait is read apart."""

    entity_id: Uuid
    status: Literal["approved"]
    approved_at: Annotated[datetime, BeforeValidator(_moment)] | None = None
    """Now, where left out."""
    external_session_id: ShortText | None = None
    """What the validation is called where it was made."""
    metadata: Annotated[SmallObject, BeforeValidator(_json_text)] | None = None


class ImportUpload(ImportForm):
    """The whole form."""

    portrait: FilePart
    """JPEG, PNG, WebP or TIFF by content, at most 5 MiB and 25 megapixels."""


class ReasonBody(Body):
    """Why somebody approves or rejects, for the audit trail."""

    reason: Reason
    """Counted without the white space around."""


class CancelBody(Body):
    """Why somebody cancels; the body may be left out."""

    reason: Reason | None = None


class CheckForm(Body):
    """The text fields of `POST /api/kyc/biometric` as a form; the image is read apart."""

    entity_id: Uuid | None = None
    external_entity_id: ShortText | None = None

    def to_service(self, image_name: str, image: bytes) -> CheckRequest:
        """`InvalidRequest` where no entity is named."""
        if self.entity_id is None and self.external_entity_id is None:
            raise InvalidRequest(
                "No entity is named.", {"entityId": "either this or externalEntityId is required"}
            )
        return CheckRequest(image, self.entity_id, self.external_entity_id, image_name)


class CheckUpload(CheckForm):
    """The whole form."""

    model_config = ConfigDict(json_schema_extra={"allOf": [ONE_ENTITY, ONE_IMAGE]})

    user_image: Annotated[FilePart | None, Field(alias="user_image")] = None
    user_image_too: Annotated[FilePart | None, Field(alias="userImage")] = None


class CheckBody(CheckForm):
    """`POST /api/kyc/biometric` as JSON. The image is base64, with or without a data URL, under either name."""

    model_config = ConfigDict(json_schema_extra={"allOf": [ONE_ENTITY, ONE_IMAGE]})

    user_image: Annotated[ImageText | None, Field(alias="user_image")] = None
    user_image_too: Annotated[ImageText | None, Field(alias="userImage")] = None


class FaceMatchForm(Body):
    """The text fields of `POST /api/kyc/face-match`; the images are read apart."""

    entity_id: Uuid | None = None
    """Whose record this is kept with."""
    score_threshold: Threshold | None = None
    """The organization's own where left out."""
    vendor_data: Annotated[str, Field(max_length=VENDOR_DATA_MAX)] | None = None
    """Yours, kept and handed back."""

    def to_service(self, request_id: str) -> FaceMatchRequest:
        return FaceMatchRequest(request_id, self.entity_id, self.score_threshold, self.vendor_data)


class FaceMatchUpload(FaceMatchForm):
    """The whole form. `documentImage` is the reference, `selfieImage` the probe."""

    document_image: FilePart
    """The reference. JPEG, PNG, WebP or TIFF by content, at most 5 MiB and 25 megapixels."""
    selfie_image: FilePart
    """The probe; the same kinds."""


class EntityQuery(Body):
    """`GET /api/entities`."""

    external_id: ShortText | None = None
    limit: Limit = PAGE_DEFAULT
    offset: Offset = 0


class PageQuery(Body):
    """Which part of a list."""

    limit: Limit = PAGE_DEFAULT
    offset: Offset = 0


class FaceMatchQuery(PageQuery):
    """`GET /api/kyc/face-match/verifications`."""

    entity_id: Uuid | None = None
    status: Annotated[CheckStatus, Field(strict=False)] | None = None


class SessionQuery(PageQuery):
    """`GET /api/kyc/biometric/sessions`."""

    entity_id: Uuid | None = None
    status: Annotated[SessionStatus, Field(strict=False)] | None = None


class CurrentQuery(Body):
    """`GET /api/kyc/biometric/entities/{entityId}/current`."""

    basis: Literal["created", "approved"] = "created"


def path_id(text: str) -> str:
    """An id from the path; a malformed one names nothing: `ObjectNotFound`."""
    if not _UUID.fullmatch(text):
        raise ObjectNotFound("No such object.")
    return text.lower()
