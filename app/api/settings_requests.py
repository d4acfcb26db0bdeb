"""What callers may send about settings and workflows."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StrictBool, StrictInt

from app.api.branding_requests import BrandingBody
from app.api.requests import Uuid
from app.domain.errors import InvalidRequest
from app.domain.language import LANGUAGES
from app.domain.settings import (
    ADDRESSES_MAX,
    ATTEMPTS_MAX,
    BLOCKLIST_MAX,
    CHALLENGES_MAX,
    DUPLICATE_THRESHOLD_MIN,
    OVERLAP_DEFAULT,
    OVERLAP_MAX,
    PAUSE_FAILURES_MAX,
    PAUSE_HOURS_MAX,
    QUOTA_MAX,
    WORKFLOW_ID,
    OrganizationSettings,
    Workflow,
)
from app.domain.web_address import callback_problem, origin_problem
from app.web.requests import Body, no_problem

DEFAULTS = OrganizationSettings()

_SAME_NAME = (
    "kyc_enabled",
    "biometric_enabled",
    "face_match_enabled",
    "score_decline_threshold",
    "score_floor",
    "review_band",
    "liveness_profile",
    "light_challenge",
    "max_attempts",
    "callback_method",
    "monthly_quota",
    "default_language",
    "cross_entity_policy",
    "duplicate_threshold",
)
"""Fields that the settings have under the same name and with the same values."""


def _only(in_force: object) -> BeforeValidator:
    """Of what the contract names and this version does not do yet: the value that is in force, or null."""
    written = json.dumps(in_force)

    def check(value: object) -> object:
        if value is not None and json.dumps(value) != written:
            raise ValueError(f"is not available in this version, only {written}")
        return value

    return BeforeValidator(check)


def _language(text: str) -> str | None:
    return None if text in LANGUAGES else f"must be one of {', '.join(LANGUAGES)}"


LivenessProfile = Literal["standard", "strict"]
CrossEntityPolicy = Literal["off", "review", "reject"]
CallbackMethodName = Literal["initiator", "completer", "both"]
Score = Annotated[float, Field(ge=0, le=100)]
Attempts = Annotated[StrictInt, Field(ge=1, le=ATTEMPTS_MAX)]
Language = Annotated[str, no_problem(_language), Field(json_schema_extra={"enum": list(LANGUAGES)})]
Origins = Annotated[list[Annotated[str, no_problem(origin_problem)]], Field(max_length=ADDRESSES_MAX)]
Callbacks = Annotated[
    list[Annotated[str, no_problem(lambda url: callback_problem(url, ()))]], Field(max_length=ADDRESSES_MAX)
]
OnlyNull = Annotated[None, _only(None)]


class EntityPauseBody(Body):
    """After so many failed sessions within so many hours an entity has to wait. What is left out stays."""

    failures: Annotated[StrictInt, Field(ge=1, le=PAUSE_FAILURES_MAX)] | None = None
    hours: Annotated[StrictInt, Field(ge=1, le=PAUSE_HOURS_MAX)] | None = None


class SettingsBody(Body):
    """`PATCH /api/kyc/settings`. What is left out stays; null is back to the default.

    `biometricWorkflowId: null` takes the workflow away from sessions that name none.
    With `policyVersion` the change is refused where another version is in force by now.
    """

    policy_version: StrictInt | None = None
    biometric_enabled: StrictBool | None = None
    face_match_enabled: StrictBool | None = None
    kyc_enabled: StrictBool | None = None
    biometric_workflow_id: Annotated[str, Field(max_length=256)] | None = None
    score_decline_threshold: Score | None = None
    review_band: Score | None = None
    cross_entity_policy: CrossEntityPolicy | None = None
    duplicate_threshold: Annotated[float, Field(ge=DUPLICATE_THRESHOLD_MIN, le=100)] | None = None
    liveness_profile: LivenessProfile | None = None
    light_challenge: StrictBool | None = None
    max_attempts: Attempts | None = None
    allowed_frame_origins: Origins | None = None
    allowed_callback_urls: Callbacks | None = None
    callback_method: CallbackMethodName | None = None
    score_floor: Score | None = None
    blocklist: Annotated[list[Uuid], Field(max_length=BLOCKLIST_MAX)] | None = None
    monthly_quota: Annotated[StrictInt, Field(ge=0, le=QUOTA_MAX)] | None = None
    entity_pause: EntityPauseBody | None = None
    retention_days: OnlyNull = None
    branding: BrandingBody | None = None
    default_language: Language | None = None

    def changes(self) -> dict[str, object]:
        """New values of settings by their names."""
        sent = self.model_fields_set
        changes = {name: _or_default(name, getattr(self, name)) for name in _SAME_NAME if name in sent}
        if "biometric_workflow_id" in sent:
            changes["biometric_workflow_id"] = self.biometric_workflow_id
        if "allowed_frame_origins" in sent:
            changes["allowed_frame_origins"] = tuple(self.allowed_frame_origins or ())
        if "allowed_callback_urls" in sent:
            changes["allowed_callback_urls"] = tuple(self.allowed_callback_urls or ())
        if "blocklist" in sent:
            changes["blocklist"] = tuple(dict.fromkeys(self.blocklist or ()))
        if "entity_pause" in sent:
            changes |= _pause_changes(self.entity_pause)
        if "branding" in sent:
            changes["branding"] = None if self.branding is None else self.branding.to_domain()
        return changes


class WorkflowBody(Body):
    """`PUT /api/kyc/workflows/{id}`, the whole of it: what is left out or null is as the organization has it.

    `challenges` only raises how many are asked. `policyVersion` as in the settings.
    """

    policy_version: StrictInt | None = None
    liveness_profile: LivenessProfile | None = None
    challenges: Annotated[StrictInt, Field(ge=1, le=CHALLENGES_MAX)] | None = None
    score_decline_threshold: Score | None = None
    review_band: Score | None = None
    max_attempts: Attempts | None = None

    def to_domain(self, workflow_id: str) -> Workflow:
        """`InvalidRequest` for a name that none can have."""
        if not WORKFLOW_ID.fullmatch(workflow_id):
            problem = "must be 1 to 64 letters, digits, hyphens and underscores"
            raise InvalidRequest("The workflow cannot be called that.", {"workflowId": problem})
        return Workflow(workflow_id, **self.model_dump(exclude={"policy_version"}))


class WebhookSecretBody(Body):
    """`POST /api/kyc/settings/webhook-secret`; the body may be left out."""

    overlap_seconds: Annotated[StrictInt, Field(ge=0, le=int(OVERLAP_MAX.total_seconds()))] | None = None

    @property
    def overlap(self) -> timedelta:
        """How long the secret that stands signs on."""
        return OVERLAP_DEFAULT if self.overlap_seconds is None else timedelta(seconds=self.overlap_seconds)


def _or_default(name: str, value: object) -> object:
    return getattr(DEFAULTS, name) if value is None else value


def _pause_changes(pause: EntityPauseBody | None) -> dict[str, object]:
    """Null for the whole: both back to the default."""
    changes: dict[str, object] = {}
    if pause is None or "failures" in pause.model_fields_set:
        changes["pause_after_failures"] = _or_default("pause_after_failures", pause and pause.failures)
    if pause is None or "hours" in pause.model_fields_set:
        changes["pause_hours"] = _or_default("pause_hours", pause and pause.hours)
    return changes
